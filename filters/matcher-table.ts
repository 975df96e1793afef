import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { foldText, hashFolded, hashRoom, hashSpacedTerm, type MatchMode } from "./words.ts";

/**
 * The matcher's tables in one buffer of 32-bit integers, so that they can be written to a file, read back, and shared
 * between threads as they are:
 *
 * - header, 16 integers: a magic number, mode, terms, slots of `words`, slots of `edges`, 0, 0, 0, then 32 bytes that say
 *   what list it was made of;
 * - words, open addressing, 4 integers a slot: two hashes, word id + 1 (0: empty), end;
 * - edges of the trie of word sequences, 4 integers a slot: node, word id, child (0: empty), end;
 * - next, an integer a term: the next term with the same words, or -1 ("t-shirt", "t shirt").
 *
 * A node is a word's id when it is the first word of terms, else negative. `end` is what stands at a node:
 * (first term that ends here + 1) * 4 + 2 when it has a next + 1 when longer terms go on from here.
 * Words are compared by 64 bits of hash, not by letters: among 500,000 words and a million times as many different
 * words of captions the chance of one false match is below two in a million.
 */
export interface MatcherTable {
  readonly buffer: ArrayBufferLike;
  readonly mode: MatchMode;
  /** Terms of the list. */
  readonly terms: number;
  readonly words: Int32Array;
  readonly edges: Int32Array;
  readonly next: Int32Array;
  /** What list it was made of: 32 bytes, hexadecimal; zeros when it was not said. */
  readonly list: string;
}

const MAGIC = 0x316d7477; // "wtm1"
const HEADER = 16;
const MODES: readonly MatchMode[] = ["fold", "metaclip"];

/** Where a pair of hashes (or a node and a word) begins its search. */
export function edgeHash(node: number, word: number): number {
  const h = Math.imul(node, 0x9e3779b1) ^ Math.imul(word + 0x3c6ef372, 0x85ebca6b);
  return h ^ (h >>> 15);
}

/**
 * Builds the tables of a list; a term's id is its index. A term without a word is never found.
 * Half a second for 500,000 terms; 15 MB then: 16 bytes a slot for 1.25 to 2.5 times as many slots as there are words and edges.
 * @param list what the list is, 32 bytes in hexadecimal: a file is recognised by it.
 */
export function buildTable(terms: readonly { term: string }[], mode: MatchMode, list = ""): MatcherTable {
  const words = new Growing((slots, at) => slots[at] as number, terms.length);
  const edges = new Growing((slots, at) => edgeHash(slots[at] as number, slots[at + 1] as number), terms.length >> 2);
  const next = new Int32Array(terms.length).fill(-1);
  let bytes: Buffer = Buffer.alloc(1024);
  let hashes = new Int32Array(hashRoom(bytes.length));
  let wordCount = 0;
  let childCount = 0;
  for (let id = 0; id < terms.length; id++) {
    const term = terms[id]?.term ?? "";
    if (bytes.length < term.length * 3) {
      bytes = Buffer.alloc(term.length * 3);
      hashes = new Int32Array(hashRoom(bytes.length));
    }
    const length = bytes.write(term, "utf8");
    let count: number;
    if (mode === "metaclip") count = term === "" ? 0 : hashSpacedTerm(bytes, 0, length, hashes);
    else {
      count = hashFolded(bytes, 0, length, hashes, false);
      if (count < 0) {
        const folded = foldText(term);
        if (hashes.length < hashRoom(folded.length)) hashes = new Int32Array(hashRoom(folded.length));
        count = hashFolded(folded, 0, folded.length, hashes, true);
      }
    }
    if (count === 0) continue;
    // Slots stay where they are while a term is added.
    words.reserve(count);
    edges.reserve(count);
    let table = words;
    let slot = 0;
    let node = 0;
    for (let i = 0; i < count; i++) {
      const [hash1, hash2] = [hashes[2 * i] as number, hashes[2 * i + 1] as number];
      const wordSlot = words.find(hash1, hash1, hash2);
      if (words.slots[wordSlot + 2] === 0) words.add(wordSlot, hash1, hash2, ++wordCount);
      const word = (words.slots[wordSlot + 2] as number) - 1;
      if (i === 0) {
        [table, slot, node] = [words, wordSlot, word];
        continue;
      }
      table.slots[slot + 3] = (table.slots[slot + 3] as number) | 1;
      const hash = edgeHash(node, word);
      const edgeSlot = edges.find(hash, node, word);
      if (edges.slots[edgeSlot + 2] === 0) edges.add(edgeSlot, node, word, -++childCount);
      [table, slot, node] = [edges, edgeSlot, edges.slots[edgeSlot + 2] as number];
    }
    const end = table.slots[slot + 3] as number;
    if (end >> 2 > 0) next[id] = (end >> 2) - 1;
    table.slots[slot + 3] = ((id + 1) << 2) | (end >> 2 > 0 ? 2 : 0) | (end & 1);
  }
  return layOut(mode, words.slots, edges.slots, next, list);
}

