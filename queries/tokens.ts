import { ByteTable, HASH_PRIME, HASH_SEED, hashBytes } from "./byte-table.ts";
import { type Case, wordsOf } from "./terms.ts";

/** Stands in the stream of words where no pair goes across: anything but a space or a hyphen lies between. */
export const BREAK = 0;
/** Longer runs are no words but data. */
const MAX_TOKEN = 200;

/** Classes of bytes: apart from words is 0. */
const [JOINT, APOSTROPHE, BEYOND] = [1, 2, 3] as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a code point beyond ASCII is: 0 not asked yet, 1 apart from words, 2 a kind of space, 3 apostrophe, 4 part of words. */
const POINT = new Uint8Array(0x110000);
POINT[0x2019] = 3;
for (const space of [0xa0, 0x2009, 0x200a, 0x202f, 0x2010, 0x2011, 0xad]) POINT[space] = 2;

function pointKind(point: number): number {
  const known = POINT[point] as number;
  if (known !== 0) return known;
  const kind = wordsOf(String.fromCodePoint(point), "fold").length > 0 ? 4 : 1;
  POINT[point] = kind;
  return kind;
}

/**
 * Cuts prose into words, counts them and writes them down as a stream of ids. Words are those of the matcher
 * (filters/words.ts): plain ASCII is handled byte by byte, any other token goes through {@link wordsOf} once, when it is
 * first seen, and is known afterwards by its bytes.
 */
export class Tokenizer {
  /** The words and other tokens of this part; only words have counts. */
  readonly table = new ByteTable();
  /** Words in all. */
  tokens = 0;
  /** The stream: id + 1 of each word, {@link BREAK} between words that are no neighbours. */
  stream = new Uint32Array(1 << 16);
  length = 0;
  readonly #case: Case;
  /** For a byte: itself, in lower case unless case is kept, when it belongs to words; else a class. */
  readonly #classes = new Uint8Array(256);
  /** For an id: 0 when the token is a word, else 1 + where its words are in `#aliases`. */
  #aliasOf = new Int32Array(1 << 12);
  #aliases: number[][] = [];

  constructor(letters: Case) {
    this.#case = letters;
    for (let byte = 0; byte < 128; byte++) {
      const character = String.fromCharCode(byte);
      if (/[a-z0-9]/i.test(character))
        this.#classes[byte] = (letters === "fold" ? character.toLowerCase() : character).charCodeAt(0);
    }
    this.#classes.fill(BEYOND, 128);
    for (const joint of " \t-") this.#classes[joint.charCodeAt(0)] = JOINT;
    this.#classes[39] = APOSTROPHE;
  }

  /** Forgets all words, for the next part; the stream must have been taken. */
  clear(): void {
    this.table.clear();
    this.#aliases = [];
    this.tokens = 0;
    this.length = 0;
  }

  /**
   * Counts the words of `bytes[start, end)` and appends them to the stream. Letters are lower-cased in place.
   */
  read(bytes: Uint8Array, start: number, end: number): void {
    // Most words take a byte and a separator at least; one character can stand for several (NFKC's longest has 18).
    if (this.length + (end - start) * 4 + 64 > this.stream.length) {
      const bigger = new Uint32Array(this.length + (end - start) * 4 + (1 << 16));
      bigger.set(this.stream.subarray(0, this.length));
      this.stream = bigger;
    }
    const classes = this.#classes;
    const table = this.table;
    const stream = this.stream;
    let length = this.length;
    let at = start;
    stream[length++] = BREAK;
    while (at < end) {
      let code = classes[bytes[at] as number] as number;
      let kind = code;
      if (code === BEYOND) {
        kind = pointKind(codePoint(bytes, at, end));
        if (kind !== 4) {
          if (kind !== 2 && stream[length - 1] !== BREAK) stream[length++] = BREAK;
          at += pointLength(bytes[at] as number);
          continue;
        }
      } else if (code <= APOSTROPHE) {
        if (code === 0 && stream[length - 1] !== BREAK) stream[length++] = BREAK;
        at++;
        continue;
      }
      const from = at;
      let hash = HASH_SEED;
      let plain = true;
      while (at < end) {
        const byte = bytes[at] as number;
        code = classes[byte] as number;
        if (code > BEYOND) {
          bytes[at] = code;
          hash = Math.imul(hash ^ code, HASH_PRIME);
          at++;
          continue;
        }
        let stride = 1;
        if (code === BEYOND) {
          kind = pointKind(codePoint(bytes, at, end));
          if (kind < 3) break;
          stride = pointLength(byte);
          if (kind === 3 && !isPart(classes, bytes, at + stride, end)) break;
        } else if (code !== APOSTROPHE || !isPart(classes, bytes, at + 1, end)) break;
        plain = false;
        for (let stop = Math.min(at + stride, end); at < stop; at++)
          hash = Math.imul(hash ^ (bytes[at] as number), HASH_PRIME);
      }
      if (at - from > MAX_TOKEN) {
        stream[length++] = BREAK;
        continue;
      }
      let id = table.find(bytes, from, at, hash);
      if (id < 0) id = this.#learn(bytes, from, at, hash, plain);
      const alias = this.#aliasOf[id] as number;
      if (alias === 0) {
        table.counts[id] = (table.counts[id] as number) + 1;
        this.tokens++;
        stream[length++] = id + 1;
        continue;
      }
      for (const word of this.#aliases[alias - 1] ?? []) {
        table.counts[word] = (table.counts[word] as number) + 1;
        this.tokens++;
        stream[length++] = word + 1;
      }
    }
    this.length = length;
  }

  /** A token that was not seen before: a word itself, or other words in another dress ("women's", "Zoë"). */
  #learn(bytes: Uint8Array, from: number, to: number, hash: number, plain: boolean): number {
    const id = this.table.add(bytes, from, to, hash);
    this.#setAlias(id, 0);
    if (plain) return id;
    const token = decoder.decode(bytes.subarray(from, to));
    const words = wordsOf(token, this.#case);
    if (words.length === 1 && words[0] === token) return id;
    const ids: number[] = [];
    for (const word of words) {
      // Unicode knows a few letters that fold further at every turn: no caption could be matched to them.
      if (wordsOf(word, this.#case)[0] !== word) continue;
      const key = encoder.encode(word);
      const before = this.table.size;
      const wordId = this.table.idOf(key, 0, key.length, hashBytes(key, 0, key.length));
      if (wordId === before) this.#setAlias(wordId, 0);
      ids.push(wordId);
    }
    this.#aliases.push(ids);
    this.#setAlias(id, this.#aliases.length);
    return id;
  }

  #setAlias(id: number, alias: number): void {
    if (id >= this.#aliasOf.length) {
      const bigger = new Int32Array(this.#aliasOf.length * 2);
      bigger.set(this.#aliasOf);
      this.#aliasOf = bigger;
    }
    this.#aliasOf[id] = alias;
  }
}

function isPart(classes: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return false;
  const code = classes[bytes[at] as number] as number;
  return code > BEYOND || (code === BEYOND && pointKind(codePoint(bytes, at, end)) === 4);
}

function pointLength(byte: number): number {
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/** The code point of the UTF-8 sequence at `at`; U+FFFD when it is none. */
function codePoint(bytes: Uint8Array, at: number, end: number): number {
  const byte = bytes[at] as number;
  const length = pointLength(byte);
  if (byte < 0xc0 || at + length > end) return 0xfffd;
  let point = byte & (0xff >> (length + 1));
  for (let i = 1; i < length; i++) point = (point << 6) | ((bytes[at + i] as number) & 0x3f);
  return point < 0x110000 ? point : 0xfffd;
}
