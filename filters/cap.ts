import {
  highBits,
  isWithin,
  openThresholds,
  pairHash1,
  pairHash2,
  RANGE,
  setThreshold,
  type Thresholds,
} from "./priority.ts";
import { Windows } from "./windows.ts";

/**
 * The cap: of the pairs that contain a query, at most k are chosen on account of it, those with the smallest
 * `u = priority(seed, pair, query)`. A pair's u depends on nothing but these three, so any order of input and any split
 * over machines choose the same pairs, and P(keep) = 1 - prod(1 - min(1, k / count_q)).
 *
 * Three passes over blocks of pairs, each of which can be split over machines and merged; only the second computes every u:
 * 1. {@link countMatches}; merging adds the counts.
 * 2. {@link Windows}: a query with c > k pairs has its k-th smallest u near k/c of the range, so only the u within seven
 *    standard deviations of that place are kept, those below are counted, and the k-th smallest is then exact. Merging adds
 *    the numbers below and joins what is inside. Memory: 12 bytes for each u inside, about 14 sqrt(k) a query. Two bits a
 *    match stay with the block: below its window, so chosen whatever the threshold; inside.
 * 3. {@link Choose}: what is inside its window is compared with the threshold.
 */

/** Pairs with the queries they contain, as columns. */
export interface PairBlock {
  pairs: number;
  /** Pair ids: first and last 32 bits. */
  high: Int32Array;
  low: Int32Array;
  /** Where a pair's queries begin in `queries`; one more entry than pairs. */
  starts: Uint32Array;
  queries: Int32Array;
  /** A bit a match, 32 a number, the first the lowest: chosen. Filled by the passes, as is `open`: not decided yet. */
  chosen: Int32Array;
  open: Int32Array;
}

/** How many numbers hold a bit for each of so many matches. */
export function bitsFor(matches: number): number {
  return (matches + 31) >>> 5;
}

/** Whether a match of the block is chosen, once the third pass has seen the block. */
export function isChosen(block: PairBlock, match: number): boolean {
  return (((block.chosen[match >>> 5] as number) >>> match) & 1) === 1;
}

/** Whether any match of a pair is chosen. */
export function anyChosen({ starts, chosen }: PairBlock, pair: number): boolean {
  const first = starts[pair] as number;
  const last = (starts[pair + 1] as number) - 1;
  for (let word = first >>> 5; word <= last >> 5; word++) {
    let bits = chosen[word] as number;
    if (word === first >>> 5) bits &= -1 << first;
    if (word === last >> 5) bits &= -1 >>> (31 - (last & 31));
    if (bits !== 0) return true;
  }
  return false;
}

/** First pass: adds a block's matches to the count of each query. */
export function countMatches(block: PairBlock, counts: Uint32Array): void {
  const { queries } = block;
  const end = block.starts[block.pairs] as number;
  for (let i = 0; i < end; i++) {
    const query = queries[i] as number;
    counts[query] = (counts[query] as number) + 1;
  }
}

/** Goes over all blocks, in any order, always the same ones. */
export type BlockScan = (visit: (block: PairBlock) => void) => void;

/** Third pass: marks in `chosen` of a block the matches within their query's threshold. A pair without any fits under no cap. */
export type Choose = (block: PairBlock) => void;

/**
 * The exact thresholds, in one pass over the pairs, and one more in the improbable case that a window was missed.
 * @param counts matches of each query, see {@link countMatches}.
 * @param cap k, the most pairs chosen on account of one query.
 * @param deviations half the width of a window; for tests of the improbable case.
 * @returns them, with how many passes they took.
 */
export function exactThresholds(
  scan: BlockScan,
  counts: Uint32Array,
  hashes: Int32Array,
  cap: number,
  seed: number,
  deviations = 7,
): { thresholds: Thresholds; passes: number } {
  const thresholds = openThresholds(counts.length);
  let only: Set<number> | undefined;
  let passes = 0;
  for (let width = deviations; only === undefined || only.size > 0; width *= 4) {
    const windows: Windows = new Windows(counts, hashes, cap, seed, width, only);
    scan((block) => windows.add(block));
    only = windows.settle(thresholds);
    passes++;
  }
  return { thresholds, passes };
}

/**
 * The exact choice; takes what {@link exactThresholds} takes.
 * @param search its scan goes over the same blocks that the function returned is called with: the second pass left its marks
 *   in them.
 */
export function exactChoice(...search: Parameters<typeof exactThresholds>): Choose {
  const [, , hashes, , seed] = search;
  const { thresholds, passes } = exactThresholds(...search);
  return passes === 1
    ? (block) => settleOpen(block, thresholds, hashes, seed)
    : (block) => chooseMatches(block, thresholds, hashes, seed);
}

/** Decides the matches that the second pass left open. */
function settleOpen(block: PairBlock, thresholds: Thresholds, hashes: Int32Array, seed: number): void {
  const { high: idHigh, low: idLow, starts, queries, chosen, open } = block;
  let pair = 0;
  const words = bitsFor(starts[block.pairs] as number);
  for (let word = 0; word < words; word++) {
    let within = chosen[word] as number;
    for (let bits = open[word] as number; bits !== 0; bits &= bits - 1) {
      const bit = bits & -bits;
      const i = (word << 5) + 31 - Math.clz32(bit);
      while ((starts[pair + 1] as number) <= i) pair++;
      const query = queries[i] as number;
      const hash = hashes[query] as number;
      const hash1 = pairHash1(seed, idHigh[pair] as number);
      const hash2 = pairHash2(hash1, idLow[pair] as number);
      const high = highBits(hash1, hash2, hash);
      // Every other match of a window is within: by a branch half of these would be foreseen wrongly.
      const beyond = (high >> 1) - ((thresholds.high[query] as number) >> 1);
      if (beyond !== 0) within |= bit & (beyond >> 31);
      else if (isWithin(thresholds, query, high, hash2, hash)) within |= bit;
    }
    chosen[word] = within;
  }
}

/**
 * MetaCLIP's balancing for comparison: each match is drawn on its own with probability k / max(k, count), so that the cap
 * holds on average only (paper, section 3.3).
 */
export function sampledThresholds(counts: Uint32Array, cap: number): Thresholds {
  const thresholds = openThresholds(counts.length);
  for (let query = 0; query < counts.length; query++) {
    const count = counts[query] as number;
    if (count > cap) setThreshold(thresholds, query, Math.floor((cap / count) * RANGE) - 1);
  }
  return thresholds;
}

/** Third pass without marks of a second: computes every u. */
export function chooseMatches(block: PairBlock, thresholds: Thresholds, hashes: Int32Array, seed: number): void {
  const { high: idHigh, low: idLow, starts, queries, chosen } = block;
  let within = 0;
  for (let pair = 0; pair < block.pairs; pair++) {
    const hash1 = pairHash1(seed, idHigh[pair] as number);
    const hash2 = pairHash2(hash1, idLow[pair] as number);
    const end = starts[pair + 1] as number;
    for (let i = starts[pair] as number; i < end; i++) {
      const query = queries[i] as number;
      const hash = hashes[query] as number;
      const high = highBits(hash1, hash2, hash);
      if (isWithin(thresholds, query, high, hash2, hash)) within |= 1 << i;
      if ((i & 31) === 31) {
        chosen[i >>> 5] = within;
        within = 0;
      }
    }
  }
  const last = (starts[block.pairs] as number) >>> 5;
  if (last < chosen.length) chosen[last] = within;
}
