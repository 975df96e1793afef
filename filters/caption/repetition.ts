import { type CaptionRule, drop, KEEP } from "../rule.ts";

/** Fewer words say too little about repetition: "New York, New York" is a caption. */
const WORDS = 6;

/** "shoes shoes shoes shoes", one character held down, or one phrase written again and again. */
export const repetition: CaptionRule = {
  name: "repetition",
  help: "the same word, phrase or letter over and over",
  check(caption) {
    if (/([a-z])\1{5}/i.test(caption)) return drop("one letter");
    const words = caption.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    let run = 1;
    for (let i = 1; i < words.length; i++) {
      run = words[i] === words[i - 1] ? run + 1 : 1;
      if (run === 4) return drop(`${words[i]} x ${run}`);
    }
    if (words.length < WORDS) return KEEP;
    const distinct = new Set(words).size;
    // Three times the same phrase leaves a third of the words; prose of 100 words still has over half.
    return distinct * 3 <= words.length ? drop(`${distinct} of ${words.length} words differ`) : KEEP;
  },
};
