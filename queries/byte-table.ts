/** Bytes that keys are read from, four at a time: a buffer of its own, with {@link SLACK} bytes behind the last key. */
export interface KeyBytes {
  bytes: Uint8Array;
  view: DataView;
}

/** Keys up to so many bytes lie in their entry. */
const SHORT = 12;
/** They are read in one go, so this many must follow the start of a key. */
export const SLACK = 16;

/** A buffer that keys can be read from. */
export function keyBytes(length: number): KeyBytes {
  const bytes = new Uint8Array(length + SLACK);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** For the bytes of a key that four bytes may hold: those kept. */
const KEPT = Int32Array.of(0, 0xff, 0xffff, 0xffffff, -1);

/** The four bytes at `at` of a key that ends at `end`, zeros behind its end. */
function fourBytes(keys: KeyBytes, at: number, end: number): number {
  return end - at >= 4
    ? keys.view.getInt32(at, true)
    : end > at
      ? keys.view.getInt32(at, true) & (KEPT[end - at] as number)
      : 0;
}

/**
 * From byte strings to dense ids, with a count each: what words are counted in. Open addressing: a slot holds an id + 1, and
 * four integers by id hold the key. Frequent words come early, so theirs lie side by side in the processor's cache, and the
 * slots are small enough to be there too. Of a key longer than twelve bytes the entry holds the first eight, a hash of the
 * rest, and where it lies in a pool. Keys must not hold a zero byte.
 * 32 to 48 bytes a word of English, against 100 and more for a Map of strings.
 */
export class ByteTable {
  /** Distinct keys so far; ids are 0 to size - 1, in order of first appearance. */
  size = 0;
  /** Occurrences by id; exact up to 2^53. */
  counts: Float64Array = new Float64Array(1 << 12);
  #slots: Int32Array = new Int32Array(1 << 13);
  #mask = (1 << 13) - 1;
  /** By id: three times four bytes of the key, and 0; or eight bytes, a hash, and one more than the place in the pool. */
  #entries: Int32Array = new Int32Array(4 << 12);
  /** Long keys, a zero behind each. */
  #pool: Uint8Array = new Uint8Array(1 << 12);
  #poolEnd = 0;

  /** The id of the key `[start, end)`; -1 when it is not there. */
  find(keys: KeyBytes, start: number, end: number): number {
    const first = fourBytes(keys, start, end);
    const second = fourBytes(keys, start + 4, end);
    if (end - start <= SHORT) return this.findShort(first, second, fourBytes(keys, start + 8, end));
    const rest = hashRest(keys.bytes, start + 8, end);
    const [slots, entries, mask] = [this.#slots, this.#entries, this.#mask];
    for (let slot = hash(first, second, rest) & mask; ; slot = (slot + 1) & mask) {
      const id = (slots[slot] as number) - 1;
      if (id < 0) return -1;
      const at = 4 * id;
      if (entries[at] !== first || entries[at + 1] !== second || entries[at + 2] !== rest) continue;
      if (this.#isKey(entries[at + 3] as number, keys.bytes, start, end)) return id;
    }
  }

  /** {@link find} for a key of up to twelve bytes, given as three little-endian integers with zeros behind its end. */
  findShort(first: number, second: number, third: number): number {
    const slots = this.#slots;
    const entries = this.#entries;
    const mask = this.#mask;
    for (let slot = hash(first, second, third) & mask; ; slot = (slot + 1) & mask) {
      const id = (slots[slot] as number) - 1;
      if (id < 0) return -1;
      const at = 4 * id;
      if (entries[at] === first && entries[at + 1] === second && entries[at + 2] === third && entries[at + 3] === 0)
        return id;
    }
  }

  /** Whether the long key at `place` - 1 of the pool is `[start, end)`; the first eight bytes are known to be. */
  #isKey(place: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (place === 0) return false;
    const pool = this.#pool;
    let from = place - 1 + 8;
    for (let at = start + 8; at < end; at++) if (pool[from++] !== bytes[at]) return false;
    return pool[from] === 0;
  }

  /** Adds a key that {@link find} did not find; returns its id. */
  add(keys: KeyBytes, start: number, end: number): number {
    if (this.size * 2 >= this.#mask) this.#grow();
    const id = this.size++;
    const short = end - start <= SHORT;
    const at = 4 * id;
    const entries = this.#entries;
    entries[at] = fourBytes(keys, start, end);
    entries[at + 1] = fourBytes(keys, start + 4, end);
    entries[at + 2] = short ? fourBytes(keys, start + 8, end) : hashRest(keys.bytes, start + 8, end);
    entries[at + 3] = short ? 0 : this.#keep(keys.bytes, start, end) + 1;
    this.counts[id] = 0;
    this.#place(id);
    return id;
  }

  /** Puts a long key in the pool; returns where. */
  #keep(bytes: Uint8Array, start: number, end: number): number {
    const place = this.#poolEnd;
    const least = place + end - start + 1;
    if (least > this.#pool.length) this.#pool = enlarged(this.#pool, least);
    for (let at = start; at < end; at++) this.#pool[this.#poolEnd++] = bytes[at] as number;
    this.#pool[this.#poolEnd++] = 0;
    return place;
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
    const length = this.length(id);
    const bytes = new Uint8Array(length);
    this.copy(id, bytes, 0);
    return decoder.decode(bytes);
  }

  /** Bytes of a key. */
  length(id: number): number {
    const at = 4 * id;
    const place = this.#entries[at + 3] as number;
    if (place > 0) return this.#pool.indexOf(0, place - 1) - place + 1;
    for (let i = 2; i >= 0; i--) {
      const four = this.#entries[at + i] as number;
      if (four !== 0) return 4 * i + 4 - (Math.clz32(four) >> 3);
    }
    return 0;
  }

  /** Copies a key to `out`; returns where it ends there. */
  copy(id: number, out: Uint8Array, to: number): number {
    let length = to;
    const at = 4 * id;
    const place = this.#entries[at + 3] as number;
    if (place > 0) {
      for (let from = place - 1; this.#pool[from] !== 0; from++) out[length++] = this.#pool[from] as number;
      return length;
    }
    for (let i = 0; i < 3; i++)
      for (let four = this.#entries[at + i] as number; four !== 0; four >>>= 8) out[length++] = four & 255;
    return length;
  }

  /** An order of keys, the same in every table: by their first eight bytes, then by code units. */
  compare(a: number, b: number): number {
    const entries = this.#entries;
    for (let i = 0; i < 2; i++) {
      const [one, two] = [entries[4 * a + i] as number, entries[4 * b + i] as number];
      if (one !== two) return bigEndian(one) - bigEndian(two);
    }
    const [one, two] = [this.text(a), this.text(b)];
    return one < two ? -1 : one > two ? 1 : 0;
  }

  /** Bytes that the table takes up. */
  get bytes(): number {
    return this.counts.byteLength + this.#slots.byteLength + this.#entries.byteLength + this.#pool.byteLength;
  }

  /** A copy in memory that all threads see; it can be sent to a worker and is only to be read. */
  share(): SharedTable {
    const shared = <T extends Float64Array | Int32Array | Uint8Array>(array: T, length: number): T => {
      const Kind = array.constructor as new (buffer: SharedArrayBuffer) => T;
      const copy = new Kind(new SharedArrayBuffer(length * array.BYTES_PER_ELEMENT));
      copy.set(array.subarray(0, length) as never);
      return copy;
    };
    return {
      size: this.size,
      counts: shared(this.counts, this.size),
      slots: shared(this.#slots, this.#slots.length),
      entries: shared(this.#entries, this.size * 4),
      pool: shared(this.#pool, this.#poolEnd),
    };
  }

  /** A table over shared memory, without a copy. */
  static from(shared: SharedTable): ByteTable {
    const table = new ByteTable();
    table.size = shared.size;
    table.counts = shared.counts;
    table.#slots = shared.slots;
    table.#mask = shared.slots.length - 1;
    table.#entries = shared.entries;
    table.#pool = shared.pool;
    return table;
  }

  /** Forgets all keys, keeps the memory. */
  clear(): void {
    this.#slots.fill(0);
    this.size = 0;
    this.#poolEnd = 0;
  }

  #place(id: number): void {
    const [slots, entries, mask] = [this.#slots, this.#entries, this.#mask];
    const at = 4 * id;
    let slot = hash(entries[at] as number, entries[at + 1] as number, entries[at + 2] as number) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = id + 1;
  }

  #grow(): void {
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array(this.#mask + 1);
    const room = (this.#mask + 1) / 2;
    const counts = new Float64Array(room);
    counts.set(this.counts);
    this.counts = counts;
    const entries = new Int32Array(4 * room);
    entries.set(this.#entries);
    this.#entries = entries;
    for (let id = 0; id < this.size; id++) this.#place(id);
  }
}

/** What {@link ByteTable.share} gives. */
export interface SharedTable {
  size: number;
  counts: Float64Array;
  slots: Int32Array;
  entries: Int32Array;
  pool: Uint8Array;
}

function hash(first: number, second: number, third: number): number {
  const mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b) ^ Math.imul(third, 0x27d4eb2f);
  const more = Math.imul(mixed ^ (mixed >>> 16), 0x2c1b3c6d);
  return more ^ (more >>> 15);
}

/** Four bytes as a number that is greater when they come later in the alphabet. */
function bigEndian(four: number): number {
  return ((four << 24) | ((four & 0xff00) << 8) | ((four >>> 8) & 0xff00) | (four >>> 24)) >>> 0;
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
