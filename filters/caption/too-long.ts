import { type CaptionRule, drop, KEEP } from "../rule.ts";
import { countWords } from "./too-short.ts";

/**
 * More characters or words than the profile allows. CLIP reads 76 tokens, about 300 characters, and names no limit; the
 * default of 1,000 only keeps out what was never a caption, such as an article's text in an alt attribute.
 */
export function tooLong(characters: number, words: number): CaptionRule {
  return {
    name: "too_long",
    help: "more characters or words than the profile allows",
    check(caption) {
      if (caption.length > characters) return drop(`${caption.length} characters`);
      // A word takes two characters with its space.
      const count = caption.length < 2 * words ? 0 : countWords(caption);
      return count > words ? drop(`${count} words`) : KEEP;
    },
  };
}
