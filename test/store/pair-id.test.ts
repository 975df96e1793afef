import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { normaliseUrl, pairId, resolver } from "../../store/pair-id.ts";

/** What it is defined as. */
function parsed(address: string, base?: string): string | undefined {
  const url = URL.parse(address.trim(), base);
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  url.hash = "";
  return url.href;
}

test("an address is normalised as the URL standard says, also where parsing is skipped", () => {
  const part = fc.string({
    unit: fc.constantFrom(..."ab-.1X_~!$&'()*+,;=:@/%?#2eE\\ ü[]|^`{}\"<>", "/..", "/.", "%2e", "xn--", "\t"),
    maxLength: 12,
  });
  const host = fc.string({
    unit: fc.constantFrom(..."ab-.1X_", "xn--", ".com", ".org", "é"),
    minLength: 1,
    maxLength: 10,
  });
  fc.assert(
    fc.property(fc.constantFrom("http://", "https://", "HTTP://", "//", ""), host, part, (scheme, name, rest) => {
      for (const address of [`${scheme}${name}/${rest}`, `${scheme}${name}.com/${rest}`, `${scheme}${name}${rest}`]) {
        assert.equal(normaliseUrl(address), parsed(address), address);
        assert.equal(normaliseUrl(address, "https://b.example/c/d"), parsed(address, "https://b.example/c/d"), address);
      }
    }),
    { numRuns: 20_000, seed: 8 },
  );
});

test("many addresses of a page are resolved as each alone", () => {
  const bases = [
    "https://b.example/c/d?e=/f#g",
    "http://b.example",
    "https://b.example:8080/c//d/",
    "https://u:p@b.example/%7e/x",
  ];
  const unit = fc.constantFrom(..."ab-.1X_~:/?#%\\ ü&", "/..", "./", "../", "%2e", "\t", "//", "http:", "data:");
  fc.assert(
    fc.property(fc.constantFrom(...bases), fc.string({ unit, maxLength: 10 }), (base, address) => {
      assert.equal(resolver(base)(address), normaliseUrl(address, base), `${address} on ${base}`);
    }),
    { numRuns: 20_000, seed: 8 },
  );
  assert.equal(resolver("no address")("a.jpg"), undefined);
});

test("a pair's id is the beginning of SHA-256 over address, NUL and caption", () => {
  const sum = createHash("sha256").update("https://a.example/").update("\0").update("Käse 🧀").digest("hex");
  assert.equal(pairId("https://a.example/", "Käse 🧀"), sum.slice(0, 16));
});
