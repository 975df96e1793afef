import { type CaptionRule, drop, KEEP } from "../rule.ts";

/** Fewer characters or words than the profile asks; words stand between spaces, as the published sets count them. */
export function tooShort(characters: number, words: number): CaptionRule {
  return {
    name: "too_short",
    help: "fewer characters or words than the profile asks",
    check(caption) {
      if (caption.length < characters) return drop(`${caption.length} characters`);
      const count = words > 1 ? countWords(caption) : 1;
      return count < words ? drop(`${count} words`) : KEEP;
    },
  };
}

/** Words between white space. */
export function countWords(caption: string): number {
  return caption.trim() === "" ? 0 : caption.trim().split(/\s+/).length;
}
