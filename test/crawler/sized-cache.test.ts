import assert from "node:assert/strict";
import { test } from "node:test";
import { SizedCache } from "../../crawler/sized-cache.ts";

/** Of the keys a to f those that are kept, without asking for them in another order than they lie. */
const kept = (cache: SizedCache<number>) => [..."abcdef"].filter((key) => cache.get(key) !== undefined).join("");

test("what was not asked for the longest goes when all takes too much", () => {
  const cache = new SizedCache<number>(10);
  for (const [i, key] of [..."abcd"].entries()) cache.set(key, i, 3);
  assert.equal(kept(cache), "bcd");
  assert.equal(cache.get("b"), 1);
  cache.set("e", 4, 6);
  assert.equal(kept(cache), "be");
});

test("what is set again takes what it takes now; what is larger than all is not kept", () => {
  const cache = new SizedCache<number>(10);
  cache.set("a", 1, 9);
  cache.set("a", 2, 2);
  cache.set("b", 3, 8);
  assert.equal(kept(cache), "ab");
  assert.equal(cache.get("a"), 2);
  cache.set("c", 4, 11);
  assert.equal(kept(cache), "");
});
