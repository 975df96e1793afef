import type { Vocabulary } from "./vocabulary.ts";

/** Tells hashes and random identifiers from words, types and abbreviations. */

/** "361d6", "7746b", "ea592", not "face2". */
const SHORT_HASH = /^(?!.*000)(?=[a-f]*\d[a-f]*\d)(?=\d*[a-f])[\da-f]{5,7}$/;
/** "ec4d", "135dd8", but "h1n1" and "cb750f" are something. */
const SHORT = /^(?:[a-z]{2}\d[a-z]|(?=.*[a-f].*[a-f])\d(?!.*000)[\da-f]{5,6})$/;
/** "dsfsd": fingers on the middle row of the keys. */
const MASHED = /^(?=.*[sdf]{2})[sdfghjkl]{5,}$/;
/** The share of characters that differ in kind from the one before, from which on it is an identifier written in 64 characters. */
const DENSE = 0.34;

/** @param isAlone the name has nothing else. */
export function isHash(chunk: string, isAlone: boolean, words: Vocabulary): boolean {
  if (isAlone && SHORT.test(chunk)) return true;
  // "hwy50at24th" is counted by a person.
  if (chunk.length < 5 || /\d(?:st|nd|rd|th)$/i.test(chunk)) return false;
  if (!/\d|[a-z][A-Z]/.test(chunk))
    return (
      /^[a-z]+$/.test(chunk) &&
      ((isAlone && words.isGibberish(chunk)) || (MASHED.test(chunk) && !words.couldBeWord(chunk)))
    );
  return (
    (isOpaque(chunk) && !holdsWord(chunk, words)) ||
    isRandom(chunk, words) ||
    isUnspeakable(chunk, words) ||
    (!isAlone && SHORT_HASH.test(chunk) && countWords(chunk, words) === 0)
  );
}

function countWords(text: string, words: Vocabulary): number {
  return text.match(/\p{L}{3,}/gu)?.filter((run) => words.isWord(run.toLowerCase())).length ?? 0;
}

/** "mp3player2go"; a hexadecimal number holds words by chance only. */
function holdsWord(chunk: string, words: Vocabulary): boolean {
  if (/^[\da-f]+$/i.test(chunk)) return false;
  const runs = chunk.toLowerCase().match(/[a-z]{2,}/g) ?? [];
  const isWord = (run: string) => run.length > 2 && words.isWord(run);
  if (runs.some((run) => run.length > 3 && isWord(run)) || (runs.length > 1 && runs.every(isWord))) return true;
  // "whoDoUWant2B": in short letters a word may stand by chance; "Yellowdog4bd0e4".
  const long = chunk.match(/[a-z]{7,}/gi) ?? [];
  return long.some(
    (run) =>
      longestWordIn(run.toLowerCase(), words) > 5 ||
      toPieces(run).some((piece) => piece.length > 3 && isWord(piece.toLowerCase())),
  );
}

/** Hashes and random identifiers: letters and digits, or capitals and small ones, alternate as in no word. */
function isOpaque(chunk: string): boolean {
  if (chunk.length < 6 || !/^[a-z0-9]+$/i.test(chunk) || !/\d/.test(chunk) || !/[a-z]/i.test(chunk)) return false;
  // What Alibaba's servers fill up with.
  if (/X{5}/.test(chunk)) return true;
  const changes = countChanges(chunk);
  const isMixed = /[a-z]/.test(chunk) && /[A-Z]/.test(chunk);
  if (chunk.length < 8) return changes >= 4 ? isMixed || /^\d/.test(chunk) : changes === 3 && /[a-z][A-Z]/.test(chunk);
  if (/^[\da-f]+$/i.test(chunk)) return changes >= 2;
  if (changes >= 4 && chunk.length >= 16 && changes / chunk.length >= 0.2 && !/[A-Z]|^[a-z]{6}/.test(chunk))
    return true;
  // "STM32F103" is a part's number.
  return changes >= (/[a-z]/.test(chunk) ? 3 : 4) && changes / chunk.length >= 0.33;
}

