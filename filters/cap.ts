/**
 * The cap: of the pairs that contain a query, at most k are chosen on account of it, those with the smallest
 * `u = priority(seed, pair, query)`. A pair's u depends on nothing but these three, so any order of input and any split
 * over machines choose the same pairs, and P(keep) = 1 - prod(1 - min(1, k / count_q)).
 *
 * Memory stays bounded without sorting every query's pairs: a first pass counts; a query with c > k pairs has its k-th
 * smallest u near k/c of the range, so a second pass counts the u below a window of seven standard deviations around
 * that place and keeps only those inside it; the k-th smallest is then exact. Should it ever lie outside the window,
 * that query is counted once more without one.
 */

/** Goes once over all pairs that may be chosen, in any order, always the same ones. */
export type PairScan = (visit: (idHigh: number, idLow: number, queries: readonly number[]) => void) => void;

/** The range of u: whole numbers below 2^53. */
const RANGE = 2 ** 53;

/** Murmur3's finaliser: every input bit changes every output bit with probability one half. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * u of a pair and a query: 53 uniform bits.
 * @param idHigh first 32 bits of the pair id, @param idLow the last 32.
 * @param query the query's own hash, see {@link termHash}: not its row number, which changes with the list.
 */
export function priority(seed: number, idHigh: number, idLow: number, query: number): number {
  const high = mix(mix(mix(seed ^ 0x2545f491) ^ idHigh) ^ query);
  const low = mix(mix(high ^ idLow) + 0x9e3779b9);
  return (mix(high ^ low) >>> 0) * 0x200000 + (low >>> 11);
}

/** A query's hash for {@link priority}, from its term alone (FNV-1a over UTF-16 units, mixed). */
export function termHash(term: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < term.length; i++) hash = Math.imul(hash ^ term.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** A query's window: u below `low` are counted, u up to `high` are kept. */
interface Window {
  low: number;
  high: number;
  below: number;
  inside: number[];
}

/** Per query: how many pairs contain it, and the largest u that is chosen on account of it. */
export interface Thresholds {
  counts: Uint32Array;
  /** Indexed by query id; Infinity for queries with at most k pairs. */
  largest: Float64Array;
}

/**
 * The exact thresholds. Goes over the pairs twice, and once more in the improbable case named above.
 * @param hashes {@link termHash} of each query, indexed by query id.
 * @param cap k, the most pairs chosen on account of one query.
 */
export function computeThresholds(scan: PairScan, hashes: Int32Array, cap: number, seed: number): Thresholds {
  const counts = new Uint32Array(hashes.length);
  scan((_high, _low, queries) => {
    for (const query of queries) counts[query] = (counts[query] ?? 0) + 1;
  });
  const largest = new Float64Array(hashes.length).fill(Number.POSITIVE_INFINITY);
  let open = new Map<number, Window>();
  for (let query = 0; query < counts.length; query++) {
    const count = counts[query] ?? 0;
    if (count <= cap) continue;
    const expected = cap / count;
    const spread = (7 * Math.sqrt(cap * (1 - expected))) / count;
    open.set(query, { low: (expected - spread) * RANGE, high: (expected + spread) * RANGE, below: 0, inside: [] });
  }
  while (open.size > 0) {
    fillWindows(scan, hashes, seed, open);
    const missed = new Map<number, Window>();
    for (const [query, window] of open) {
      const place = cap - window.below;
      if (place < 1 || place > window.inside.length) missed.set(query, { low: -1, high: RANGE, below: 0, inside: [] });
      else largest[query] = Float64Array.from(window.inside).sort()[place - 1] ?? Number.POSITIVE_INFINITY;
    }
    open = missed;
  }
  return { counts, largest };
}

function fillWindows(scan: PairScan, hashes: Int32Array, seed: number, windows: Map<number, Window>): void {
  scan((high, low, queries) => {
    for (const query of queries) {
      const window = windows.get(query);
      if (!window) continue;
      const u = priority(seed, high, low, hashes[query] ?? 0);
      if (u < window.low) window.below++;
      else if (u <= window.high) window.inside.push(u);
    }
  });
}

/** The queries on whose account a pair is chosen: empty when it fits under no cap. */
export function chosenFor(
  thresholds: Thresholds,
  hashes: Int32Array,
  seed: number,
  idHigh: number,
  idLow: number,
  queries: readonly number[],
): number[] {
  return queries.filter((query) => {
    const largest = thresholds.largest[query] ?? 0;
    return largest === Number.POSITIVE_INFINITY || priority(seed, idHigh, idLow, hashes[query] ?? 0) <= largest;
  });
}
