import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { ByteTable, type SharedTable } from "./byte-table.ts";
import { npmi, type Pair, type PairRule, pmi } from "./pmi.ts";
import { forEachWord } from "./word-file.ts";

/**
 * Pairs of neighbouring words, counted exactly in bounded memory: each worker deals the pairs of its part out to partitions
 * by their hash and spills them to disk; then each partition is counted in a table of its own, which fits the processor's
 * cache. One big table would miss it at nearly every pair, and hold 300 million distinct pairs at once.
 */

/** Spill the pairs of one part. */
export interface SpillTask {
  ids: string;
  words: string;
  /** All counted words. */
  table: SharedTable;
  /** For a word of `table`: its rank + 1, or 0 when its pairs are not counted. */
  ranks: Uint32Array;
  partitions: number;
  /** Pairs that a partition's buffer holds. */
  buffer: number;
  /** The file for the pairs. */
  spill: string;
}

/** Where the pairs of each partition lie in a spill file: offset and number of pairs, alternating. */
export interface Spilled {
  pairs: number;
  chunks: number[][];
}

/** Count one partition. */
export interface PairCountTask {
  sources: { file: string; chunks: number[] }[];
  /** Occurrences of a word by its rank. */
  counts: Float64Array;
  /** Words in all. */
  total: number;
  rule: PairRule;
}

/** What a partition held. */
export interface Counted {
  pairs: number;
  distinct: number;
  /** Those that pass the rule. */
  kept: Pair[];
  /** The highest PMI of any pair that is frequent enough, whether it passes or not. */
  highest: number;
}

