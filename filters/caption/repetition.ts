import { type CaptionRule, drop, KEEP } from "../rule.ts";
import { kindOf, LETTER, NUMBER, OTHER } from "./characters.ts";

/** Fewer words say too little about repetition: "New York, New York" is a caption. */
const WORDS = 6;
/** So often nobody means a long vowel. */
const HELD = 10;
/** Fewer of one character in a row are none held down. */
const ROW = 6;
/** The same word in a row. */
const RUN = 4;
/** Shorter words join others. */
const LONG = 4;
/** A phrase comes at least so often, and in every so many words once. */
const PHRASES = 4;
const WORD = /[\p{L}\p{N}]+(?:[.,]\p{N}+)*/gu;

/**
 * "shoes shoes shoes shoes", one character held down, or one phrase written again and again.
 * @param most largest share of words that repeat an earlier one. The same phrase three times makes two
 *   thirds, while prose of 100 words repeats less than half; CC3M and CC12M allow a fifth.
 */
export function repetition(most: number): CaptionRule {
  return {
    name: "repetition",
    help: "the same word, phrase or letter over and over",
    check(caption) {
      const text = caption.toLowerCase();
      if (!mayRepeat(text, most)) return KEEP;
      const [held = ""] = /([a-z])\1{5,}/i.exec(caption) ?? /([^ -~])\1{5,}/u.exec(caption) ?? [];
      // "soooooo cute" is a caption.
      if (held.length >= HELD || 2 * held.length > caption.length) return drop("one letter");
      const words = text.match(WORD) ?? [];
      let run = 1;
      for (let i = 1; i < words.length; i++) {
        run = words[i] === words[i - 1] ? run + 1 : 1;
        if (run === RUN) return drop(`${words[i]} x ${run}`);
      }
      if (words.length < WORDS) return KEEP;
      const distinct = new Set(words).size;
      if (words.length - distinct >= 2 * (PHRASES - 1)) {
        const phrase = mostFrequentPhrase(words);
        if (phrase.count >= PHRASES && PHRASES * phrase.count >= words.length)
          return drop(`${phrase.text} x ${phrase.count}`);
      }
      return (words.length - distinct) / words.length > most
        ? drop(`${distinct} of ${words.length} words differ`)
        : KEEP;
    },
  };
}

/** By a part of a word's hash: the last text with such a word. */
const seenIn = new Uint32Array(4_096);
let texts = 0;

/**
 * Whether a text in lower case may be repetitive. Nearly all are not, and are told so without a string a word: words are
 * those of {@link WORD}, but two that share a place of `seenIn` pass for one.
 */
function mayRepeat(text: string, most: number): boolean {
  texts = (texts + 1) >>> 0;
  if (texts === 0) seenIn.fill(0);
  let words = 0;
  let repeated = 0;
  let longRepeated = 0;
  let run = 0;
  let hashBefore = 0;
  let start = -1;
  let hash = 0;
  let inTail = false;
  let row = 0;
  let before = -1;
  for (let i = 0; i <= text.length; i++) {
    const point = i < text.length ? (text.codePointAt(i) as number) : -1;
    row = point === before ? row + 1 : 1;
    before = point;
    // Lower case made these of one letter that may stand for another, or of half a one: they are looked at closely.
    if (row === ROW || point === 0x03c2 || point === 0x0307) return true;
    const kind = point < 0 ? OTHER : kindOf(point);
    if (start >= 0) {
      if (kind === NUMBER || (kind === LETTER && !inTail)) {
        hash = Math.imul(hash ^ point, 0x01000193);
        if (point > 0xffff) i++;
        continue;
      }
      if ((point === 0x2e || point === 0x2c) && kindOf(text.codePointAt(i + 1) ?? 0) === NUMBER) {
        inTail = true;
        hash = Math.imul(hash ^ point, 0x01000193);
        continue;
      }
      run = hash === hashBefore ? run + 1 : 1;
      if (run === RUN) return true;
      hashBefore = hash;
      words++;
      const place = (hash ^ (hash >>> 15)) & (seenIn.length - 1);
      if (seenIn[place] === texts) {
        repeated++;
        if (i - start >= LONG) longRepeated++;
      } else seenIn[place] = texts;
      start = -1;
    }
    if (kind !== OTHER) {
      start = i;
      hash = Math.imul(0x811c9dc5 ^ point, 0x01000193);
      inTail = false;
    }
    if (point > 0xffff) i++;
  }
  if (words < WORDS) return false;
  // A phrase that comes c times has 1.5 c words at least ("dogs dogs dogs" has it twice), all but one repeated.
  const phrases = Math.max(PHRASES, words / PHRASES);
  return longRepeated >= 1.5 * phrases - 1 || repeated / words > most;
}

/** Of two words each: "cheap shoes" in "cheap shoes, buy cheap shoes online, cheap shoes sale, cheap shoes". */
function mostFrequentPhrase(words: readonly string[]): { text: string; count: number } {
  const counts = new Map<string, number>();
  const most = { text: "", count: 0 };
  for (let i = 1; i < words.length; i++) {
    const [first = "", second = ""] = [words[i - 1], words[i]];
    // "of the" comes four times in one sentence.
    if (first.length < LONG || second.length < LONG) continue;
    const text = `${first} ${second}`;
    const count = (counts.get(text) ?? 0) + 1;
    counts.set(text, count);
    if (count > most.count) Object.assign(most, { text, count });
  }
  return most;
}
