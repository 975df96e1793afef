/**
 * The cap: of the pairs that contain a query, at most k are chosen on account of it, those with the smallest
 * `u = priority(seed, pair, query)`. A pair's u depends on nothing but these three, so any order of input and any split
 * over machines choose the same pairs, and P(keep) = 1 - prod(1 - min(1, k / count_q)).
 *
 * Three passes over blocks of pairs, each of which can be split over machines and merged:
 * 1. {@link countMatches}; merging adds the counts.
 * 2. {@link Windows}: a query with c > k pairs has its k-th smallest u near k/c of the range, so only the u within seven
 *    standard deviations of that place are kept, those below are counted, and the k-th smallest is then exact. Merging adds
 *    the numbers below and joins what is inside. Memory: 12 bytes for each u inside, about 14 sqrt(k) a query.
 * 3. {@link chooseMatches} with the thresholds.
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
}

/**
 * u is a whole number below 2^53: 32 high bits, which nearly always decide, and 21 low ones. The high bits travel as a
 * signed integer (less 2^31), because comparing those is what processors, and V8, do without conversion.
 */
const LOW_BITS = 21;
const LOW_RANGE = 2 ** LOW_BITS;
const RANGE = 2 ** 53;
const HALF = 2 ** 31;

function join(high: number, low: number): number {
  return (high + HALF) * LOW_RANGE + low;
}

/** Murmur3's finaliser: every input bit changes every output bit with probability one half. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** What of u belongs to the pair alone: two hashes, computed once a pair. */
function pairHash1(seed: number, idHigh: number): number {
  return mix(idHigh ^ mix(seed ^ 0x2545f491));
}
function pairHash2(hash1: number, idLow: number): number {
  return mix(idLow ^ hash1);
}
function highBits(hash1: number, hash2: number, query: number): number {
  return mix(Math.imul(hash2 ^ query, 0x9e3779b1) + hash1);
}
function lowBits(high: number, hash2: number, query: number): number {
  return mix((high + Math.imul(hash2, 0x27d4eb2f)) ^ query) >>> (32 - LOW_BITS);
}

/**
 * u of a pair and a query: 53 uniform bits.
 * @param idHigh first 32 bits of the pair id, @param idLow the last 32.
 * @param query the query's own hash, see {@link termHash}: not its row number, which changes with the list.
 */
export function priority(seed: number, idHigh: number, idLow: number, query: number): number {
  const hash1 = pairHash1(seed, idHigh);
  const hash2 = pairHash2(hash1, idLow);
  const high = highBits(hash1, hash2, query);
  return join(high, lowBits(high, hash2, query));
}

/** A query's hash for {@link priority}, from its term alone (FNV-1a over UTF-16 units, mixed). */
export function termHash(term: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < term.length; i++) hash = Math.imul(hash ^ term.charCodeAt(i), 0x01000193);
  return mix(hash);
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

/** The largest u that is chosen on account of a query, indexed by query id. */
export interface Thresholds {
  /** Signed: the high bits of u less 2^31; the largest for a query without a threshold. */
  high: Int32Array;
  low: Uint32Array;
}

const CHUNK = 1 << 16;

/** Second pass: what is needed to find the thresholds of the queries with more than `cap` matches. */
export class Windows {
  /** Matches of each query below its window. */
  readonly below: Float64Array;
  /** The u inside windows and their queries, in chunks; only the last is not full. */
  readonly inside: { values: Float64Array; queries: Int32Array; used: number }[] = [];
  readonly #hashes: Int32Array;
  readonly #cap: number;
  readonly #seed: number;
  /** The windows in the high bits of u; without one both are the smallest integer. */
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  readonly #open: number[] = [];
  readonly #counts: Uint32Array;

