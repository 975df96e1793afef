import { type CaptionRule, drop, KEEP } from "../rule.ts";

/** Fewer words say too little about repetition: "New York, New York" is a caption. */
const WORDS = 6;
/** So often nobody means a long vowel. */
const HELD = 10;
/** Shorter words join others. */
const LONG = 4;

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
      const [held = ""] = /([a-z])\1{5,}/i.exec(caption) ?? /([^ -~])\1{5,}/u.exec(caption) ?? [];
      // "soooooo cute" is a caption.
      if (held.length >= HELD || 2 * held.length > caption.length) return drop("one letter");
      const words = caption.toLowerCase().match(/[\p{L}\p{N}]+(?:[.,]\p{N}+)*/gu) ?? [];
      let run = 1;
      for (let i = 1; i < words.length; i++) {
        run = words[i] === words[i - 1] ? run + 1 : 1;
        if (run === 4) return drop(`${words[i]} x ${run}`);
      }
      if (words.length < WORDS) return KEEP;
      const distinct = new Set(words).size;
      // Four times the same two words repeat six.
      if (words.length - distinct >= 6) {
        const phrase = mostFrequentPhrase(words);
        if (phrase.count >= 4 && 4 * phrase.count >= words.length) return drop(`${phrase.text} x ${phrase.count}`);
      }
      return (words.length - distinct) / words.length > most
        ? drop(`${distinct} of ${words.length} words differ`)
        : KEEP;
    },
  };
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
