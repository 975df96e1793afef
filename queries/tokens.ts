import { ByteTable, type KeyBytes } from "./byte-table.ts";
import { maskBefore, notWord } from "./four-bytes.ts";
import { type Case, wordsOf } from "./terms.ts";

/** Stands in the stream of words where no pair goes across: anything but a space or a hyphen lies between. */
export const BREAK = 0;
/** Longer runs are no words but data. */
const MAX_TOKEN = 200;

/** Classes of bytes and code points: words have parts; between two that are neighbours stands only what joins. */
const [APART, JOINT, APOSTROPHE, BEYOND, PART, UNKNOWN] = [0, 1, 2, 3, 4, 5] as const;

const decoder = new TextDecoder();

/** The class of each code point beyond ASCII. */
const POINT = new Uint8Array(0x110000).fill(UNKNOWN, 128);
POINT[0x2019] = APOSTROPHE;
for (const space of [0xa0, 0x2009, 0x200a, 0x202f, 0x2010, 0x2011, 0xad]) POINT[space] = JOINT;

function pointKind(point: number): number {
  const known = POINT[point] as number;
  if (known !== UNKNOWN) return known;
  const kind = wordsOf(String.fromCodePoint(point), "fold").length > 0 ? PART : APART;
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
  /** The class of each byte. */
  readonly #classes = new Uint8Array(256);
  /** The words of tokens that are none themselves; the token's count is -1 - its place here. */
  #aliases: number[][] = [];

  constructor(letters: Case) {
    this.#case = letters;
    for (let byte = 0; byte < 128; byte++) if (/[a-z0-9]/i.test(String.fromCharCode(byte))) this.#classes[byte] = PART;
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
   * Counts the words of `text[0, end)` and appends them to the stream. The byte behind them, which must be there, becomes
   * 0. Where case is folded, small letters are fastest: a word with a capital is looked up as another word's dress.
   */
  read(text: KeyBytes, end: number): void {
    // Most words take a byte and a separator at least; one character can stand for several (NFKC's longest has 18).
    if (this.length + end * 4 + 64 > this.stream.length) {
      const bigger = new Uint32Array(this.length + end * 4 + (1 << 16));
      bigger.set(this.stream.subarray(0, this.length));
      this.stream = bigger;
    }
    const { bytes, view } = text;
    bytes[end] = 0;
    const classes = this.#classes;
    const table = this.table;
    const stream = this.stream;
    let { counts } = table;
    let length = this.length;
    let tokens = 0;
    let at = 0;
    stream[length++] = BREAK;
    while (at < end) {
      const from = at;
      let id = -2;
      // Words of up to eleven letters: twelve bytes are read at once and cut behind the first that is none, so that how
      // long a word is costs no guess of the processor's.
      const four = view.getInt32(at, true);
      const next = view.getInt32(at + 4, true);
      const stop = notWord(four);
      const first = four & maskBefore(stop);
      if (first !== 0) {
        const kept = maskBefore(stop);
        // None of the next four when the word ends within the first.
        const more = maskBefore(notWord(next)) & ~((stop | -stop) >> 31);
        let third = 0;
        let bits = 64 - Math.clz32(kept) - Math.clz32(more);
        if (more === -1) {
          const last = view.getInt32(at + 8, true);
          const most = maskBefore(notWord(last));
          third = last & most;
          bits += 32 - Math.clz32(most);
        }
        at += bits >> 3;
        if (bits === 96) while ((classes[bytes[at] as number] as number) === PART) at++;
        const kind = classes[bytes[at] as number] as number;
        if (kind >= APOSTROPHE) at = this.#endOfToken(bytes, at, end);
        else if (bits < 96) id = table.findShort(first, next & more, third);
      } else {
        let kind = classes[bytes[at] as number] as number;
        if (kind === JOINT) {
          at++;
          continue;
        }
        if (kind === BEYOND) kind = pointKind(codePoint(bytes, at, end));
        at += pointLength(bytes[at] as number);
        if (kind !== PART) {
          if (kind === APART && stream[length - 1] !== BREAK) stream[length++] = BREAK;
          continue;
        }
        at = this.#endOfToken(bytes, Math.min(at, end), end);
      }
      if (id === -2) id = table.find(text, from, at);
      if (id < 0) {
        id = this.#learn(text, from, at);
        counts = table.counts;
      }
      const count = counts[id] as number;
      if (count >= 0) {
        counts[id] = count + 1;
        tokens++;
        stream[length++] = id + 1;
        continue;
      }
      const words = this.#aliases[-1 - count] as number[];
      if (words.length === 0) stream[length++] = BREAK;
      for (const word of words) {
        counts[word] = (counts[word] as number) + 1;
        tokens++;
        stream[length++] = word + 1;
      }
    }
    this.tokens += tokens;
    this.length = length;
  }

  /** Where a token ends that goes on, or may, with other than ASCII letters and digits. */
  #endOfToken(bytes: Uint8Array, start: number, end: number): number {
    for (let at = start; at < end; ) {
      let kind = this.#classes[bytes[at] as number] as number;
      if (kind === BEYOND) kind = pointKind(codePoint(bytes, at, end));
      const after = Math.min(at + pointLength(bytes[at] as number), end);
      if (kind !== PART && (kind !== APOSTROPHE || !this.#isPart(bytes, after, end))) return at;
      at = after;
    }
    return end;
  }

  #isPart(bytes: Uint8Array, at: number, end: number): boolean {
    if (at >= end) return false;
    const kind = this.#classes[bytes[at] as number] as number;
    return kind === PART || (kind === BEYOND && pointKind(codePoint(bytes, at, end)) === PART);
  }

  /** Whether a token is a word as it stands: letters of ASCII, small ones where case is folded, and digits. */
  #isPlain(bytes: Uint8Array, from: number, to: number): boolean {
    const capitals = this.#case === "keep";
    for (let at = from; at < to; at++) {
      const byte = bytes[at] as number;
      if (this.#classes[byte] !== PART || (!capitals && byte >= 65 && byte <= 90)) return false;
    }
    return true;
  }

  /** A token that was not seen before: a word itself, other words in another dress ("women's", "Zoë"), or none. */
  #learn(text: KeyBytes, from: number, to: number): number {
    const id = this.table.add(text, from, to);
    if (to - from <= MAX_TOKEN && this.#isPlain(text.bytes, from, to)) return id;
    const token = decoder.decode(text.bytes.subarray(from, to));
    const words = to - from <= MAX_TOKEN ? wordsOf(token, this.#case) : [];
    if (words.length === 1 && words[0] === token) return id;
    const ids: number[] = [];
    for (const word of words) {
      // Unicode knows a few letters that fold further at every turn: no caption could be matched to them.
      if (wordsOf(word, this.#case)[0] !== word) continue;
      ids.push(this.table.idOfText(word));
    }
    this.#aliases.push(ids);
    this.table.counts[id] = -this.#aliases.length;
    return id;
  }
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
