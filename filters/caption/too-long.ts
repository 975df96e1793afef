import { type CaptionRule, drop, KEEP } from "../rule.ts";

/** CLIP reads 76 tokens, about 300 characters; an article's text in an alt attribute is no caption. */
const LONGEST = 1000;

/** The paper names no limit; this one only keeps out what was never a caption. */
export const tooLong: CaptionRule = {
  name: "too_long",
  help: `longer than ${LONGEST} characters`,
  check: (caption) => (caption.length <= LONGEST ? KEEP : drop(`${caption.length} characters`)),
};
