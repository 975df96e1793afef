import assert from "node:assert/strict";
import { test } from "node:test";
import { DnsCache } from "../../crawler/resolver.ts";
import { startDns } from "../servers/dns.ts";

/** A cache, and the name server that it asks. */
async function start(t: { after: (end: () => void) => void }, addresses: readonly string[]) {
  const server = await startDns(() => addresses);
  const cache = new DnsCache([server.address]);
  t.after(() => {
    cache.stop();
    server.close();
  });
  return { cache, asked: server.asked };
}

test("of a name with many addresses some are kept", async (t) => {
  const many = Array.from({ length: 50 }, (_, i) => `198.51.100.${i}`);
  const { cache } = await start(t, many);
  const found = await cache.addresses("many.example");
  assert.ok(found.length > 1 && found.length < 50, `${found.length} addresses`);
  assert.ok(found.every((address) => many.includes(address)));
});

test("what is longer than any name is not asked for", async (t) => {
  const { cache, asked } = await start(t, ["198.51.100.1"]);
  await assert.rejects(cache.addresses(`${"a".repeat(60).concat(".").repeat(5)}example`), {
    reason: "dns",
    kind: "gone",
  });
  assert.deepEqual(asked, []);
});

test("names are forgotten when there are too many, those that fail too", async (t) => {
  const { cache, asked } = await start(t, ["198.51.100.1"]);
  await cache.addresses("first.example");
  const questions = asked.length;
  for (let i = 0; i < 25_000; i++) await assert.rejects(cache.addresses(`${i}.invalid`));
  await cache.addresses("first.example");
  assert.equal(asked.length, 2 * questions);
});