function layOut(mode: MatchMode, words: Int32Array, edges: Int32Array, next: Int32Array, list: string): MatcherTable {
  const buffer = new SharedArrayBuffer(4 * (HEADER + words.length + edges.length + next.length));
  const all = new Int32Array(buffer);
  all.set([MAGIC, MODES.indexOf(mode), next.length, words.length / 4, edges.length / 4]);
  new Uint8Array(buffer, 32, 32).set(Buffer.from(list.slice(0, 64), "hex"));
  all.set(words, HEADER);
  all.set(edges, HEADER + words.length);
  all.set(next, HEADER + words.length + edges.length);
  return viewTable(buffer);
}

/**
 * The tables in a buffer that {@link buildTable} made, also in another thread or read from a file.
 * @throws Error when it is none, or cut short.
 */
export function viewTable(buffer: ArrayBufferLike): MatcherTable {
  const header = new Int32Array(buffer, 0, Math.min(HEADER, buffer.byteLength >> 2));
  const [magic, mode = -1, terms = 0, wordSlots = 0, edgeSlots = 0] = header;
  const size = 4 * (HEADER + 4 * wordSlots + 4 * edgeSlots + terms);
  if (magic !== MAGIC || MODES[mode] === undefined || buffer.byteLength !== size) {
    throw new Error("these are no matcher tables of this version");
  }
  return {
    buffer,
    mode: MODES[mode],
    terms,
    words: new Int32Array(buffer, 4 * HEADER, 4 * wordSlots),
    edges: new Int32Array(buffer, 4 * (HEADER + 4 * wordSlots), 4 * edgeSlots),
    next: new Int32Array(buffer, 4 * (HEADER + 4 * wordSlots + 4 * edgeSlots), terms),
    list: Buffer.from(new Uint8Array(buffer, 32, 32)).toString("hex"),
  };
}

/** Writes the tables whole or not at all. */
export function writeTable(file: string, table: MatcherTable): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, new Uint8Array(table.buffer));
  renameSync(temporary, file);
}

/**
 * Reads tables into memory that threads share (Node cannot map files; reading 15 MB takes milliseconds).
 * @throws Error when the file is missing or holds no tables.
 */
export function readTable(file: string): MatcherTable {
  const descriptor = openSync(file, "r");
  try {
    const bytes = new Uint8Array(new SharedArrayBuffer(fstatSync(descriptor).size));
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(descriptor, bytes, at, bytes.length - at, at);
      if (read === 0) throw new Error("it became shorter while it was read");
      at += read;
    }
    return viewTable(bytes.buffer);
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Open addressing with linear probing, doubled when four fifths full: small tables stay in the processor's caches. */
class Growing {
  slots: Int32Array;
  #mask: number;
  #used = 0;
  readonly #hashAt: (slots: Int32Array, at: number) => number;

  constructor(hashAt: (slots: Int32Array, at: number) => number, expected: number) {
    let capacity = 16;
    while (capacity < expected) capacity *= 2;
    this.slots = new Int32Array(capacity * 4);
    this.#mask = capacity * 4 - 1;
    this.#hashAt = hashAt;
  }

  /** The slot of the two keys, or the empty one where they belong. */
  find(hash: number, key1: number, key2: number): number {
    const slots = this.slots;
    let at = (hash << 2) & this.#mask;
    while (slots[at + 2] !== 0 && (slots[at] !== key1 || slots[at + 1] !== key2)) at = (at + 4) & this.#mask;
    return at;
  }

  /** Fills an empty slot; there must be room. */
  add(at: number, key1: number, key2: number, value: number): void {
    this.slots.set([key1, key2, value, 0], at);
    this.#used++;
  }

  /** Makes room for so many more; slots move. */
  reserve(more: number): void {
    if ((this.#used + more) * 5 <= this.slots.length) return;
    const old = this.slots;
    let length = old.length * 2;
    while ((this.#used + more) * 5 > length) length *= 2;
    this.slots = new Int32Array(length);
    this.#mask = length - 1;
    for (let i = 0; i < old.length; i += 4) {
      if (old[i + 2] === 0) continue;
      const to = this.find(this.#hashAt(old, i), old[i] as number, old[i + 1] as number);
      for (let k = 0; k < 4; k++) this.slots[to + k] = old[i + k] as number;
    }
  }
}
