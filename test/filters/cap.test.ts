import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import {
  anyChosen,
  type BlockScan,
  bitsFor,
  type Choose,
  chooseMatches,
  countMatches,
  exactChoice,
  isChosen,
  type PairBlock,
  sampledThresholds,
} from "../../filters/cap.ts";
import { PairBlocks } from "../../filters/pair-blocks.ts";
import { priority, type Thresholds, termHash } from "../../filters/priority.ts";
import { Windows } from "../../filters/windows.ts";
import { temporaryFolder } from "../folder.ts";
import { generator } from "../random.ts";

interface SmallPair {
  high: number;
  low: number;
  queries: number[];
}

function blockOf(pairs: readonly SmallPair[]): PairBlock {
  const starts = new Uint32Array(pairs.length + 1);
  for (const [i, { queries }] of pairs.entries()) starts[i + 1] = (starts[i] ?? 0) + queries.length;
  return {
    pairs: pairs.length,
    high: Int32Array.from(pairs, ({ high }) => high),
    low: Int32Array.from(pairs, ({ low }) => low),
    starts,
    queries: Int32Array.from(pairs.flatMap(({ queries }) => queries)),
    // All ones: the passes must not rely on what was there.
    chosen: new Int32Array(bitsFor(starts[pairs.length] ?? 0)).fill(-1),
    open: new Int32Array(bitsFor(starts[pairs.length] ?? 0)).fill(-1),
  };
}

/** Pairs of the blocks, one after the other, with the queries they are chosen for. */
function apply(pairs: readonly SmallPair[], blocks: readonly PairBlock[], choose: Choose) {
  const chosen = new Map<SmallPair, number[]>();
  let first = 0;
  for (const block of blocks) {
    choose(block);
    for (const [i, pair] of pairs.slice(first, first + block.pairs).entries()) {
      const own = pair.queries.filter((_, q) => isChosen(block, (block.starts[i] ?? 0) + q));
      assert.equal(anyChosen(block, i), own.length > 0);
      chosen.set(pair, own);
    }
    first += block.pairs;
  }
  return chosen;
}

function within(pairs: readonly SmallPair[], thresholds: Thresholds, hashes: Int32Array, seed: number) {
  return apply(pairs, [blockOf(pairs)], (block) => chooseMatches(block, thresholds, hashes, seed));
}

function count(blocks: readonly PairBlock[], queries: number): Uint32Array {
  const counts = new Uint32Array(queries);
  for (const block of blocks) countMatches(block, counts);
  return counts;
}

function choose(pairs: readonly SmallPair[], hashes: Int32Array, cap: number, seed: number, parts = 1, deviations = 7) {
  const size = Math.max(1, Math.ceil(pairs.length / parts));
  const blocks = Array.from({ length: parts }, (_, i) => blockOf(pairs.slice(i * size, (i + 1) * size)));
  const scan: BlockScan = (visit) => blocks.forEach(visit);
  return apply(pairs, blocks, exactChoice(scan, count(blocks, hashes.length), hashes, cap, seed, deviations));
}

/** The slow obvious twin: sort each query's pairs by u, take the first `cap`. */
function slowChoose(pairs: readonly SmallPair[], hashes: Int32Array, cap: number, seed: number) {
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

const hashesOf = (count: number) => Int32Array.from({ length: count }, (_, i) => termHash(`term ${i}`));

test("exactly the cap smallest are chosen for every query, as the slow twin does", () => {
  const random = generator(1);
  for (const [count, queries, cap] of [
    [3_000, 50, 20],
    [3_000, 50, 1],
    [2_000, 400, 100],
    [500, 3, 400],
    [30_000, 8, 500],
  ] as const) {
    const pairs = randomPairs(count, queries, random);
    const hashes = hashesOf(queries);
    assert.deepEqual(choose(pairs, hashes, cap, 7), slowChoose(pairs, hashes, cap, 7), `${count} ${queries} ${cap}`);
  }
});

test("pairs of no query, of one and of thousands, wherever batches of matches end", () => {
  const random = generator(5);
  const hashes = hashesOf(6_000);
  const pairs = randomPairs(4_000, 300, random).map((pair, i) => {
    if (i % 7 === 0) return { ...pair, queries: [] };
    if (i % 500 === 3)
      return { ...pair, queries: Array.from({ length: 4_000 + i }, (_, query) => query).slice(0, 6_000) };
    return pair;
  });
  const chosen = choose(pairs, hashes, 6, 1, 3);
  assert.deepEqual(chosen, slowChoose(pairs, hashes, 6, 1));
  assert.ok([...chosen.values()].some((queries) => queries.length > 3_000));
});

test("order of input and number of parts change nothing; another seed chooses others", () => {
  const pairs = randomPairs(2_000, 30, generator(2));
  const hashes = hashesOf(30);
  const straight = choose(pairs, hashes, 25, 0);
  for (const parts of [1, 2, 7, 2_000]) {
    const turned = choose(pairs.toReversed(), hashes, 25, 0, parts);
    for (const [pair, queries] of straight) assert.deepEqual(turned.get(pair), queries);
  }
  const other = choose(pairs, hashes, 25, 1);
  assert.ok([...straight].some(([pair, queries]) => queries.length !== other.get(pair)?.length));
});

test("counts and windows of several machines merge in any order (property)", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 9 }), (seed, cap, ranks) => {
      const pairs = randomPairs(600, 20, generator(seed));
      const hashes = hashesOf(20);
      const shares = Array.from({ length: ranks }, (_, rank) => blockOf(pairs.filter((_, i) => i % ranks === rank)));
      const counts = new Uint32Array(20);
      for (const share of shares) for (const [q, n] of count([share], 20).entries()) counts[q] = (counts[q] ?? 0) + n;
      const windows = shares.map((share) => {
        const own = new Windows(counts, hashes, cap, seed);
        own.add(share);
        return structuredClone({ below: own.below, inside: own.inside });
      });
      const random = generator(seed + 1);
      windows.sort(() => random() - 0.5);
      const merged = new Windows(counts, hashes, cap, seed);
      for (const one of windows) merged.merge(one);
      const thresholds = sampledThresholds(counts, 2 ** 31);
      assert.equal(merged.settle(thresholds).size, 0);
      assert.deepEqual(within(pairs, thresholds, hashes, seed), slowChoose(pairs, hashes, cap, seed));
    }),
    { numRuns: 60, seed: 4 },
  );
});

