/**
 * Words with a few bits each, in memory that threads share: as sets of strings the vocabulary takes 37 MB in each of
 * them, so 7 MB in all. Open addressing; a slot is 0 or a place in the letters, which are UTF-16 units: length, bits, word.
 */
export class WordSet {
  readonly buffer: SharedArrayBuffer;
  readonly #slots: Int32Array;
  readonly #letters: Uint16Array;

  /** @param buffer of {@link WordSet.build}, also made in another thread. */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    const [slots = 0, letters = 0] = new Int32Array(buffer, 0, 2);
    this.#slots = new Int32Array(buffer, 8, slots);
    this.#letters = new Uint16Array(buffer, 8 + 4 * slots, letters);
  }

  /** @param words bits by word; no word is longer than 65,535 letters. */
  static build(words: ReadonlyMap<string, number>): WordSet {
    let letters = 1;
    for (const word of words.keys()) letters += 2 + word.length;
    let slots = 16;
    while (slots < 1.5 * words.size) slots *= 2;
    const buffer = new SharedArrayBuffer(8 + 4 * slots + 2 * letters);
    new Int32Array(buffer, 0, 2).set([slots, letters]);
    const set = new WordSet(buffer);
    let at = 1;
    for (const [word, bits] of words) {
      set.#slots[set.#slotOf(word)] = at;
      set.#letters[at] = word.length;
      set.#letters[at + 1] = bits;
      for (let i = 0; i < word.length; i++) set.#letters[at + 2 + i] = word.charCodeAt(i);
      at += 2 + word.length;
    }
    return set;
  }

  /** The bits of a word; 0 when it is not there. */
  bits(word: string): number {
    const at = this.#slots[this.#slotOf(word)] as number;
    return at === 0 ? 0 : (this.#letters[at + 1] as number);
  }

  /** Hands over where in `letters` every word begins and ends, in the order they were given; no word is made a string. */
  each(use: (letters: Uint16Array, start: number, end: number) => void): void {
    for (let at = 1; at < this.#letters.length; ) {
      const end = at + 2 + (this.#letters[at] as number);
      use(this.#letters, at + 2, end);
      at = end;
    }
  }

  /** Where the word is, or would be. */
  #slotOf(word: string): number {
    const mask = this.#slots.length - 1;
    // FNV-1a; its upper half is the better one.
    let hash = 0x811c9dc5;
    for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const at = this.#slots[slot] as number;
      if (at === 0 || this.#isAt(word, at)) return slot;
    }
  }

  #isAt(word: string, at: number): boolean {
    if (this.#letters[at] !== word.length) return false;
    for (let i = 0; i < word.length; i++) if (this.#letters[at + 2 + i] !== word.charCodeAt(i)) return false;
    return true;
  }
}
