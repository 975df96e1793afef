import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Rows of a partition that are collected before they are written: 24 KB. */
const CHUNK_ROWS = 2_048;
/** A row: key without its partition's bits and with the high bits of the row's number, low key, low bits of the number. */
const WORDS = 3;

/**
 * Finds the rows whose 64-bit key other rows have too, exactly and in bounded memory: keys are spread over partitions by
 * their first bits and written down, 12 bytes a row; then each partition is counted in a table that fits the processor's
 * cache. Memory: 24 KB a partition, one partition's table, and a bit a row for the answer.
 * For 100 million rows 1,024 partitions do (1.2 GB on disk, 60 MB in memory), for ten billion 16,384 (120 GB, 1.7 GB).
 */
export class Repeats {
  readonly #file: string;
  readonly #bits: number;
  readonly #chunks: Int32Array[];
  readonly #filled: Uint16Array;
  /** Per partition where its chunks begin in the file. */
  readonly #places: number[][];
  #descriptor: number | undefined;
  #end = 0;
  #rows = 0;

  /**
   * @param file where partitions go once they are larger than a chunk; removed by {@link close}.
   * @param bits 2^bits partitions.
   */
  constructor(file: string, bits = 10) {
    this.#file = file;
    this.#bits = bits;
    this.#chunks = Array.from({ length: 2 ** bits }, () => new Int32Array(0));
    this.#filled = new Uint16Array(2 ** bits);
    this.#places = Array.from({ length: 2 ** bits }, () => []);
  }

  /** Adds the next row by its key, as two signed or unsigned 32-bit integers. */
  add(high: number, low: number): void {
    const partition = high >>> (32 - this.#bits);
    let chunk = this.#chunks[partition] as Int32Array;
    let filled = this.#filled[partition] as number;
    if (filled === CHUNK_ROWS) {
      this.#write(partition);
      filled = 0;
    }
    if (filled * WORDS === chunk.length) {
      const larger = new Int32Array(Math.min(CHUNK_ROWS * WORDS, Math.max(48, chunk.length * 2)));
      larger.set(chunk);
      this.#chunks[partition] = larger;
      chunk = larger;
    }
    const row = this.#rows++;
    const rowHigh = Math.floor(row / 2 ** 32);
    chunk[filled * WORDS] = ((high << this.#bits) >>> this.#bits) | (rowHigh << (32 - this.#bits));
    chunk[filled * WORDS + 1] = low;
    chunk[filled * WORDS + 2] = row;
    this.#filled[partition] = filled + 1;
  }

  /**
   * Marks rows, numbered in the order they were added.
   * @param moreThan marks the rows of keys that occur more often than this.
   * @param spareFirst leaves the first row of each such key unmarked: what is marked can be dropped.
   */
  mark(moreThan = 1, spareFirst = false): Marks {
    const marks = new Marks(this.#rows);
    for (let partition = 0; partition < this.#chunks.length; partition++) {
      this.#markPartition(this.#load(partition), marks, moreThan, spareFirst);
    }
    return marks;
  }

  #markPartition(rows: Int32Array, marks: Marks, moreThan: number, spareFirst: boolean): void {
    const count = rows.length / WORDS;
    let capacity = 16;
    while (capacity < count * 1.5) capacity *= 2;
    // Slots of three: the two halves of the key, and how many rows have it.
    const table = new Int32Array(capacity * 3);
    const rest = 32 - this.#bits;
    const keyMask = (1 << rest) - 1;
    const slots = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const high = (rows[i * WORDS] as number) & keyMask;
      const low = rows[i * WORDS + 1] as number;
      let slot = (low ^ Math.imul(high, 0x9e3779b1)) & (capacity - 1);
      while (table[slot * 3 + 2] !== 0 && (table[slot * 3] !== high || table[slot * 3 + 1] !== low))
        slot = (slot + 1) & (capacity - 1);
      table[slot * 3] = high;
      table[slot * 3 + 1] = low;
      table[slot * 3 + 2] = (table[slot * 3 + 2] as number) + 1;
      slots[i] = slot;
    }
    for (let i = 0; i < count; i++) {
      const at = (slots[i] as number) * 3 + 2;
      const times = table[at] as number;
      // A negative count says that the first row went by.
      if ((times < 0 ? -times : times) <= moreThan) continue;
      if (!spareFirst || times < 0) {
        const row = ((rows[i * WORDS] as number) >>> rest) * 2 ** 32 + ((rows[i * WORDS + 2] as number) >>> 0);
        marks.set(row);
      } else table[at] = -times;
    }
  }

  /** All rows of a partition in the order they were added. */
  #load(partition: number): Int32Array {
    const places = this.#places[partition] as number[];
    const filled = this.#filled[partition] as number;
    const rows = new Int32Array((places.length * CHUNK_ROWS + filled) * WORDS);
    const bytes = new Uint8Array(rows.buffer);
    const size = CHUNK_ROWS * WORDS * 4;
    for (const [i, place] of places.entries()) {
      for (let done = 0; done < size; ) {
        const read = readSync(this.#descriptor ?? -1, bytes, i * size + done, size - done, place + done);
        if (read === 0) throw new Error(`${this.#file}: ends too early; was it changed by hand?`);
        done += read;
      }
    }
    rows.set((this.#chunks[partition] as Int32Array).subarray(0, filled * WORDS), places.length * CHUNK_ROWS * WORDS);
    return rows;
  }

  #write(partition: number): void {
    if (this.#descriptor === undefined) {
      mkdirSync(dirname(this.#file), { recursive: true });
      this.#descriptor = openSync(this.#file, "w+");
    }
    const { buffer, byteOffset, byteLength } = this.#chunks[partition] as Int32Array;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    for (let done = 0; done < byteLength; )
      done += writeSync(this.#descriptor, bytes, done, byteLength - done, this.#end + done);
    (this.#places[partition] as number[]).push(this.#end);
    this.#end += byteLength;
  }

  /** Removes the file. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    rmSync(this.#file, { force: true });
    this.#descriptor = undefined;
  }
}

/** A bit a row. */
export class Marks {
  readonly #bits: Uint8Array;
  /** Rows marked. */
  count = 0;

  constructor(rows: number) {
    this.#bits = new Uint8Array(Math.ceil(rows / 8));
  }

  set(row: number): void {
    const at = Math.floor(row / 8);
    this.#bits[at] = (this.#bits[at] as number) | (1 << (row % 8));
    this.count++;
  }

  has(row: number): boolean {
    return ((this.#bits[Math.floor(row / 8)] ?? 0) & (1 << (row % 8))) !== 0;
  }
}

/** A text's 64-bit key, as two 32-bit integers into `key`; for grouping, not for identity. */
export function textKey(text: string, key: Int32Array): void {
  let high = 0x2f0b4a27;
  let low = 0x6d2b79f5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low + unit, 0x5bd1e995);
    low ^= low >>> 15;
  }
  high = Math.imul(high ^ (high >>> 15), 0x85ebca6b);
  key[0] = high ^ (high >>> 13);
  key[1] = low;
}
