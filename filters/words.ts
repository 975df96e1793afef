/**
 * What a word is, for terms and captions alike: a run of letters, digits and marks, case-folded. An apostrophe inside
 * a word belongs to it ("don't"), but a final 's is cut off ("women's shoes" holds the words women and shoes).
 * Everything else separates words ("t-shirt" is two).
 */

const APOSTROPHE = 39;
const LETTER_S = 115;

/** For a UTF-16 unit below 128: its lower-case form when it belongs to words, else 0. */
const ASCII_WORD = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  if (/[a-z0-9]/i.test(character)) ASCII_WORD[code] = character.toLowerCase().charCodeAt(0);
}

/** For any UTF-16 unit: 0 not asked yet, 1 no part of a word, 2 part of a word. Surrogates count as letters. */
const UNICODE_WORD = new Uint8Array(65536);

function isWordUnit(code: number): boolean {
  let known = UNICODE_WORD[code];
  if (known === 0) {
    known = (code >= 0xd800 && code <= 0xdfff) || /[\p{L}\p{N}\p{M}]/u.test(String.fromCharCode(code)) ? 2 : 1;
    UNICODE_WORD[code] = known;
  }
  return known === 2;
}

/** Text as the word loop expects it: unchanged when ASCII, else NFKC, lower-cased and with plain apostrophes. */
function fold(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 127) {
      // Emoji are surrogate pairs as letters of rare scripts are; only the letters may stand in words.
      return text
        .normalize("NFKC")
        .toLowerCase()
        .replaceAll("\u2019", "'")
        .replace(/\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\ufe0f|\u200d/gu, " ");
    }
  }
  return text;
}

/**
 * Calls `word` for each word of `text` with two independent 32-bit hashes of it (as signed integers).
 * This is the matcher's inner loop: no strings are made for ASCII text.
 */
export function hashWords(text: string, word: (hash1: number, hash2: number) => void): void {
  const folded = fold(text);
  const length = folded.length;
  let hash1 = 0;
  let hash2 = 0;
  let inside = false;
  for (let i = 0; i <= length; i++) {
    let code = i < length ? folded.charCodeAt(i) : 0;
    let part = false;
    if (code < 128) {
      const lower = ASCII_WORD[code] ?? 0;
      if (lower !== 0) {
        code = lower;
        part = true;
      } else if (code === APOSTROPHE && inside && joinsWord(folded, i)) {
        part = true;
      }
    } else {
      part = isWordUnit(code);
    }
    if (part) {
      if (!inside) {
        inside = true;
        hash1 = 0x2f0b4a27;
        hash2 = 0x6d2b79f5;
      }
      hash1 = Math.imul(hash1 ^ code, 0x01000193);
      hash2 = Math.imul(hash2 + code, 0x5bd1e995);
      hash2 ^= hash2 >>> 15;
    } else if (inside) {
      inside = false;
      word(mix(hash1), hash2);
      // The s of a final 's is no word of its own.
      if (code === APOSTROPHE && isFinalS(folded, i)) i++;
    }
  }
}

/** FNV's low bits are weak; tables index by them. */
function mix(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

function isWordAt(text: string, at: number): boolean {
  if (at >= text.length) return false;
  const code = text.charCodeAt(at);
  return code < 128 ? ASCII_WORD[code] !== 0 : isWordUnit(code);
}

function isFinalS(text: string, apostrophe: number): boolean {
  return ((text.charCodeAt(apostrophe + 1) || 0) | 32) === LETTER_S && !isWordAt(text, apostrophe + 2);
}

function joinsWord(text: string, apostrophe: number): boolean {
  return isWordAt(text, apostrophe + 1) && !isFinalS(text, apostrophe);
}