  /**
   * @param counts matches of each query in all blocks of all machines.
   * @param hashes {@link termHash} of each query.
   * @param deviations half the width of a window; wider ones for `only` in the improbable case that one was missed.
   * @param beyond the windows also hold what thresholds of up to so many pairs above the cap need, see {@link settle}.
   */
  constructor(
    counts: Uint32Array,
    hashes: Int32Array,
    cap: number,
    seed: number,
    deviations = 7,
    only?: ReadonlySet<number>,
    beyond = 0,
  ) {
    [this.#counts, this.#hashes, this.#cap, this.#seed] = [counts, hashes, cap, seed];
    this.below = new Float64Array(counts.length);
    this.#from = new Int32Array(counts.length).fill(-HALF);
    this.#to = new Int32Array(counts.length).fill(-HALF);
    for (let query = 0; query < counts.length; query++) {
      const count = counts[query] as number;
      if (count <= cap || (only && !only.has(query))) continue;
      const spread = (k: number) => deviations * Math.sqrt(k * (1 - k / count));
      const most = Math.min(cap + beyond, count);
      this.#open.push(query);
      this.#from[query] = Math.max(0, Math.floor(((cap - spread(cap)) / count) * 2 ** 32)) - HALF;
      // Few expected are no normal distribution: with 30 more, that too few are as small has probability e^-30.
      this.#to[query] = Math.min(2 ** 32 - 1, Math.ceil(((most + spread(most) + 30) / count) * 2 ** 32)) - HALF;
    }
  }

  /** Adds a block. */
  add(block: PairBlock): void {
    const { high: idHigh, low: idLow, starts, queries } = block;
    const [from, to, below, hashes] = [this.#from, this.#to, this.below, this.#hashes];
    for (let pair = 0; pair < block.pairs; pair++) {
      const hash1 = pairHash1(this.#seed, idHigh[pair] as number);
      const hash2 = pairHash2(hash1, idLow[pair] as number);
      const end = starts[pair + 1] as number;
      for (let i = starts[pair] as number; i < end; i++) {
        const query = queries[i] as number;
        const hash = hashes[query] as number;
        const high = highBits(hash1, hash2, hash);
        if (high > (to[query] as number)) continue;
        if (high < (from[query] as number)) below[query] = (below[query] as number) + 1;
        else this.#keep(query, join(high, lowBits(high, hash2, hash)));
      }
    }
  }

  #keep(query: number, u: number): void {
    let chunk = this.inside.at(-1);
    if (!chunk || chunk.used === CHUNK) {
      chunk = { values: new Float64Array(CHUNK), queries: new Int32Array(CHUNK), used: 0 };
      this.inside.push(chunk);
    }
    chunk.values[chunk.used] = u;
    chunk.queries[chunk.used++] = query;
  }

  /** Adds what another machine found with the same counts, in any order; it may come from another thread or a file. */
  merge(other: Pick<Windows, "below" | "inside">): void {
    for (let query = 0; query < this.below.length; query++)
      this.below[query] = (this.below[query] as number) + (other.below[query] as number);
    for (const { values, queries, used } of other.inside)
      for (let i = 0; i < used; i++) this.#keep(queries[i] as number, values[i] as number);
  }

  /**
   * Writes the thresholds of the queries with windows into `thresholds`.
   * @param beyond pairs above the cap that are to be let in; queries with no more than that keep what they have.
   * @returns the queries whose threshold lies outside their window; probability 1e-11 each.
   */
  settle(thresholds: Thresholds, beyond = 0): Set<number> {
    const { sorted, ends } = this.#byQuery();
    const missed = new Set<number>();
    for (const query of this.#open) {
      if (beyond > 0 && (this.#counts[query] as number) <= this.#cap + beyond) continue;
      const start = query === 0 ? 0 : (ends[query - 1] as number);
      const own = sorted.subarray(start, ends[query]);
      const place = this.#cap + beyond - (this.below[query] as number);
      if (place < 1 || place > own.length) missed.add(query);
      else setThreshold(thresholds, query, own.sort()[place - 1] as number);
    }
    return missed;
  }

  /** How many of the matches seen lie within the thresholds, for the queries with windows; 0 for others. */
  countWithin({ high, low }: Thresholds): Uint32Array {
    const counts = Uint32Array.from(this.below);
    for (const { values, queries, used } of this.inside) {
      for (let i = 0; i < used; i++) {
        const query = queries[i] as number;
        if ((values[i] as number) <= join(high[query] as number, low[query] as number))
          counts[query] = (counts[query] as number) + 1;
      }
    }
    return counts;
  }

  /** What is inside, query by query; `ends` holds where each query's end. */
  #byQuery(): { sorted: Float64Array; ends: Float64Array } {
    const ends = new Float64Array(this.below.length + 1);
    for (const { queries, used } of this.inside)
      for (let i = 0; i < used; i++)
        ends[(queries[i] as number) + 1] = (ends[(queries[i] as number) + 1] as number) + 1;
    for (let query = 0; query < this.below.length; query++)
      ends[query + 1] = (ends[query + 1] as number) + (ends[query] as number);
    const sorted = new Float64Array(ends[this.below.length] as number);
    // Filled from each query's start, which `ends` holds now; afterwards it holds each query's end.
    for (const { values, queries, used } of this.inside) {
      for (let i = 0; i < used; i++) {
        const query = queries[i] as number;
        const place = ends[query] as number;
        sorted[place] = values[i] as number;
        ends[query] = place + 1;
      }
    }
    return { sorted, ends };
  }
}

function setThreshold(thresholds: Thresholds, query: number, u: number): void {
  thresholds.high[query] = Math.floor(u / LOW_RANGE) - HALF;
  thresholds.low[query] = u % LOW_RANGE;
}

/** Thresholds that let everything in. */
export function openThresholds(queries: number): Thresholds {
  return { high: new Int32Array(queries).fill(HALF - 1), low: new Uint32Array(queries).fill(0xffffffff) };
}

/** Goes over all blocks, in any order, always the same ones. */
export type BlockScan = (visit: (block: PairBlock) => void) => void;

/**
 * The exact thresholds, in one pass over the pairs, and one more in the improbable case that a window was missed.
 * @param counts matches of each query, see {@link countMatches}.
 * @param cap k, the most pairs chosen on account of one query.
 */
export function exactThresholds(
  scan: BlockScan,
  counts: Uint32Array,
  hashes: Int32Array,
  cap: number,
  seed: number,
): Thresholds {
  const thresholds = openThresholds(counts.length);
  let only: Set<number> | undefined;
  for (let deviations = 7; only === undefined || only.size > 0; deviations *= 4) {
    const windows: Windows = new Windows(counts, hashes, cap, seed, deviations, only);
    scan((block) => windows.add(block));
    only = windows.settle(thresholds);
  }
  return thresholds;
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

/**
 * Third pass: marks in `chosen` the matches of a block that lie within their query's threshold; one place a match, at
 * least as many as the block has. A pair without a marked match fits under no cap.
 */
export function chooseMatches(
  block: PairBlock,
  thresholds: Thresholds,
  hashes: Int32Array,
  seed: number,
  chosen: Uint8Array,
): void {
  const { high: idHigh, low: idLow, starts, queries } = block;
  const [limitHigh, limitLow] = [thresholds.high, thresholds.low];
  for (let pair = 0; pair < block.pairs; pair++) {
    const hash1 = pairHash1(seed, idHigh[pair] as number);
    const hash2 = pairHash2(hash1, idLow[pair] as number);
    const end = starts[pair + 1] as number;
    for (let i = starts[pair] as number; i < end; i++) {
      const query = queries[i] as number;
      const limit = limitHigh[query] as number;
      const hash = hashes[query] as number;
      const high = highBits(hash1, hash2, hash);
      let within = high < limit ? 1 : 0;
      if (high === limit) within = lowBits(high, hash2, hash) <= (limitLow[query] as number) ? 1 : 0;
      chosen[i] = within;
    }
  }
}
