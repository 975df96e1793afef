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

/**
 * Second pass: what is needed to find the thresholds of the queries with more than `cap` matches. Each of these has a slot,
 * from 1 on; all others share slot 0, which lets everything in. So the tables that are looked up for every match are small,
 * and what a match of the long tail costs is not one miss of the cache after another.
 */
export class Windows {
  /** Matches below the window, by slot. */
  readonly below: Uint32Array;
  /** The u inside windows and their slots, in chunks; only the last is not full. */
  readonly inside: { values: Float64Array; slots: Int32Array; used: number }[] = [];
  readonly #counts: Uint32Array;
  readonly #cap: number;
  readonly #seed: number;
  /** Slot of each query, query of each slot. */
  readonly #slots: Uint16Array | Uint32Array;
  readonly #open: number[] = [-1];
  /** By slot: the query's hash, and its window in the high bits of u. */
  readonly #hashes: Int32Array;
  readonly #from: Int32Array;
  readonly #to: Int32Array;

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
    [this.#counts, this.#cap, this.#seed] = [counts, cap, seed];
    for (let query = 0; query < counts.length; query++)
      if ((counts[query] as number) > cap && (!only || only.has(query))) this.#open.push(query);
    const slots = this.#open.length;
    this.#slots = slots < 2 ** 16 ? new Uint16Array(counts.length) : new Uint32Array(counts.length);
    this.below = new Uint32Array(slots);
    [this.#hashes, this.#from, this.#to] = [new Int32Array(slots), new Int32Array(slots), new Int32Array(slots)];
    // Only the smallest u of all is not above it; what is taken for open then is chosen all the same.
    this.#from[0] = this.#to[0] = -HALF;
    for (let slot = 1; slot < slots; slot++) {
      const query = this.#open[slot] as number;
      const count = counts[query] as number;
      const spread = (k: number) => deviations * Math.sqrt(k * (1 - k / count));
      const most = Math.min(cap + beyond, count);
      this.#slots[query] = slot;
      this.#hashes[slot] = hashes[query] as number;
      this.#from[slot] = Math.max(0, Math.floor(((cap - spread(cap)) / count) * 2 ** 32)) - HALF;
      // Few expected are no normal distribution: with 30 more, that too few are as small has probability e^-30.
      this.#to[slot] = Math.min(2 ** 32 - 1, Math.ceil(((most + spread(most) + 30) / count) * 2 ** 32)) - HALF;
    }
  }

  /** Adds a block, and marks its matches. */
  add(block: PairBlock): void {
    const { high: idHigh, low: idLow, starts, queries, chosen, open } = block;
    const [slots, from, to, below, hashes] = [this.#slots, this.#from, this.#to, this.below, this.#hashes];
    let sure = 0;
    let unsure = 0;
    for (let pair = 0; pair < block.pairs; pair++) {
      const hash1 = pairHash1(this.#seed, idHigh[pair] as number);
      const hash2 = pairHash2(hash1, idLow[pair] as number);
      const end = starts[pair + 1] as number;
      for (let i = starts[pair] as number; i < end; i++) {
        const slot = slots[queries[i] as number] as number;
        const hash = hashes[slot] as number;
        const high = highBits(hash1, hash2, hash);
        // Not by a branch: no processor foresees which query has a window.
        sure |= (slot === 0 ? 1 : 0) << i;
        if (high <= (to[slot] as number)) {
          if (high < (from[slot] as number)) {
            below[slot] = (below[slot] as number) + 1;
            sure |= 1 << i;
          } else {
            this.#keep(slot, join(high, lowBits(high, hash2, hash)));
            unsure |= 1 << i;
          }
        }
        if ((i & 31) === 31) {
          chosen[i >>> 5] = sure;
          open[i >>> 5] = unsure;
          sure = 0;
          unsure = 0;
        }
      }
    }
    const last = (starts[block.pairs] as number) >>> 5;
    if (last < chosen.length) {
      chosen[last] = sure;
      open[last] = unsure;
    }
  }

  #keep(slot: number, u: number): void {
    let chunk = this.inside.at(-1);
    if (!chunk || chunk.used === CHUNK) {
      chunk = { values: new Float64Array(CHUNK), slots: new Int32Array(CHUNK), used: 0 };
      this.inside.push(chunk);
    }
    chunk.values[chunk.used] = u;
    chunk.slots[chunk.used++] = slot;
  }

  /** Adds what another machine found with the same counts, in any order; it may come from another thread or a file. */
  merge(other: Pick<Windows, "below" | "inside">): void {
    for (let slot = 0; slot < this.below.length; slot++)
      this.below[slot] = (this.below[slot] as number) + (other.below[slot] as number);
    for (const { values, slots, used } of other.inside)
      for (let i = 0; i < used; i++) this.#keep(slots[i] as number, values[i] as number);
  }

  /**
   * Writes the thresholds of the queries with windows into `thresholds`.
   * @param beyond pairs above the cap that are to be let in; queries with no more than that keep what they have.
   * @returns the queries whose threshold lies outside their window; probability 1e-11 each.
   */
  settle(thresholds: Thresholds, beyond = 0): Set<number> {
    const ends = new Float64Array(this.below.length + 1);
    for (const { slots, used } of this.inside)
      for (let i = 0; i < used; i++) ends[(slots[i] as number) + 1] = (ends[(slots[i] as number) + 1] as number) + 1;
    for (let slot = 0; slot < this.below.length; slot++)
      ends[slot + 1] = (ends[slot + 1] as number) + (ends[slot] as number);
    const grouped = new Float64Array(ends[this.below.length] as number);
    // Filled from each slot's start, which `ends` holds now; afterwards it holds each slot's end.
    for (const { values, slots, used } of this.inside) {
      for (let i = 0; i < used; i++) {
        const slot = slots[i] as number;
        const place = ends[slot] as number;
        grouped[place] = values[i] as number;
        ends[slot] = place + 1;
      }
    }
    const missed = new Set<number>();
    for (let slot = 1; slot < this.below.length; slot++) {
      const own = grouped.subarray(ends[slot - 1], ends[slot]);
      const query = this.#open[slot] as number;
      if (beyond > 0 && (this.#counts[query] as number) <= this.#cap + beyond) continue;
      const place = this.#cap + beyond - (this.below[slot] as number);
      if (place < 1 || place > own.length) missed.add(query);
      else setThreshold(thresholds, query, smallest(own, place - 1));
    }
    return missed;
  }

  /** How many of the matches seen lie within the thresholds, by query; 0 for queries without a window. */
  countWithin({ high, low }: Thresholds): Uint32Array {
    const counts = new Uint32Array(this.#counts.length);
    for (let slot = 1; slot < this.below.length; slot++)
      counts[this.#open[slot] as number] = this.below[slot] as number;
    for (const { values, slots, used } of this.inside) {
      for (let i = 0; i < used; i++) {
        const query = this.#open[slots[i] as number] as number;
        if (query >= 0 && (values[i] as number) <= join(high[query] as number, low[query] as number))
          counts[query] = (counts[query] as number) + 1;
      }
    }
    return counts;
  }
}

/** The value that would stand at `place` if `values` were sorted (Hoare's selection); changes their order. */
function smallest(values: Float64Array, place: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    // They come in the order of the pairs, which says nothing about u: the middle is as good as any.
    const pivot = values[(low + high) >>> 1] as number;
    let [i, j] = [low, high];
    while (i <= j) {
      while ((values[i] as number) < pivot) i++;
      while ((values[j] as number) > pivot) j--;
      if (i > j) break;
      const swapped = values[i] as number;
      values[i++] = values[j] as number;
      values[j--] = swapped;
    }
    if (place <= j) high = j;
    else if (place >= i) low = i;
    else break;
  }
  return values[place] as number;
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
  const { starts, queries, chosen, open } = block;
  let pair = 0;
  const words = bitsFor(starts[block.pairs] as number);
  for (let word = 0; word < words; word++) {
    for (let bits = open[word] as number; bits !== 0; bits &= bits - 1) {
      const bit = bits & -bits;
      const i = (word << 5) + 31 - Math.clz32(bit);
      while ((starts[pair + 1] as number) <= i) pair++;
      const query = queries[i] as number;
      const u = priority(seed, block.high[pair] as number, block.low[pair] as number, hashes[query] as number);
      if (u <= join(thresholds.high[query] as number, thresholds.low[query] as number))
        chosen[word] = (chosen[word] as number) | bit;
    }
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
  const [limitHigh, limitLow] = [thresholds.high, thresholds.low];
  let within = 0;
  for (let pair = 0; pair < block.pairs; pair++) {
    const hash1 = pairHash1(seed, idHigh[pair] as number);
    const hash2 = pairHash2(hash1, idLow[pair] as number);
    const end = starts[pair + 1] as number;
    for (let i = starts[pair] as number; i < end; i++) {
      const query = queries[i] as number;
      const limit = limitHigh[query] as number;
      const hash = hashes[query] as number;
      const high = highBits(hash1, hash2, hash);
      if (high < limit || (high === limit && lowBits(high, hash2, hash) <= (limitLow[query] as number)))
        within |= 1 << i;
      if ((i & 31) === 31) {
        chosen[i >>> 5] = within;
        within = 0;
      }
    }
  }
  const last = (starts[block.pairs] as number) >>> 5;
  if (last < chosen.length) chosen[last] = within;
}
