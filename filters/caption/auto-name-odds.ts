import { longestWordIn, toPieces } from "./auto-name-hashes.ts";
import { KINDS } from "./auto-name-words.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * The logarithm of the odds that letters and digits which are no words are a server's identifier ("nxfhb34", "YasjoN")
 * and not somebody's abbreviation ("bevic2", "msgpopup1"): a logistic regression over the 1,300 such names of
 * `test/filters/caption/names`. Fitted without the site that a name is from, it puts 99 % of the identifiers above 0 and
 * 5 % of the abbreviations (decision 023).
 */

/** The odds before anything is known of the letters. */
const BASE = 0.7;
/** Letters and digits, or small letters and capitals, alternate: for changes at all places. */
const CHANGES = 3.6;
/** Pieces of one or two letters, "q" and "r" of "q4r7wf": when all are. */
const SHORT_PIECES = 2.6;
/** A number, for each digit of the longest one: identifiers have more of them. */
const DIGIT = 0.19;
const MOST_DIGITS = 12;
/** Usual letters in a row, summed over the letters ({@link Vocabulary.speakability}). */
const SPEAKABLE = -0.19;
/** Three letters and more with a short number behind them, as people count: "bevic2". */
const COUNTED = -2.7;
/** A word within letters, "popup" in "msgpopup1": when it is all there is. */
const INNER_WORD = -5;

/** Letters and digits of such a length that have a number or a capital within. */
const CORE = /^(?=.*\d|.*[a-z][A-Z])[a-zA-Z\d]{4,24}$/;
/** "LB580V", "xc90" and "UFYH152px1" are types or begin with an abbreviation, as far as letters can tell; "at24th" and "2k14" are counted. */
const TYPE =
  /^(?:[A-Z\d]{1,10}|[a-z]{1,3}(?:\d{1,4}|\d{3}[a-z])|[a-z]{1,2}\d{1,4}[a-z]\d|[A-Z]{3,}\d{2}.*[a-z].*|[a-z]{2,4}v\d|.*(?:\d(?:st|nd|rd|th)|2k\d\d))$/;
/** A word of five letters, or one that is all letters there are, was not drawn by chance. */
const LONG_WORD = 5;

/** Whether a name's only letters that say anything are an identifier. @param stem without extension. */
export function isLikelyIdentifier(stem: string, vocabulary: Vocabulary): boolean {
  const core = coreOf(stem);
  if (core === undefined || TYPE.test(core) || /logo/i.test(core)) return false;
  const runs = core.match(/[a-z]+/gi) ?? [];
  const pieces = runs.flatMap(toPieces);
  const letters = runs.join("").length;
  const known = [...runs, ...pieces].filter((piece) => isKnown(piece.toLowerCase(), vocabulary));
  if (known.some((piece) => piece.length >= LONG_WORD || piece.length === letters)) return false;
  // "hotBK": with a capital behind it a short word is one.
  if (known.length > 0 && !/\d/.test(core)) return false;
  const changes = core.match(/\d(?=[a-z])|[a-z](?=\d)/gi)?.length ?? 0;
  const capitals = core.match(/[a-z](?=[A-Z])/g)?.length ?? 0;
  const longest = Math.max(0, ...(core.match(/\d+/g) ?? []).map((number) => number.length));
  let odds = BASE + (CHANGES * (changes + capitals)) / core.length + DIGIT * Math.min(longest, MOST_DIGITS);
  odds += (SHORT_PIECES * pieces.filter((piece) => piece.length < 3).length) / pieces.length;
  if (/^[a-z]{3,}\d{1,3}$/i.test(core)) odds += COUNTED;
  const long = runs.filter((run) => run.length > 2).map((run) => run.toLowerCase());
  for (const run of long) odds += SPEAKABLE * vocabulary.speakability(run);
  // To look for words costs most, and they can only lower the odds.
  if (odds <= 0) return false;
  const word = Math.max(0, ...long.map((run) => longestWordIn(run, vocabulary)));
  return odds + (INNER_WORD * word) / core.length > 0;
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
