import assert from "node:assert/strict";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { after, test } from "node:test";
import { startDns } from "../../servers/dns.ts";
import { listen, openNet, outcomeOf, rawServer } from "./harness.ts";

// Faults 8, 9, 10 and 12: ways to make a crawler ask machines of its own network. "The world" is 127.0.0.2 here, the only
// address that may be dialled; whoever gets through to anything else is counted by what listens there.

const WORLD = "127.0.0.2";
const REFUSED = "private_address: refused by policy";
/** Spellings of addresses that are not public, for the place of a host in a URL. */
const FORMS = [
  "127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001", "127.0.0.1.",
  "①②⑦.0.0.1", "localhost", "LOCALHOST", "sub.localhost", "0.0.0.0", "0", "10.0.0.1", "0xa.0.0.1", "172.16.0.1", "172.31.255.254",
  "192.168.0.1", "3232235521", "169.254.169.254", "0xa9fea9fe", "2852039166", "100.64.0.1", "100.100.100.200", "192.0.0.192",
  "168.63.129.16", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001::1]", "[fe80::1]", "[fd00::1]", "[fd00:ec2::254]",
  "[ff02::1]",
]; // biome-ignore format: a list

/** What names may resolve to. */
const ADDRESSES = [
  "127.0.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "168.63.129.16", "192.0.0.192",
  "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1",
  "fe80::1", "fd00::1", "fd00:ec2::254", "ff02::1",
]; // biome-ignore format: a list

/** A server in the world that redirects wherever its path says, and one on the same port of this machine that nobody may reach. */
async function startWorld(): Promise<{ port: number; reached: () => number }> {
  let reached = 0;
  const port = await listen(
    rawServer((path, socket, host) => {
      const to = /^\/to\/(.*)$/.exec(path)?.[1];
      // Other than ASCII stays encoded: hosts in addresses may be.
      const target = to?.includes("%E2") ? to : decodeURIComponent(to ?? "");
      const location = to === undefined ? "" : `Location: http://${target}:${port}/\r\n`;
      socket.write(
        `HTTP/1.1 ${to ? "302 Found" : "200 OK"}\r\n${location}Content-Length: ${host.length}\r\n\r\n${host}`,
      );
    }),
    WORLD,
  );
  const inside = () => createServer((socket) => socket.end(`${++reached}`));
  const ipv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
  try {
    for (const host of ipv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"]) await listen(inside(), host, port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return startWorld(); // Somebody else has that port there.
  }
  return { port, reached: () => reached };
}

test("10. no spelling of a private address is dialled", async () => {
  const { port, reached } = await startWorld();
  const { net } = openNet({ allowPrivate: [WORLD] });
  assert.match(await outcomeOf(net, `http://${WORLD}:${port}/`), /^ok/);
  for (const form of FORMS) assert.equal(await outcomeOf(net, `http://${form}:${port}/`), REFUSED, form);
  assert.equal(reached(), 0);
});

test("12. nor when a public server redirects to it", async () => {
  const { port, reached } = await startWorld();
  const { net } = openNet({ allowPrivate: [WORLD] });
  const { http } = net; // Below the queues: forty redirects of one host would take ten seconds.
  for (const form of FORMS) {
    const target = `http://${WORLD}:${port}/to/${encodeURIComponent(form)}`;
    await assert.rejects(http.get(target, { maxBytes: 100, accept: "*/*" }), { reason: "private_address" }, form);
  }
  assert.equal(await outcomeOf(net, `http://${WORLD}:${port}/to/127.0.0.1`), REFUSED);
  assert.equal(reached(), 0);
});

test("8. nor when a name resolves to it, alone or among others", async () => {
  const { port, reached } = await startWorld();
  const dns = await startDns((name, type) => {
    const [, number, mixed] = /^n(\d+)(m?)\./.exec(name) ?? [];
    const address = ADDRESSES[Number(number)] ?? "";
    const ofType = [address, ...(mixed ? [WORLD] : [])].filter((one) => one.includes(":") === (type === "AAAA"));
    return ofType;
  });
  after(dns.close);
  const { net } = openNet({ allowPrivate: [WORLD], dns: [dns.address] });
  const ended = await Promise.all(ADDRESSES.map((_, i) => outcomeOf(net, `http://n${i}.example:${port}/`)));
  for (const [i, outcome] of ended.entries()) {
    // Without IPv6 of its own a machine does not ask for AAAA: then the name has no address.
    const expected = ADDRESSES[i]?.includes(":") && outcome.startsWith("dns") ? "dns: gone" : REFUSED;
    assert.equal(outcome, expected, ADDRESSES[i]);
  }
  // Of several addresses the public one is taken, the private one never.
  assert.match(await outcomeOf(net, `http://n0m.example:${port}/`), /^ok/);
  assert.equal(reached(), 0);
});

test("9. nor when a name resolves to it the second time", async () => {
  const { port, reached } = await startWorld();
  let questions = 0;
  const dns = await startDns((_, type) => (type === "AAAA" ? [] : [++questions === 1 ? WORLD : "127.0.0.1"]), 0);
  after(dns.close);
  const { net } = openNet({ allowPrivate: [WORLD], dns: [dns.address] });
  for (let i = 0; i < 3; i++) assert.match(await outcomeOf(net, `http://rebind.example:${port}/${i}`), /^ok/);
  assert.equal(questions, 1); // A time to live of zero is not obeyed to the letter: this is what rebinding needs.
  const again = openNet({ allowPrivate: [WORLD], dns: [dns.address] });
  assert.equal(await outcomeOf(again.net, `http://rebind.example:${port}/`), REFUSED);
  assert.equal(reached(), 0);
});
