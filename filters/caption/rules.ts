import { type CaptionLimits, CLIP } from "../profiles.ts";
import type { CaptionRule, Verdict } from "../rule.ts";
import { autoName } from "./auto-name.ts";
import { boilerplate } from "./boilerplate.ts";
import { cameraMetadata } from "./camera-metadata.ts";
import { loadLanguageRule } from "./language.ts";
import { markup } from "./markup.ts";
import { noLetters } from "./no-letters.ts";
import { noDeterminer, noNoun, rareWord } from "./part-of-speech.ts";
import { repetition } from "./repetition.ts";
import { tooLong } from "./too-long.ts";
import { tooShort } from "./too-short.ts";
import { englishVocabulary, nounVocabulary } from "./vocabulary.ts";

/**
 * The caption rules that a profile asks, in order; the first that drops gives the reason. The language comes last because
 * it costs more than the others together.
 * @param limits of the profile; CLIP's when left out.
 * @param language fastText's code, or `any` for no language rule.
 * @throws UsageError for an unknown language.
 */
export async function loadCaptionRules(limits: CaptionLimits = CLIP.captions, language = "en"): Promise<CaptionRule[]> {
  const rules: CaptionRule[] = [];
  const { minCharacters = 0, minWords = 0, maxCharacters, maxWords, maxRepeated } = limits;
  if (maxCharacters !== undefined || maxWords !== undefined)
    rules.push(tooLong(maxCharacters ?? Number.POSITIVE_INFINITY, maxWords ?? Number.POSITIVE_INFINITY));
  if (minCharacters > 0 || minWords > 0) rules.push(tooShort(minCharacters, minWords));
  if (limits.names) rules.push(autoName(await englishVocabulary()), noLetters, cameraMetadata, markup, boilerplate);
  if (maxRepeated !== undefined) rules.push(repetition(maxRepeated));
  if (limits.determiner) rules.push(noDeterminer);
  const words = limits.language || limits.noun || limits.commonWords ? await englishVocabulary() : undefined;
  if (limits.noun && words) rules.push(noNoun(nounVocabulary(), words));
  if (limits.commonWords && words) rules.push(rareWord(words));
  if (limits.language && language !== "any") rules.push(await loadLanguageRule(language, words));
  return rules;
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
