import { toPieces } from "./auto-name-hashes.ts";
import { KINDS } from "./auto-name-words.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * The logarithm of the odds that letters and digits which are no words are a server's identifier ("qia5r4omit041", "YasjoN")
 * and not somebody's abbreviation ("msi618", "ddlmusicv3M"): a logistic regression over the 1,250 such names of
 * `test/filters/caption/names`. In names of sites that it had not learnt from, it finds two thirds of what the rule misses.
 */

/** The odds before anything is known of the letters. */
const BASE = 0.6;
/** Letters and digits, or small letters and capitals, alternate: for changes at all places. */
const CHANGES = 3.6;
/** Pieces of one or two letters, "q" and "r" of "qia5r4omit041": when all are. */
const SHORT_PIECES = 2.2;
/** A number, for each digit of the longest one: identifiers have more of them. */
const DIGIT = 0.15;
const MOST_DIGITS = 12;
/** Usual letters in a row, summed over the letters ({@link Vocabulary.speakability}). */
const SPEAKABLE = -0.16;
/** Three letters and more with a short number behind them, as people count: "bevic2". */
const COUNTED = -2.1;
/** A word within letters, "music" in "ddlmusicv3M": when it is all there is. */
const INNER_WORD = -4.8;
/** From here on it is an identifier: two in five of such odds are none, but they are few. */
const IDENTIFIER_FROM = -0.4;

/** Letters and digits of such a length that have a number or a capital within. */
const CORE = /^(?=.*\d|.*[a-z][A-Z])[a-zA-Z\d]{4,24}$/;
/** "LB580V", "xc90" and "UFYH152px1" are types or begin with an abbreviation, as far as letters can tell; "at24th" and "2k14" are counted. */
const TYPE =
  /^(?:[A-Z\d]{1,10}|[a-z]{1,3}(?:\d{1,4}|\d{3}[a-z])|[a-z]{1,2}\d{1,4}[a-z]\d|[A-Z]{3,}\d.*[a-z].*|.*(?:\d(?:st|nd|rd|th)|2k\d\d))$/;
/** A word of five letters, or one that is all letters there are, was not drawn by chance. */
const LONG_WORD = 5;

/** Whether a name's only letters that say anything are an identifier. @param stem without extension. */
export function isLikelyIdentifier(stem: string, vocabulary: Vocabulary): boolean {
  const core = coreOf(stem);
  if (core === undefined || TYPE.test(core)) return false;
  const runs = core.match(/[a-z]+/gi) ?? [];
  const pieces = runs.flatMap(toPieces);
  const letters = runs.join("").length;
  const known = [...runs, ...pieces].filter((piece) => isKnown(piece.toLowerCase(), vocabulary));
  if (known.some((piece) => piece.length >= LONG_WORD || piece.length === letters)) return false;
  if (pieces.every((piece) => known.includes(piece) || KINDS.has(piece.toLowerCase()))) return false;
  const changes = core.match(/\d(?=[a-z])|[a-z](?=\d)/gi)?.length ?? 0;
  const capitals = core.match(/[a-z](?=[A-Z])/g)?.length ?? 0;
  const longest = Math.max(0, ...(core.match(/\d+/g) ?? []).map((number) => number.length));
  let odds = BASE + (CHANGES * (changes + capitals)) / core.length + DIGIT * Math.min(longest, MOST_DIGITS);
  odds += (SHORT_PIECES * pieces.filter((piece) => piece.length < 3).length) / pieces.length;
  if (/^[a-z]{3,}\d{1,3}$/i.test(core)) odds += COUNTED;
  const long = runs.filter((run) => run.length > 2).map((run) => run.toLowerCase());
  for (const run of long) odds += SPEAKABLE * vocabulary.speakability(run);
  // To look for words costs most, and they can only lower the odds.
  if (odds <= IDENTIFIER_FROM) return false;
  const word = Math.max(0, ...long.map((run) => longestWordIn(run, vocabulary)));
  return odds + (INNER_WORD * word) / core.length > IDENTIFIER_FROM;
}

/** What is left without numbers, single letters and words of the lists, when it is one. */
function coreOf(stem: string): string | undefined {
  if (!/[a-z][A-Z\d]|\d[a-zA-Z]|[A-Z]\d/.test(stem) || /[^!-~]/.test(stem)) return undefined;
  let core: string | undefined;
  for (const chunk of stem.match(/[a-z\d]{2,}/gi) ?? []) {
    if (!/[a-z]/i.test(chunk) || KINDS.has(chunk.toLowerCase())) continue;
    if (core !== undefined || !CORE.test(chunk)) return undefined;
    core = chunk;
  }
  return core;
}

function isKnown(word: string, vocabulary: Vocabulary): boolean {
  if (word.length < 3) return false;
  return vocabulary.isWord(word) || KINDS.has(word) || (word.length > 3 && vocabulary.isName(word));
}

/** The length of the longest word of four letters and more, wherever it begins. */
function longestWordIn(run: string, vocabulary: Vocabulary): number {
  for (let length = run.length; length >= 4; length--)
    for (let i = 0; i + length <= run.length; i++) if (vocabulary.isWord(run.slice(i, i + length))) return length;
  return 0;
}
