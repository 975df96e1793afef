/** Bytes that keys are read from, four at a time: a buffer of its own, with {@link SLACK} bytes behind the last key. */
export interface KeyBytes {
  bytes: Uint8Array;
  view: DataView;
}

/** A key's first bytes are read in one go, so this many must follow its start. */
export const SLACK = 8;

/** A buffer that keys can be read from. */
export function keyBytes(length: number): KeyBytes {
  const bytes = new Uint8Array(length + SLACK);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** For a length up to 8: what is kept of the first and of the second four bytes. */
const FIRST = Int32Array.from({ length: 9 }, (_, length) => (length >= 4 ? -1 : (1 << (8 * length)) - 1));
const SECOND = Int32Array.from({ length: 9 }, (_, length) =>
  length >= 8 ? -1 : length <= 4 ? 0 : (1 << (8 * (length - 4))) - 1,
);

/**
 * From byte strings to dense ids, with a count each: what words are counted in. Open addressing, four integers a slot:
 * the first four bytes of the key, the next four (or, of a key longer than eight, a hash of the rest), its length, its
 * id + 1. So most words are found with one look at one place in memory. Keys must not hold a zero byte.
 * About 60 bytes a word of English, against 100 and more for a Map of strings.
 */
export class ByteTable {
  /** Distinct keys so far; ids are 0 to size - 1, in order of first appearance. */
  size = 0;
  /** Occurrences by id; exact up to 2^53. */
  counts: Float64Array = new Float64Array(1 << 12);
  #slots: Int32Array = new Int32Array(4 << 13);
  #mask = (1 << 13) - 1;
  #starts: Uint32Array = new Uint32Array((1 << 12) + 1);
  #pool: Uint8Array = new Uint8Array(1 << 16);
  #poolEnd = 0;

  /** The id of the key `[start, end)`; -1 when it is not there. */
  find(keys: KeyBytes, start: number, end: number): number {
    const length = end - start;
    let first = keys.view.getInt32(start, true);
    let second: number;
    if (length <= 8) {
      second = keys.view.getInt32(start + 4, true) & (SECOND[length] as number);
      first &= FIRST[length] as number;
    } else second = hashRest(keys.bytes, start + 4, end);
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash(first, second) & mask; ; slot = (slot + 1) & mask) {
      const id = (slots[4 * slot + 3] as number) - 1;
      if (id < 0) return -1;
      if (slots[4 * slot] !== first || slots[4 * slot + 1] !== second || slots[4 * slot + 2] !== length) continue;
      if (length <= 8 || this.#isKey(id, keys.bytes, start, length)) return id;
    }
  }

  #isKey(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    const from = this.#starts[id] as number;
    const pool = this.#pool;
    for (let i = 4; i < length; i++) if (pool[from + i] !== bytes[start + i]) return false;
    return true;
  }

  /** Adds a key that {@link find} did not find; returns its id. */
  add(keys: KeyBytes, start: number, end: number): number {
    if (this.size * 2 >= this.#mask) this.#grow();
    const id = this.size++;
    const length = end - start;
    if (this.#poolEnd + length > this.#pool.length) this.#pool = enlarged(this.#pool, this.#poolEnd + length);
    for (let i = 0; i < length; i++) this.#pool[this.#poolEnd + i] = keys.bytes[start + i] as number;
    this.#poolEnd += length;
    this.#starts[id + 1] = this.#poolEnd;
    this.counts[id] = 0;
    const short = length <= 8;
    const first = keys.view.getInt32(start, true) & (short ? (FIRST[length] as number) : -1);
    const second = short
      ? keys.view.getInt32(start + 4, true) & (SECOND[length] as number)
      : hashRest(keys.bytes, start + 4, end);
    this.#place(first, second, length, id);
    return id;
  }

  /** {@link find}, else {@link add}. */
  idOf(keys: KeyBytes, start: number, end: number): number {
    const id = this.find(keys, start, end);
    return id >= 0 ? id : this.add(keys, start, end);
  }

  /** {@link find} for a string. */
  findText(text: string): number {
    const { keys, length } = encoded(text);
    return this.find(keys, 0, length);
  }

  /** {@link idOf} for a string. */
  idOfText(text: string): number {
    const { keys, length } = encoded(text);
    return this.idOf(keys, 0, length);
  }

  /** A key as a string. */
  text(id: number): string {
    return decoder.decode(this.key(id));
  }

  /** The bytes of a key: a view, valid until the next is added. */
  key(id: number): Uint8Array {
    return this.#pool.subarray(this.#starts[id], this.#starts[id + 1]);
  }

  /** Bytes that the table takes up. */
  get bytes(): number {
    return this.counts.byteLength + this.#slots.byteLength + this.#starts.byteLength + this.#pool.byteLength;
  }

  /** A copy in memory that all threads see; it can be sent to a worker and is only to be read. */
  share(): SharedTable {
    const shared = <T extends Float64Array | Int32Array | Uint32Array | Uint8Array>(array: T, length: number): T => {
      const Kind = array.constructor as new (buffer: SharedArrayBuffer) => T;
      const copy = new Kind(new SharedArrayBuffer(length * array.BYTES_PER_ELEMENT));
      copy.set(array.subarray(0, length) as never);
      return copy;
    };
    return {
      size: this.size,
      counts: shared(this.counts, this.size),
      slots: shared(this.#slots, this.#slots.length),
      starts: shared(this.#starts, this.size + 1),
      pool: shared(this.#pool, this.#poolEnd),
    };
  }

  /** A table over shared memory, without a copy. */
  static from(shared: SharedTable): ByteTable {
    const table = new ByteTable();
    table.size = shared.size;
    table.counts = shared.counts;
    table.#slots = shared.slots;
    table.#mask = shared.slots.length / 4 - 1;
    table.#starts = shared.starts;
    table.#pool = shared.pool;
    return table;
  }

  /** Forgets all keys, keeps the memory. */
  clear(): void {
    this.#slots.fill(0);
    this.size = 0;
    this.#poolEnd = 0;
  }

  #place(first: number, second: number, length: number, id: number): void {
    const slots = this.#slots;
    let slot = hash(first, second) & this.#mask;
    while (slots[4 * slot + 3] !== 0) slot = (slot + 1) & this.#mask;
    slots[4 * slot] = first;
    slots[4 * slot + 1] = second;
    slots[4 * slot + 2] = length;
    slots[4 * slot + 3] = id + 1;
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array(4 * (this.#mask + 1));
    const room = (this.#mask + 1) / 2;
    const counts = new Float64Array(room);
    counts.set(this.counts);
    this.counts = counts;
    const starts = new Uint32Array(room + 1);
    starts.set(this.#starts);
    this.#starts = starts;
    for (let slot = 0; slot < old.length; slot += 4) {
      const id = (old[slot + 3] as number) - 1;
      if (id >= 0) this.#place(old[slot] as number, old[slot + 1] as number, old[slot + 2] as number, id);
    }
  }
}

/** What {@link ByteTable.share} gives. */
export interface SharedTable {
  size: number;
  counts: Float64Array;
  slots: Int32Array;
  starts: Uint32Array;
  pool: Uint8Array;
}

function hash(first: number, second: number): number {
  const mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 16), 0x2c1b3c6d) >>> 7;
}

/** FNV-1a. */
function hashRest(bytes: Uint8Array, start: number, end: number): number {
  let rest = 0x811c9dc5 | 0;
  for (let at = start; at < end; at++) rest = Math.imul(rest ^ (bytes[at] as number), 0x01000193);
  return rest;
}

function enlarged(bytes: Uint8Array, least: number): Uint8Array {
  const bigger = new Uint8Array(Math.max(least, bytes.length * 2));
  bigger.set(bytes);
  return bigger;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
let scratch = keyBytes(1 << 10);

function encoded(text: string): { keys: KeyBytes; length: number } {
  if (text.length * 3 > scratch.bytes.length - SLACK) scratch = keyBytes(text.length * 3);
  return { keys: scratch, length: encoder.encodeInto(text, scratch.bytes).written };
}
