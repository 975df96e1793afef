/**
 * Numbers texts as they are first seen: 0, 1, 2, ... Texts are runs of UTF-16 units, so that a part of a caption is looked up
 * without making a string of it. Open addressing over the units of all texts, in memory of a fixed size.
 */
export class Interner {
  size = 0;
  readonly #slots: Int32Array;
  readonly #hashes: Int32Array;
  readonly #from: Uint32Array;
  readonly #letters: Uint16Array;
  readonly #bytes: Buffer;

  /** @param texts and @param letters that it can hold; see {@link hasRoom}. */
  constructor(texts: number, letters: number) {
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * texts)));
    this.#hashes = new Int32Array(texts);
    this.#from = new Uint32Array(texts + 1);
    this.#letters = new Uint16Array(letters);
    this.#bytes = Buffer.from(this.#letters.buffer);
  }

  hasRoom(texts: number, letters: number): boolean {
    return (
      this.size + texts <= this.#hashes.length && (this.#from[this.size] as number) + letters <= this.#letters.length
    );
  }

  clear(): void {
    this.#slots.fill(0);
    this.size = 0;
  }

  /** The number of `units[from, to)`; it is new when it is the former `size`. */
  number(units: Uint16Array, from: number, to: number): number {
    // FNV-1a; its upper half is the better one.
    let hash = 0x811c9dc5 | 0;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ (units[i] as number), 0x01000193);
    const mask = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (; ; slot = (slot + 1) & mask) {
      const number = (this.#slots[slot] as number) - 1;
      if (number < 0) break;
      if (this.#hashes[number] === hash && this.#isText(number, units, from, to)) return number;
    }
    const number = this.size++;
    this.#slots[slot] = number + 1;
    this.#hashes[number] = hash;
    const at = this.#from[number] as number;
    for (let i = from; i < to; i++) this.#letters[at + i - from] = units[i] as number;
    this.#from[number + 1] = at + to - from;
    return number;
  }

  text(number: number): string {
    return this.#bytes.toString("utf16le", 2 * (this.#from[number] as number), 2 * (this.#from[number + 1] as number));
  }

  #isText(number: number, units: Uint16Array, from: number, to: number): boolean {
    const at = this.#from[number] as number;
    if ((this.#from[number + 1] as number) - at !== to - from) return false;
    for (let i = from; i < to; i++) if (this.#letters[at + i - from] !== units[i]) return false;
    return true;
  }
}

/** Copies a text's first units, as many as fit; returns how many. */
export function copyUnits(text: string, units: Uint16Array): number {
  const length = Math.min(text.length, units.length);
  for (let i = 0; i < length; i++) units[i] = text.charCodeAt(i);
  return length;
}
