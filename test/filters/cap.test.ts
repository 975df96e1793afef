import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chosenFor, computeThresholds, type PairScan, priority, termHash } from "../../filters/cap.ts";

interface SmallPair {
  high: number;
  low: number;
  queries: number[];
}

const scanOf =
  (pairs: readonly SmallPair[]): PairScan =>
  (visit) => {
    for (const { high, low, queries } of pairs) visit(high, low, queries);
  };

function choose(pairs: readonly SmallPair[], hashes: Int32Array, cap: number, seed: number): Map<SmallPair, number[]> {
  const thresholds = computeThresholds(scanOf(pairs), hashes, cap, seed);
  return new Map(pairs.map((pair) => [pair, chosenFor(thresholds, hashes, seed, pair.high, pair.low, pair.queries)]));
}

/** The slow obvious twin: sort each query's pairs by u, take the first `cap`. */
function slowChoose(
  pairs: readonly SmallPair[],
  hashes: Int32Array,
  cap: number,
  seed: number,
): Map<SmallPair, number[]> {
  const chosen = new Map<SmallPair, number[]>(pairs.map((pair) => [pair, []]));
  for (let query = 0; query < hashes.length; query++) {
    const u = (pair: SmallPair) => priority(seed, pair.high, pair.low, hashes[query] ?? 0);
    const containing = pairs.filter((pair) => pair.queries.includes(query)).sort((a, b) => u(a) - u(b));
    for (const pair of containing.slice(0, cap)) chosen.get(pair)?.push(query);
  }
  return chosen;
}

function randomPairs(count: number, queries: number, random: () => number): SmallPair[] {
  return Array.from({ length: count }, () => {
    const own = new Set<number>();
    // A few head queries in nearly every pair, a long tail.
    for (let i = 0; i < 4; i++) own.add(Math.floor(queries * random() ** 4));
    return { high: (random() * 2 ** 32) | 0, low: (random() * 2 ** 32) | 0, queries: [...own].sort((a, b) => a - b) };
  });
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

const hashesOf = (count: number) => Int32Array.from({ length: count }, (_, i) => termHash(`term ${i}`));

test("exactly the cap smallest are chosen for every query, as the slow twin does", () => {
  const random = generator(1);
  for (const [count, queries, cap] of [
    [3_000, 50, 20],
    [3_000, 50, 1],
    [2_000, 400, 100],
    [500, 3, 400],
  ] as const) {
    const pairs = randomPairs(count, queries, random);
    const hashes = hashesOf(queries);
    assert.deepEqual(choose(pairs, hashes, cap, 7), slowChoose(pairs, hashes, cap, 7), `${count} ${queries} ${cap}`);
  }
});

test("order of input changes nothing; another seed chooses others", () => {
  const pairs = randomPairs(2_000, 30, generator(2));
  const hashes = hashesOf(30);
  const straight = choose(pairs, hashes, 25, 0);
  const turned = choose(pairs.toReversed(), hashes, 25, 0);
  for (const [pair, queries] of straight) assert.deepEqual(turned.get(pair), queries);
  const other = choose(pairs, hashes, 25, 1);
  assert.ok([...straight].some(([pair, queries]) => queries.length !== other.get(pair)?.length));
});

test("no query above the cap; a query with at most cap pairs keeps them all (property)", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 300 }), (seed, cap, count) => {
      const pairs = randomPairs(count, 20, generator(seed));
      const kept = new Map<number, number>();
      for (const queries of choose(pairs, hashesOf(20), cap, seed).values())
        for (const query of queries) kept.set(query, (kept.get(query) ?? 0) + 1);
      for (let query = 0; query < 20; query++) {
        const matched = pairs.filter((pair) => pair.queries.includes(query)).length;
        assert.equal(kept.get(query) ?? 0, Math.min(matched, cap));
      }
    }),
    { numRuns: 200, seed: 3 },
  );
});

test("u is uniform and unrelated between queries", () => {
  const random = generator(4);
  const buckets = new Uint32Array(64);
  let agree = 0;
  const n = 100_000;
  for (let i = 0; i < n; i++) {
    const [high, low] = [(random() * 2 ** 32) | 0, (random() * 2 ** 32) | 0];
    const u = priority(0, high, low, termHash("cat"));
    assert.ok(Number.isInteger(u) && u >= 0 && u < 2 ** 53);
    const bucket = Math.floor((u / 2 ** 53) * 64);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    if (u < 2 ** 52 === priority(0, high, low, termHash("dog")) < 2 ** 52) agree++;
  }
  const chi = buckets.reduce((sum, seen) => sum + (seen - n / 64) ** 2 / (n / 64), 0);
  assert.ok(chi < 120, `chi-square ${chi} of 63 degrees of freedom`);
  assert.ok(Math.abs(agree / n - 0.5) < 0.01, `${agree} of ${n}`);
});

test("the share kept follows 1 - prod(1 - cap / count)", () => {
  const pairs = randomPairs(20_000, 40, generator(5));
  const hashes = hashesOf(40);
  const cap = 200;
  const counts = computeThresholds(scanOf(pairs), hashes, cap, 0).counts;
  let expected = 0;
  for (const { queries } of pairs)
    expected += 1 - queries.reduce((product, query) => product * (1 - Math.min(1, cap / (counts[query] ?? 1))), 1);
  const kept = [...choose(pairs, hashes, cap, 0).values()].filter((queries) => queries.length > 0).length;
  assert.ok(Math.abs(kept - expected) < 4 * Math.sqrt(expected), `${kept} kept, ${expected.toFixed(0)} expected`);
});
