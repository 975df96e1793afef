import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { after, describe, test } from "node:test";
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from "node:tls";
import type { NetOptions } from "../../../crawler/net.ts";
import { startDns } from "../../servers/dns.ts";
import { closedPort } from "../../servers/free-port.ts";
import { checkFaults, IMPATIENT, listen, openNet, rawServer } from "./harness.ts";

// Faults 1 to 7 of the reliability table: the network below HTTP.

/** Connecting ends after a third of the deadline, which must be well before it on a crowded machine too. */
const NO_CONNECTION = { deadlineMs: 15_000 };

/** Below robots.txt, which would be asked for three times. */
async function assertNoConnection(options: Partial<NetOptions>, url: string, reason: string): Promise<void> {
  const { net } = openNet({ ...options, ...NO_CONNECTION });
  await assert.rejects(net.http.get(url, { maxBytes: 100, accept: "*/*" }), { reason, kind: "host in trouble" });
}

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));

// Most of it is waiting: all at once.
describe("names, connections, bodies, handshakes", { concurrency: true }, () => {
  test("1. names that do not resolve", async () => {
    const dns = await startDns((name) =>
      name.startsWith("no") ? "NXDOMAIN" : name.startsWith("broken") ? "SERVFAIL" : "silent",
    );
    after(dns.close);
    const { net } = openNet({ dns: [dns.address] });
    await checkFaults(net, [
      ["does not exist", "http://no.example/", "dns: gone"],
      ["the name server fails", "http://broken.example/", "dns: host in trouble"],
      ["the name server is silent", "http://silent.example/", "dns: host in trouble"],
      ["a name nobody can know", "http://site.invalid/", "dns: gone"],
    ]);
    const questions = dns.asked.length;
    await checkFaults(net, [["asked again", "http://no.example/another", "dns: gone"]]);
    // The negative cache answers.
    await checkFaults(net, [["another site of it", "https://no.example/", "dns: gone"]]);
    if (dns.asked.length !== questions) throw new Error(`asked again: ${dns.asked.slice(questions)}`);
  });

  test("2. connections refused, and into a black hole", async () => {
    const hole = await blackHole();
    await checkFaults(openNet({}).net, [
      ["refused", `http://127.0.0.1:${await closedPort()}/`, "connect: host in trouble"],
    ]);
    await assertNoConnection({}, `http://127.0.0.1:${hole}/`, "connect");
  });

  test("3 to 5. resets, drips, bodies without end", async () => {
    const server = rawServer((path, socket) => {
      if (path === "/header") socket.write("HTTP/1.1 200 OK\r\nConte", () => socket.resetAndDestroy());
      if (path === "/body")
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", () => socket.resetAndDestroy());
      if (path === "/drip" || path === "/drip-header") {
        socket.write(path === "/drip" ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 200 OK\r\nX: ");
        const timer = setInterval(() => socket.write("x"), 100);
        socket.on("close", () => clearInterval(timer));
      }
      if (path === "/endless") {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const more = () => {
          while (!socket.destroyed && socket.write(`10000\r\n${"x".repeat(0x10000)}\r\n`));
        };
        socket.on("drain", more);
        more();
      }
    });
    const port = await listen(server);
    const resolve = ["a", "b", "c", "d", "e"].map((name) => `${name}.example:${port}:127.0.0.1`);
    await Promise.all([
      checkFaults(openNet({ resolve }).net, [
        ["3. reset in the header", `http://a.example:${port}/header`, "reset: retry later"],
        ["3. reset in the body", `http://b.example:${port}/body`, "reset: retry later"],
        ["5. a body without end", `http://e.example:${port}/endless`, "too_large: gone"],
      ]),
      checkFaults(openNet({ resolve, ...IMPATIENT }).net, [
        ["4. a byte at a time", `http://c.example:${port}/drip`, "timeout: host in trouble"],
        ["4. a byte of the header at a time", `http://d.example:${port}/drip-header`, "timeout: host in trouble"],
      ]),
    ]);
  });

  test("6 and 7. certificates that do not hold, handshakes that do not end", async () => {
    const key = fixture("key");
    const secure = (cert: string) =>
      createTlsServer({ key, cert: fixture(cert) }, (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nx"));
    const plain: string[] = [];
    const [expired, selfSigned, unknown, silent, http] = await Promise.all([
      listen(secure("expired")),
      listen(secure("authority")),
      listen(secure("good")),
      listen(createServer(() => {})),
      listen(
        createServer((socket) =>
          socket.on("data", (bytes) => plain.push(bytes.toString("latin1"))).write("HTTP/1.1 200 OK\r\n\r\n"),
        ),
      ),
    ]);
    const resolve = [expired, selfSigned, unknown, silent, http].map((port) => `tls.site.example:${port}:127.0.0.1`);
    const url = (port: number) => `https://tls.site.example:${port}/`;
    await Promise.all([
      checkFaults(openNet({ resolve }).net, [
        ["6. expired", url(expired), "tls: refused by policy"],
        ["6. self-signed", url(selfSigned), "tls: refused by policy"],
        ["6. of an authority that nobody trusts", url(unknown), "tls: refused by policy"],
        ["7. no TLS at all", url(http), "tls: gone"],
      ]),
      // No answer to the handshake.
      assertNoConnection({ resolve }, url(silent), "tls"),
    ]);
    if (plain.some((bytes) => bytes.startsWith("GET"))) throw new Error("fell back to http");
  });
});

/** A port whose queue of connections is full and that accepts none: what is sent to it is lost. */
async function blackHole(): Promise<number> {
  const program =
    "require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})";
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const port = Number(await new Promise((resolve) => child.stdout.once("data", resolve)));
  child.kill("SIGSTOP");
  const fillers = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  after(() => {
    for (const filler of fillers) filler.destroy();
    child.kill("SIGKILL");
  });
  await new Promise((resolve) => fillers[0]?.once("connect", resolve));
  return port;
}

test("6. a certificate for another host; the right one is taken", async () => {
  const before = getCACertificates();
  setDefaultCACertificates([...before, fixture("authority").toString()]);
  after(() => setDefaultCACertificates(before));
  const server = createTlsServer({ key: fixture("key"), cert: fixture("good") }, (socket) =>
    socket.on("error", () => {}).once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")),
  );
  const port = await listen(server);
  const { net } = openNet({
    resolve: ["right.site.example", "two.labels.site.example", "wrong.test", "127.0.0.2"].map(
      (host) => `${host}:${port}:127.0.0.1`,
    ),
  });
  await checkFaults(net, [
    ["another host's", `https://wrong.test:${port}/`, "tls: refused by policy"],
    ["a star is one label", `https://two.labels.site.example:${port}/`, "tls: refused by policy"],
    ["another address", `https://127.0.0.2:${port}/`, "tls: refused by policy"],
    ["its own address", `https://127.0.0.1:${port}/`, "ok: 1 bytes"],
    ["its own", `https://right.site.example:${port}/`, "ok: 1 bytes"],
  ]);
});
