import type { PairBlock } from "./cap.ts";
import { HALF, highBits, join, lowBits, pairHash1, pairHash2, setThreshold, type Thresholds } from "./priority.ts";

const CHUNK = 1 << 16;

/**
 * Matches are taken so many at a time (a multiple of 32), in three loops: a branch foreseen wrongly throws away what the
 * processor has begun on the matches after it, so the first two have none, and the third sees a match in ten. What they hand
 * on lies in arrays of the module, for V8 knows place and length of these, and would ask an object's at each access.
 */
const BATCH = 1 << 11;
const slotOf = new Int32Array(BATCH);
const highOf = new Int32Array(BATCH);
/** Of the matches no higher than the end of their window, the number within the batch. */
const near = new Int32Array(BATCH);

/**
 * Fills `near`, and marks the matches of slot 0 as chosen.
 * @param below31 see {@link Windows}.
 * @param word of `chosen`, where the batch's begin.
 * @returns how many are near.
 */
function findNear(below31: Int32Array, chosen: Int32Array, word: number, size: number): number {
  let count = 0;
  let sure = 0;
  for (let n = 0; n < size; n++) {
    const slot = slotOf[n] as number;
    near[count] = n;
    // 1 where the difference is negative; a comparison would be compiled to a branch.
    count += (((highOf[n] as number) >> 1) - (below31[slot] as number)) >>> 31;
    sure |= ((slot - 1) >>> 31) << n;
    if ((n & 31) === 31 || n === size - 1) {
      chosen[word + (n >>> 5)] = sure;
      sure = 0;
    }
  }
  return count;
}

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
  /** By slot: the query's hash, where its window begins in the high bits of u, and what their upper 31 are below in it. */
  readonly #hashes: Int32Array;
  readonly #from: Int32Array;
  readonly #below31: Int32Array;

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
    [this.#hashes, this.#from, this.#below31] = [new Int32Array(slots), new Int32Array(slots), new Int32Array(slots)];
    // Only the two smallest u of all are in it; what is taken for open then is chosen all the same.
    this.#from[0] = -HALF;
    this.#below31[0] = (-HALF >> 1) + 1;
    for (let slot = 1; slot < slots; slot++) {
      const query = this.#open[slot] as number;
      const count = counts[query] as number;
      const spread = (k: number) => deviations * Math.sqrt(k * (1 - k / count));
      const most = Math.min(cap + beyond, count);
      this.#slots[query] = slot;
      this.#hashes[slot] = hashes[query] as number;
      this.#from[slot] = Math.max(0, Math.floor(((cap - spread(cap)) / count) * 2 ** 32)) - HALF;
      // Few expected are no normal distribution: with 30 more, that too few are as small has probability e^-30.
      const to = Math.min(2 ** 32 - 1, Math.ceil(((most + spread(most) + 30) / count) * 2 ** 32)) - HALF;
      this.#below31[slot] = (to >> 1) + 1;
    }
  }

  /** Adds a block, and marks its matches. */
  add(block: PairBlock): void {
    const matches = block.starts[block.pairs] as number;
    block.open.fill(0);
    let pair = 0;
    for (let first = 0; first < matches; first += BATCH) {
      const size = Math.min(BATCH, matches - first);
      this.#hash(block, first, size, pair);
      pair = this.#place(block, first, findNear(this.#below31, block.chosen, first >>> 5, size), pair);
    }
  }

  /** Finds slot and high bits of u of the `size` matches from `first` on, the first of them of `pair` or a later one. */
  #hash({ high, low, starts, queries }: PairBlock, first: number, size: number, pair: number): void {
    const [slots, hashes, seed] = [this.#slots, this.#hashes, this.#seed];
    let n = 0;
    for (let owner = pair; n < size; owner++) {
      const hash1 = pairHash1(seed, high[owner] as number);
      const hash2 = pairHash2(hash1, low[owner] as number);
      // As a signed number: V8 counts in doubles up to an unsigned one.
      const end = Math.min(((starts[owner + 1] as number) | 0) - first, size);
      for (; n < end; n++) {
        const slot = slots[queries[first + n] as number] as number;
        slotOf[n] = slot;
        highOf[n] = highBits(hash1, hash2, hashes[slot] as number);
      }
    }
  }

  /** Counts or keeps the first `count` matches of `near`, and marks them. @returns the pair of the last of them. */
  #place({ high, low, starts, chosen, open }: PairBlock, first: number, count: number, pair: number): number {
    const [from, below, hashes, seed] = [this.#from, this.below, this.#hashes, this.#seed];
    let owner = pair;
    for (let n = 0; n < count; n++) {
      const place = near[n] as number;
      const slot = slotOf[place] as number;
      const bits = highOf[place] as number;
      const match = first + place;
      if (bits < (from[slot] as number)) {
        below[slot] = (below[slot] as number) + 1;
        chosen[match >>> 5] = (chosen[match >>> 5] as number) | (1 << match);
      } else {
        while ((starts[owner + 1] as number) <= match) owner++;
        const hash2 = pairHash2(pairHash1(seed, high[owner] as number), low[owner] as number);
        this.#keep(slot, join(bits, lowBits(bits, hash2, hashes[slot] as number)));
        open[match >>> 5] = (open[match >>> 5] as number) | (1 << match);
      }
    }
    return owner;
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
