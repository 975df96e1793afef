import { isHash, longestWordIn, toPieces } from "./auto-name-hashes.ts";
import { IDENTIFIER, KINDS } from "./auto-name-words.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What the runs of letters in a name are. */
export interface Parts {
  makers: number;
  generic: number;
  weak: number;
  hollow: number;
  filler: number;
  /** Hashes and random identifiers. */
  opaque: number;
  /** Letters that no dictionary has and nobody could speak: "gp", "rtr", "GFHKMW". */
  codes: number;
  words: number;
  /** Those of the words that English texts have. */
  known: number;
}

/** So many words make it a sentence or a title; what else is in it matters no more. */
export const ENOUGH = 4;

/** What else is in the name of a run of letters. */
interface Beside {
  /** Enough digits for an identifier or a date, or a hash. */
  isIdentified: boolean;
  /** {@link LONG_IDENTIFIER} or a hash. */
  isLong: boolean;
  /** The same in one number. */
  hasLong: boolean;
}

/** Beside so many digits two small letters are no word: "_12345678_hi012345678", "pt_1577_8243_o". */
const LONG_IDENTIFIER = 7;
/** "S11", "D115", "C60a" beside other chunks: a part, a parameter or a place. */
const MARK = /^[A-Z]\d{2,3}[a-z]?$/;

/** @param digits so many the name has; what stands behind {@link ENOUGH} words is not looked at. */
export function takeApart(stem: string, digits: number, words: Vocabulary): Parts {
  const chunks = stem.match(/[\p{L}\p{N}]+/gu) ?? [];
  const hashes = new Set(chunks.filter((chunk) => isHash(chunk, chunk === stem, words)));
  const hasHash = hashes.size > 0;
  const beside: Beside = {
    isIdentified: digits >= IDENTIFIER || hasHash,
    isLong: hasHash || digits >= LONG_IDENTIFIER,
    hasLong: hasHash || /\d{7}/.test(stem),
  };
  const parts: Parts = {
    makers: 0,
    generic: 0,
    weak: 0,
    hollow: 0,
    filler: 0,
    opaque: 0,
    codes: 0,
    words: 0,
    known: 0,
  };
  for (const chunk of chunks) {
    if (parts.words + parts.known >= ENOUGH) break;
    if (hashes.has(chunk)) parts.opaque++;
    else if (chunk !== stem && MARK.test(chunk)) parts.words++;
    else for (const run of toRuns(chunk, words)) parts[toKind(run, beside, words)]++;
  }
  parts.words += parts.known;
  return parts;
}

function toKind(run: string, { isIdentified, isLong, hasLong }: Beside, words: Vocabulary): keyof Parts {
  const word = run.toLowerCase();
  const kind = KINDS.get(word);
  if (kind === "apps") {
    if (isIdentified) return "makers";
  } else if (kind === "beside") {
    if (isIdentified) return "filler";
  } else if (kind !== undefined) return kind;
  if (word.length === 1) return "filler";
  if (word.endsWith("logo")) return "words";
  if (isJumbled(run, words)) return run.length >= 6 && !words.couldBeWord(word) ? "opaque" : "codes";
  if (/[^a-z]/.test(word)) return "words";
  if (word.length === 2 && (hasLong || (isLong && run === word))) return "codes";
  if (word.length === 3 && hasLong && /[a-z][A-Z]/.test(run)) return "codes";
  if (words.isWord(word) || (word.length >= 4 && words.isName(word))) return "known";
  const compound = word.length >= 7 ? compoundOf(word) : undefined;
  if (compound !== undefined) return compound;
  if (word.length < 5 || !words.couldBeWord(word)) return "codes";
  // "nintchdbpict": usual triples, but no language has so many consonants in a row, if they join no words as "breastcancercellsspl".
  return /[^aeiouyA-Z]{6}/.test(run) && longestWordIn(word, words) < 6 ? "codes" : "words";
}

/** "imageedit", "mainphoto": two words of the lists, a maker's or a generic noun one of them. */
function compoundOf(word: string): keyof Parts | undefined {
  for (let i = 3; i <= word.length - 3; i++) {
    const kinds = [KINDS.get(word.slice(0, i)), KINDS.get(word.slice(i))];
    if (kinds.every((kind) => kind !== undefined && kind !== "apps" && kind !== "beside"))
      return (["makers", "generic"] as const).find((kind) => kinds.includes(kind));
  }
  return undefined;
}

function toRuns(chunk: string, words: Vocabulary): string[] {
  const runs = chunk.match(/\p{L}+/gu) ?? [];
  return runs.flatMap((run) => (KINDS.has(run.toLowerCase()) || isJumbled(run, words) ? [run] : splitCase(run)));
}

/** "rawImage" is raw and image; "McDonald" and "iPhone" stay, as no piece of one or two letters is a word. */
function splitCase(run: string): string[] {
  const pieces = toPieces(run);
  return pieces.length > 1 && pieces.join("") === run && pieces.every((piece) => piece.length > 2) ? pieces : [run];
}

/** Capitals and small letters mixed as in no CamelCase: "rBVaVF", "QGDQEkf", not "iPhone" or "FPGAMgrArchitecture". */
function isJumbled(run: string, words: Vocabulary): boolean {
  if (!/[a-z]/.test(run) || !/.[A-Z]/.test(run) || /[^a-z]/i.test(run)) return false;
  const pieces = toPieces(run);
  if (pieces.length >= 3 && run.length / pieces.length < 2.7)
    // "SlimMeByMeMoi" is made of words, one of them long.
    return !pieces.some((piece) => piece.length > 3) || !pieces.every((piece) => words.isWord(piece.toLowerCase()));
  if (run.length < 6 || pieces.some((piece) => piece.length > 3 && words.isWord(piece.toLowerCase()))) return false;
  return !words.couldBeWord(run.toLowerCase());
}
