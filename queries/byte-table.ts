/**
 * From byte strings to dense ids, with a count each: what words are counted in. Open addressing over 32-bit slots, all
 * keys behind each other in one array: about 30 bytes a word of English, against 100 and more for a Map of strings.
 */
export class ByteTable {
  /** Distinct keys so far; ids are 0 to size - 1, in order of first appearance. */
  size = 0;
  /** Occurrences by id; exact up to 2^53. */
  counts: Float64Array = new Float64Array(1 << 12);
  #slots: Int32Array = new Int32Array(1 << 13);
  #mask = (1 << 13) - 1;
  #hashes: Int32Array = new Int32Array(1 << 12);
  #starts: Uint32Array = new Uint32Array((1 << 12) + 1);
  #pool: Uint8Array = new Uint8Array(1 << 16);
  #poolEnd = 0;

  /** The id of the key `bytes[start, end)`, whose hash by {@link hashBytes} is given; -1 when it is not there. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const length = end - start;
    for (let slot = (hash ^ (hash >>> 15)) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const id = (this.#slots[slot] as number) - 1;
      if (id < 0) return -1;
      if (this.#hashes[id] !== hash) continue;
      const from = this.#starts[id] as number;
      if ((this.#starts[id + 1] as number) - from !== length) continue;
      let i = 0;
      while (i < length && this.#pool[from + i] === bytes[start + i]) i++;
      if (i === length) return id;
    }
  }

  /** Adds a key that {@link find} did not find; returns its id. */
  add(bytes: Uint8Array, start: number, end: number, hash: number): number {
    if (this.size * 2 >= this.#mask) this.#grow();
    const id = this.size++;
    const length = end - start;
    if (this.#poolEnd + length > this.#pool.length) this.#pool = enlarged(this.#pool, this.#poolEnd + length);
    for (let i = 0; i < length; i++) this.#pool[this.#poolEnd + i] = bytes[start + i] as number;
    this.#poolEnd += length;
    this.#starts[id + 1] = this.#poolEnd;
    this.#hashes[id] = hash;
    this.counts[id] = 0;
    this.#place(id, hash);
    return id;
  }

  /** {@link find}, else {@link add}. */
  idOf(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const id = this.find(bytes, start, end, hash);
    return id >= 0 ? id : this.add(bytes, start, end, hash);
  }

  /** The bytes of a key: a view, valid until the next is added. */
  key(id: number): Uint8Array {
    return this.#pool.subarray(this.#starts[id], this.#starts[id + 1]);
  }

  /** Bytes that the table takes up. */
  get bytes(): number {
    return (
      this.counts.byteLength +
      this.#slots.byteLength +
      this.#hashes.byteLength +
      this.#starts.byteLength +
      this.#pool.byteLength
    );
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
      hashes: shared(this.#hashes, this.size),
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
    table.#mask = shared.slots.length - 1;
    table.#hashes = shared.hashes;
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

  #place(id: number, hash: number): void {
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = id + 1;
  }

  #grow(): void {
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array(this.#mask + 1);
    const room = (this.#mask + 1) / 2;
    const counts = new Float64Array(room);
    counts.set(this.counts);
    this.counts = counts;
    const hashes = new Int32Array(room);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const starts = new Uint32Array(room + 1);
    starts.set(this.#starts);
    this.#starts = starts;
    for (let id = 0; id < this.size; id++) this.#place(id, hashes[id] as number);
  }
}

/** What {@link ByteTable.share} gives. */
export interface SharedTable {
  size: number;
  counts: Float64Array;
  slots: Int32Array;
  hashes: Int32Array;
  starts: Uint32Array;
  pool: Uint8Array;
}

function enlarged(bytes: Uint8Array, least: number): Uint8Array<ArrayBuffer> {
  const bigger = new Uint8Array(Math.max(least, bytes.length * 2));
  bigger.set(bytes);
  return bigger;
}

/** First value of a running hash (FNV-1a, 32 bits). */
export const HASH_SEED = 0x811c9dc5 | 0;
/** FNV's prime. */
export const HASH_PRIME = 0x01000193;

/** The hash that {@link ByteTable} expects of `bytes[start, end)`; the tokenizer computes the same on its way. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_SEED;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), HASH_PRIME);
  return hash;
}