test("a window that was missed is found in a wider one", () => {
  const pairs = randomPairs(20_000, 4, generator(8));
  const hashes = hashesOf(4);
  const counts = count([blockOf(pairs)], 4);
  // Windows of a thousandth of a standard deviation miss; exactChoice widens what is missed.
  const narrow = new Windows(counts, hashes, 5_000, 0, 0.001);
  narrow.add(blockOf(pairs));
  const missed = narrow.settle(sampledThresholds(counts, 2 ** 31));
  assert.ok(missed.size > 0);
  const again = new Windows(counts, hashes, 5_000, 0, 7, missed);
  again.add(blockOf(pairs));
  assert.equal(again.settle(sampledThresholds(counts, 2 ** 31)).size, 0);
  assert.deepEqual(choose(pairs, hashes, 5_000, 0, 3, 0.001), slowChoose(pairs, hashes, 5_000, 0));
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
  const lowBuckets = new Uint32Array(64);
  let agree = 0;
  const n = 100_000;
  for (let i = 0; i < n; i++) {
    // Ids that differ in few bits, the worst case for a hash.
    const [high, low] = i % 2 === 0 ? [i, 0] : [(random() * 2 ** 32) | 0, i];
    const u = priority(0, high, low, termHash("cat"));
    assert.ok(Number.isInteger(u) && u >= 0 && u < 2 ** 53);
    const bucket = Math.floor((u / 2 ** 53) * 64);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    lowBuckets[u % 64] = (lowBuckets[u % 64] ?? 0) + 1;
    if (u < 2 ** 52 === priority(0, high, low, termHash("dog")) < 2 ** 52) agree++;
  }
  for (const seen of [buckets, lowBuckets]) {
    const chi = seen.reduce((sum, times) => sum + (times - n / 64) ** 2 / (n / 64), 0);
    assert.ok(chi < 120, `chi-square ${chi} of 63 degrees of freedom`);
  }
  assert.ok(Math.abs(agree / n - 0.5) < 0.01, `${agree} of ${n}`);
});

test("the share kept follows 1 - prod(1 - cap / count), exactly or by MetaCLIP's sampling", () => {
  const pairs = randomPairs(20_000, 40, generator(7));
  const hashes = hashesOf(40);
  const cap = 200;
  const counts = count([blockOf(pairs)], 40);
  let expected = 0;
  for (const { queries } of pairs)
    expected += 1 - queries.reduce((product, query) => product * (1 - Math.min(1, cap / (counts[query] ?? 1))), 1);
  const sampled = within(pairs, sampledThresholds(counts, cap), hashes, 0);
  for (const choice of [choose(pairs, hashes, cap, 0), sampled]) {
    const kept = [...choice.values()].filter((queries) => queries.length > 0).length;
    assert.ok(Math.abs(kept - expected) < 4 * Math.sqrt(expected), `${kept} kept, ${expected.toFixed(0)} expected`);
  }
  const perQuery = (choice: Map<SmallPair, number[]>) => [...choice.values()].filter((own) => own.includes(0)).length;
  assert.equal(perQuery(choose(pairs, hashes, cap, 0)), cap);
  const drawn = perQuery(sampled);
  assert.ok(drawn !== cap && Math.abs(drawn - cap) < 6 * Math.sqrt(cap), `${drawn} drawn`);
});

test("blocks come back as they went in, from memory and from the file, again and again", () => {
  const file = join(temporaryFolder("blocks"), "select.tmp");
  const pairs = randomPairs(5_000, 1_000, generator(6));
  const many = { high: 1, low: 2, queries: Array.from({ length: 600_000 }, (_, i) => i) };
  pairs.splice(100, 0, many, many, { high: 3, low: 4, queries: [] }, many);
  const blocks = new PairBlocks(file, 1);
  for (const { high, low, queries } of pairs) blocks.add(high, low, queries);
  assert.ok(existsSync(file));
  for (let round = 0; round < 3; round++) {
    const read: SmallPair[] = [];
    for (const { pairs, high, low, starts, queries, chosen, open } of blocks.blocks()) {
      // What one pass marks is there for the next.
      assert.ok(chosen.every((bits) => bits === round) && open.every((bits) => bits === -round));
      chosen.fill(round + 1);
      open.fill(-round - 1);
      for (let i = 0; i < pairs; i++)
        read.push({ high: high[i] ?? 0, low: low[i] ?? 0, queries: [...queries.subarray(starts[i], starts[i + 1])] });
    }
    assert.equal(read.length, pairs.length);
    assert.ok(read.every((pair, i) => JSON.stringify(pair) === JSON.stringify(pairs[i])));
  }
  blocks.close();
  assert.ok(!existsSync(file));
});
