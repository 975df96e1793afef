import { type CaptionRule, drop, KEEP } from "../rule.ts";

/** Numbers, punctuation and emoji alone are no text. */
export const noLetters: CaptionRule = {
  name: "no_letters",
  help: "no letter in the caption",
  check: (caption) => (/[a-z]/i.test(caption) || /\p{L}/u.test(caption) ? KEEP : drop(caption.slice(0, 40))),
};
