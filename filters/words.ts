/**
 * What a word is, for terms and captions alike. Both ways work on UTF-8 and give two independent 32-bit hashes a word, so
 * that the matcher never makes a string.
 *
 * `fold`, the default: a run of letters, digits and marks, case-folded, NFKC. An apostrophe inside a word belongs to it
 * ("don't"), but a final 's is cut off ("women's shoes" holds the words women and shoes). Everything else separates
 * words ("t-shirt" is two).
 *
 * `metaclip`: exactly what MetaCLIP's sub-string test (" term " in " text ") sees: case counts, white space becomes
 * spaces, , . ; : ? ! ` stand alone, and words are what lies between two spaces, also nothing at all.
 */
export type MatchMode = "fold" | "metaclip";

/** Room that hashes need for so many bytes of text: two a word, and a punctuation mark can end a word and be one. */
export function hashRoom(bytes: number): number {
  return 4 * bytes + 4;
}

const SEPARATOR = 0;
const APOSTROPHE = 1;
const NOT_ASCII = 2;

/** For a byte: its lower-case form when it belongs to a word, else one of the classes above. */
const FOLD_CLASS = new Uint8Array(256).fill(NOT_ASCII, 128);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  if (/[a-z0-9]/i.test(character)) FOLD_CLASS[code] = character.toLowerCase().charCodeAt(0);
}
FOLD_CLASS[39] = APOSTROPHE;
/** The same for text that {@link foldText} made: all bytes beyond ASCII belong to words. */
const FOLDED_CLASS = FOLD_CLASS.map((value, code) => (value === NOT_ASCII ? code : value));

const SEED_1 = 0x2f0b4a27;
const SEED_2 = 0x6d2b79f5;

/** FNV's low bits are weak; tables index by them. */
function mix(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

/**
 * Hashes the words of `bytes[start, end)` into `out`, two numbers a word.
 * @param folded the bytes come from {@link foldText}.
 * @returns the number of words, or -1 when a byte is not ASCII and the text must be folded first.
 */
export function hashFolded(bytes: Uint8Array, start: number, end: number, out: Int32Array, folded: boolean): number {
  const classes = folded ? FOLDED_CLASS : FOLD_CLASS;
  let count = 0;
  let at = start;
  while (at < end) {
    let code = classes[bytes[at] as number] as number;
    if (code <= NOT_ASCII) {
      if (code === NOT_ASCII) return -1;
      at++;
      continue;
    }
    let hash1 = SEED_1;
    let hash2 = SEED_2;
    for (;;) {
      hash1 = Math.imul(hash1 ^ code, 0x01000193);
      hash2 = Math.imul(hash2 + code, 0x5bd1e995);
      hash2 ^= hash2 >>> 15;
      if (++at >= end) break;
      code = classes[bytes[at] as number] as number;
      if (code > NOT_ASCII) continue;
      if (code !== APOSTROPHE) break;
      const next = at + 1 < end ? (classes[bytes[at + 1] as number] as number) : SEPARATOR;
      if (next === NOT_ASCII) return -1;
      if (next < NOT_ASCII) break;
      if (next === 115) {
        const afterNext = at + 2 < end ? (classes[bytes[at + 2] as number] as number) : SEPARATOR;
        if (afterNext <= NOT_ASCII) {
          if (afterNext === NOT_ASCII) return -1;
          at += 2; // The s of a final 's is no word of its own.
          break;
        }
      }
      code = 39;
    }
    out[2 * count] = mix(hash1);
    out[2 * count + 1] = hash2;
    count++;
  }
  return count;
}

/** For a code point: 0 not asked yet, 1 no part of a word, 2 part of a word. */
const WORD_POINT = new Uint8Array(0x110000);
/** Marks that follow an emoji, not a letter. */
WORD_POINT[0xfe0f] = 1;
WORD_POINT[0x20e3] = 1;

function isWordPoint(point: number): boolean {
  const known = WORD_POINT[point];
  if (known !== 0) return known === 2;
  const word = /[\p{L}\p{N}\p{M}]/u.test(String.fromCodePoint(point));
  WORD_POINT[point] = word ? 2 : 1;
  return word;
}

/** NFKC would join these to the word or number before them: "Lego™" is no "legotm", "3½" no "31⁄2". */
const JOINED_BY_NFKC = /[\u2100-\u2101\u2105-\u2106\u2120-\u2122\u00bc-\u00be\u2150-\u215f\u2189]/g;

/** Text with anything but ASCII as {@link hashFolded} wants it: NFKC, lower case unless letters are kept, a space for all that is no word. */
export function foldText(text: string, letters: "fold" | "keep" = "fold"): Buffer {
  const composed = text.toWellFormed().replace(JOINED_BY_NFKC, " $&").normalize("NFKC");
  const folded = letters === "fold" ? composed.toLowerCase() : composed;
  let out = "";
  for (const character of folded) {
    const point = character.codePointAt(0) ?? 0;
    if (point === 0x2019) out += "'";
    else out += point < 128 || isWordPoint(point) ? character : " ";
  }
  return Buffer.from(out, "utf8");
}

/** Bytes that stand alone in MetaCLIP's spacing: , . ; : ? ! ` */
const ALONE = new Uint8Array(256);
for (const character of ",.;:?!`") ALONE[character.charCodeAt(0)] = 1;

/** {@link hashFolded} for MetaCLIP's captions. */
export function hashSpaced(bytes: Uint8Array, start: number, end: number, out: Int32Array): number {
  let count = 0;
  let hash1 = SEED_1;
  let hash2 = SEED_2;
  const emit = () => {
    out[2 * count] = mix(hash1);
    out[2 * count + 1] = hash2;
    count++;
    hash1 = SEED_1;
    hash2 = SEED_2;
  };
  for (let at = start; at < end; at++) {
    const code = bytes[at] as number;
    const alone = ALONE[code] === 1;
    if (alone || code === 32 || code === 9 || code === 10 || code === 13) emit();
    if (alone || (code !== 32 && code !== 9 && code !== 10 && code !== 13)) {
      hash1 = Math.imul(hash1 ^ code, 0x01000193);
      hash2 = Math.imul(hash2 + code, 0x5bd1e995);
      hash2 ^= hash2 >>> 15;
    }
    if (alone) emit();
  }
  emit();
  return count;
}

/** {@link hashSpaced} for MetaCLIP's terms, which are taken as they are: only spaces separate. */
export function hashSpacedTerm(bytes: Uint8Array, start: number, end: number, out: Int32Array): number {
  let count = 0;
  let from = start;
  for (let at = start; at <= end; at++) {
    if (at < end && bytes[at] !== 32) continue;
    let hash1 = SEED_1;
    let hash2 = SEED_2;
    for (let i = from; i < at; i++) {
      hash1 = Math.imul(hash1 ^ (bytes[i] as number), 0x01000193);
      hash2 = Math.imul(hash2 + (bytes[i] as number), 0x5bd1e995);
      hash2 ^= hash2 >>> 15;
    }
    out[2 * count] = mix(hash1);
    out[2 * count + 1] = hash2;
    count++;
    from = at + 1;
  }
  return count;
}