/** A capital before a small letter begins a word: "iPhone12ProMax" has four changes in fourteen characters. */
function countChanges(text: string): number {
  let changes = 0;
  for (let i = 1; i < text.length; i++) {
    const before = kind(text.charCodeAt(i - 1));
    const after = kind(text.charCodeAt(i));
    if (before !== after && !(before === UPPER && after === LOWER)) changes++;
  }
  return changes;
}

/** "ijlQfWWIyhl8", not "iPhone12ProMax": pieces of CamelCase too many and too short, none of them a word. */
function isRandom(chunk: string, words: Vocabulary): boolean {
  if (chunk.length < 7 || !/[a-z][A-Z]/.test(chunk) || /[^a-z\d]/i.test(chunk)) return false;
  const pieces = chunk.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g) ?? [];
  if (pieces.length < 4 || chunk.length / pieces.length >= 2.8) return false;
  return !pieces.some((piece) => piece.length > 3 && words.isWord(piece.toLowerCase()));
}

/** "zll9xkkm": digits between letters that no word has. */
function isUnspeakable(chunk: string, words: Vocabulary): boolean {
  const isInner = /[a-z]\d+[a-z]/i.test(chunk);
  if (!/^[a-z\d]+$/i.test(chunk)) return false;
  // A word of four letters may stand there by chance.
  const isLongWord = (run: string) => run.length > 4 && words.isWord(run.toLowerCase());
  if (chunk.match(/[a-z]{5,}/gi)?.some((run) => isLongWord(run) || toPieces(run).some(isLongWord))) return false;
  // Four capitals are an abbreviation: "UFYH152px1".
  const runs = chunk.match(isInner ? /[a-z]{4,}/gi : /[a-z]{8,}/gi) ?? [];
  return runs.some(
    (run) => !/^[A-Z]{4}$/.test(run) && !words.couldBeWord(run.toLowerCase()) && !words.isName(run.toLowerCase()),
  );
}

/** "Ey_BBjmA", "W1ql6b-Q": capitals, small letters and dashes mixed, as in identifiers that are written in 64 characters. */
export function isScattered(stem: string, words: Vocabulary): boolean {
  if (!/^[\w=+-]{8,}$/.test(stem) || !/[-_=+]/.test(stem) || !/[a-z][A-Z]/.test(stem)) return false;
  if ((stem.match(/[a-z]/g) ?? []).length < 2) return false;
  const joined = stem.replace(/[-_=+]/g, "");
  if (stem.split(/[-_\d]/).some((run) => isFullName(run, words))) return false;
  if (stem.length > 15) return stem.length > 30 && /\d.*\d/.test(stem) && countChanges(joined) >= joined.length * DENSE;
  if (joined.length < stem.length - 2 || stem.split(/[-_\d]/).some((run) => isHuman(run, words))) return false;
  return toPieces(joined).length >= 3;
}

/** "GillesReboisson". */
function isFullName(run: string, words: Vocabulary): boolean {
  const pieces = toPieces(run);
  return pieces.length > 1 && pieces.every((piece) => piece.length > 4 && isHuman(piece, words));
}

/** A word, a name or letters that could be one. */
function isHuman(run: string, words: Vocabulary): boolean {
  const shortest = /[a-z][A-Z]|[A-Z]{2}[a-z]/.test(run) ? 4 : 3;
  return [run, ...toPieces(run)].some((piece) => {
    const word = piece.toLowerCase();
    // "tHm" is no word, whatever its letters are.
    if (word.length < shortest || !/^(?:[A-Z]?[a-z]+|[A-Z]+)$/.test(piece)) return false;
    return (
      words.isWord(word) || (word.length > 3 && words.isName(word)) || (word.length > 5 && words.couldBeWord(word))
    );
  });
}

const DIGIT = 0;
const UPPER = 1;
const LOWER = 2;

function kind(code: number): number {
  return code < 58 ? DIGIT : code < 91 ? UPPER : LOWER;
}

/** "rawImage" as raw and Image. */
export function toPieces(run: string): string[] {
  return run.match(/\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})/gu) ?? [];
}

/** The length of the longest word of four letters and more, wherever it begins. */
export function longestWordIn(run: string, vocabulary: Vocabulary): number {
  for (let length = run.length; length >= 4; length--)
    for (let i = 0; i + length <= run.length; i++) if (vocabulary.isWord(run.slice(i, i + length))) return length;
  return 0;
}