/** A hash of a pair of words: its low bits choose the partition. */
export function hashPair(first: number, second: number): number {
  let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second + 0x7f4a7c15, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

/** Another hash than the one that chose the partition, whose low bits are the same for all pairs of a table. */
function slotHash(first: number, second: number): number {
  const hash = Math.imul(Math.imul(first, 0x27d4eb2f) + second, 0x165667b1);
  return hash ^ (hash >>> 15);
}

/** Deals the pairs of a part out to its spill file. */
export function spillPairs(task: SpillTask): Spilled {
  const { partitions, buffer } = task;
  const table = ByteTable.from(task.table);
  const local: number[] = [0]; // The stream's 0 is a break.
  forEachWord(task.words, (keys, start, end) => {
    const id = table.find(keys, start, end);
    local.push(id < 0 ? 0 : (task.ranks[id] as number));
  });
  const ranks = Uint32Array.from(local);
  const fd = openSync(task.spill, "w");
  const room = new Uint32Array(partitions * buffer * 2);
  const filled = new Uint32Array(partitions);
  const chunks: number[][] = Array.from({ length: partitions }, () => []);
  let offset = 0;
  let pairs = 0;
  const flush = (partition: number) => {
    const count = filled[partition] as number;
    if (count === 0) return;
    const from = partition * buffer * 2;
    const bytes = new Uint8Array(room.buffer, from * 4, count * 8);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    chunks[partition]?.push(offset, count);
    offset += bytes.length;
    filled[partition] = 0;
  };
  for (const stream of readIds(task.ids)) {
    let before = stream.carry;
    for (let i = 0; i < stream.ids.length; i++) {
      const word = ranks[stream.ids[i] as number] as number;
      if (word !== 0 && before !== 0) {
        const partition = hashPair(before - 1, word - 1) & (partitions - 1);
        let at = filled[partition] as number;
        if (at === buffer) {
          flush(partition);
          at = 0;
        }
        const place = (partition * buffer + at) * 2;
        room[place] = before - 1;
        room[place + 1] = word - 1;
        filled[partition] = at + 1;
        pairs++;
      }
      before = word;
    }
    stream.carry = before;
  }
  for (let partition = 0; partition < partitions; partition++) flush(partition);
  closeSync(fd);
  return { pairs, chunks };
}

/** The stream of a part, piece by piece; `carry` travels from one piece to the next. */
function* readIds(file: string): Generator<{ ids: Uint32Array; carry: number }> {
  const fd = openSync(file, "r");
  try {
    const piece = { ids: new Uint32Array(1 << 18), carry: 0 };
    const bytes = new Uint8Array(piece.ids.buffer);
    for (;;) {
      let length = 0;
      while (length < bytes.length) {
        const count = readSync(fd, bytes, length, bytes.length - length, null);
        if (count === 0) break;
        length += count;
      }
      if (length === 0) return;
      const view = { ids: new Uint32Array(piece.ids.buffer, 0, length >>> 2), carry: piece.carry };
      yield view;
      piece.carry = view.carry;
    }
  } finally {
    closeSync(fd);
  }
}

function chunkPairs(chunks: readonly number[]): number {
  let pairs = 0;
  for (let i = 1; i < chunks.length; i += 2) pairs += chunks[i] ?? 0;
  return pairs;
}

/** Counts the pairs of a partition and keeps those that pass the rule. */
export function countPairs(task: PairCountTask): Counted {
  const expected = task.sources.reduce((sum, { chunks }) => sum + chunkPairs(chunks), 0);
  const table = new PairTable(expected);
  let pairs = 0;
  for (const { file, chunks } of task.sources) {
    const fd = openSync(file, "r");
    for (let i = 0; i < chunks.length; i += 2) {
      const [offset = 0, count = 0] = [chunks[i], chunks[i + 1]];
      const piece = new Uint32Array(count * 2);
      const bytes = new Uint8Array(piece.buffer);
      for (let at = 0; at < bytes.length; ) {
        const got = readSync(fd, bytes, at, bytes.length - at, offset + at);
        if (got === 0) throw new Error(`${file}: shorter than it was written; run the same command again`);
        at += got;
      }
      table.addAll(piece);
      pairs += count;
    }
    closeSync(fd);
  }
  const kept: Pair[] = [];
  let highest = Number.NEGATIVE_INFINITY;
  table.forEach((first, second, count) => {
    if (count < task.rule.minCount) return;
    const [one, two] = [task.counts[first] as number, task.counts[second] as number];
    const value = pmi(count, one, two, task.total);
    if (value > highest) highest = value;
    if (value < task.rule.minPmi) return;
    kept.push({ first, second, count, pmi: value, npmi: npmi(count, one, two, task.total) });
  });
  return { pairs, distinct: table.size, kept, highest };
}

/** Of a new table: a frequent pair may be most of a partition. */
const MOST_SLOTS = 1 << 20;

/** From a pair of words to its count; grown at half full, three integers a slot. */
export class PairTable {
  size = 0;
  /** first + 1, second, count */
  #slots: Int32Array;
  #mask: number;

  /** @param pairs that will be counted: about half of them are different ones. */
  constructor(pairs: number) {
    let slots = 1 << 10;
    while (slots < pairs && slots < MOST_SLOTS) slots *= 2;
    this.#slots = new Int32Array(3 * slots);
    this.#mask = slots - 1;
  }

  /** Counts the pairs of an array: first, second, first, second, ... */
  addAll(pairs: Uint32Array): void {
    for (let i = 0; i < pairs.length; i += 2) {
      if (this.size * 2 > this.#mask) this.#grow();
      const first = pairs[i] as number;
      const second = pairs[i + 1] as number;
      const slots = this.#slots;
      let at = (slotHash(first, second) & this.#mask) * 3;
      for (;;) {
        const key = slots[at] as number;
        if (key === first + 1 && slots[at + 1] === second) {
          slots[at + 2] = (slots[at + 2] as number) + 1;
          break;
        }
        if (key === 0) {
          slots[at] = first + 1;
          slots[at + 1] = second;
          slots[at + 2] = 1;
          this.size++;
          break;
        }
        at = at === this.#mask * 3 ? 0 : at + 3;
      }
    }
  }

  /** Calls `pair` with every pair and its count, in no order. */
  forEach(pair: (first: number, second: number, count: number) => void): void {
    for (let at = 0; at < this.#slots.length; at += 3) {
      const key = this.#slots[at] as number;
      if (key !== 0) pair(key - 1, this.#slots[at + 1] as number, this.#slots[at + 2] as number);
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array((this.#mask + 1) * 3);
    for (let from = 0; from < old.length; from += 3) {
      const key = old[from] as number;
      if (key === 0) continue;
      let at = (slotHash(key - 1, old[from + 1] as number) & this.#mask) * 3;
      while (this.#slots[at] !== 0) at = at === this.#mask * 3 ? 0 : at + 3;
      this.#slots.set(old.subarray(from, from + 3), at);
    }
  }
}
