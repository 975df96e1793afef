import type { CaptionRule, Verdict } from "../rule.ts";
import { autoName } from "./auto-name.ts";
import { boilerplate } from "./boilerplate.ts";
import { cameraMetadata } from "./camera-metadata.ts";
import { loadLanguageRule } from "./language.ts";
import { markup } from "./markup.ts";
import { noLetters } from "./no-letters.ts";
import { repetition } from "./repetition.ts";
import { tooLong } from "./too-long.ts";

/** Every caption rule that needs no data, in the order they are asked; the first that drops gives the reason. */
export const CAPTION_RULES: readonly CaptionRule[] = [
  tooLong,
  autoName,
  noLetters,
  cameraMetadata,
  markup,
  boilerplate,
  repetition,
];

/** All rules; the language comes last because it costs more than the others together. */
export async function loadCaptionRules(): Promise<CaptionRule[]> {
  return [...CAPTION_RULES, await loadLanguageRule()];
}

/** The first rule that drops the caption, with what it saw; undefined when all keep it. */
export function judge(
  rules: readonly CaptionRule[],
  caption: string,
): { rule: CaptionRule; verdict: Verdict } | undefined {
  for (const rule of rules) {
    const verdict = rule.check(caption);
    if (!verdict.keep) return { rule, verdict };
  }
  return undefined;
}
