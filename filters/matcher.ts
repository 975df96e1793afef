import { hashWords } from "./words.ts";

/**
 * Finds all terms of a list in a caption: whole words, case-folded, longest and nested alike.
 *
 * Two open-addressing tables of 32-bit integers: one from a word's hash to its word id, one from (node, word id) to a
 * child node of the trie of word sequences. Words are compared by 64 bits of hash, not by letters: among 500,000 words
 * and a million times as many lookups the chance of one false match is below one in a million.
 * Memory: about 16 bytes a slot for twice as many slots as words and nodes; no strings are kept.
 */
export class Matcher {
  readonly size: number;
  #words: HashTable;
  #edges: HashTable;
  /** The first term that ends at a node, or -1; several spellings can be one word sequence ("t-shirt", "t shirt"). */
  #termAt: number[] = [-1];
  #nextTerm: Int32Array;
  #hasChildren: boolean[] = [false];
  /** The caption in whose matches a term was last reported, so that each is reported once. */
  #reported: Uint32Array;
  #caption = 0;
  #wordIds: number[] = [];

  /** @param terms the list in order: a term's id is its index. */
  constructor(terms: readonly { term: string }[]) {
    this.size = terms.length;
    this.#words = new HashTable(terms.length);
    this.#edges = new HashTable(terms.length);
    this.#nextTerm = new Int32Array(terms.length).fill(-1);
    this.#reported = new Uint32Array(terms.length);
    let words = 0;
    for (let id = 0; id < terms.length; id++) {
      let node = 0;
      hashWords(terms[id]?.term ?? "", (hash1, hash2) => {
        let word = this.#words.get(hash1, hash2);
        if (word < 0) {
          word = words++;
          this.#words.set(hash1, hash2, word);
        }
        let child = this.#edges.get(edgeHash(node, word), node);
        if (child < 0) {
          child = this.#termAt.push(-1) - 1;
          this.#hasChildren[child] = false;
          this.#hasChildren[node] = true;
          this.#edges.set(edgeHash(node, word), node, child);
        }
        node = child;
      });
      if (node === 0) continue; // A term without letters or digits cannot be found.
      this.#nextTerm[id] = this.#termAt[node] ?? -1;
      this.#termAt[node] = id;
    }
  }

  /** The ids of all terms in `caption`, each once, ascending. */
  match(caption: string): number[] {
    const ids = this.#wordIds;
    let count = 0;
    hashWords(caption, (hash1, hash2) => {
      ids[count++] = this.#words.get(hash1, hash2);
    });
    const found: number[] = [];
    this.#caption++;
    for (let start = 0; start < count; start++) {
      let node = 0;
      for (let i = start; i < count && this.#hasChildren[node]; i++) {
        const word = ids[i] ?? -1;
        if (word < 0) break;
        node = this.#edges.get(edgeHash(node, word), node);
        if (node < 0) break;
        for (let term = this.#termAt[node] ?? -1; term >= 0; term = this.#nextTerm[term] ?? -1) {
          if (this.#reported[term] === this.#caption) continue;
          this.#reported[term] = this.#caption;
          found.push(term);
        }
      }
    }
    return found.sort((a, b) => a - b);
  }
}

/** Injective in `word` for a fixed node, so (hash, node) identifies an edge exactly. */
function edgeHash(node: number, word: number): number {
  return Math.imul(word + 1, 0x9e3779b1) ^ Math.imul(node, 0x85ebca6b);
}

/** From two 32-bit keys to a non-negative value: open addressing, linear probing, grown at half full. */
class HashTable {
  /** Slots of three: key 1, key 2, value + 1 (0 is empty). */
  #slots: Int32Array;
  #mask: number;
  #used = 0;

  constructor(expected: number) {
    let capacity = 16;
    while (capacity < expected * 2) capacity *= 2;
    this.#slots = new Int32Array(capacity * 3);
    this.#mask = capacity - 1;
  }

  get(key1: number, key2: number): number {
    const slots = this.#slots;
    for (let at = (key1 ^ (key1 >>> 15)) & this.#mask; ; at = (at + 1) & this.#mask) {
      const value = slots[at * 3 + 2] ?? 0;
      if (value === 0) return -1;
      if (slots[at * 3] === key1 && slots[at * 3 + 1] === key2) return value - 1;
    }
  }

  /** Adds a key that is not in the table. */
  set(key1: number, key2: number, value: number): void {
    if (this.#used * 2 > this.#mask) this.#grow();
    this.#used++;
    let at = (key1 ^ (key1 >>> 15)) & this.#mask;
    while (this.#slots[at * 3 + 2] !== 0) at = (at + 1) & this.#mask;
    this.#slots[at * 3] = key1;
    this.#slots[at * 3 + 1] = key2;
    this.#slots[at * 3 + 2] = value + 1;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    this.#used = 0;
    for (let i = 0; i < old.length; i += 3) {
      const value = old[i + 2] ?? 0;
      if (value !== 0) this.set(old[i] ?? 0, old[i + 1] ?? 0, value - 1);
    }
  }
}
