import type { CaptionRule, Verdict } from "../rule.ts";
export function englishVocabulary(_: Iterable<{ term: string; source: string; count: number }>) { return (_w: string) => true; }
export async function loadCaptionRules(_: (word: string) => boolean): Promise<CaptionRule[]> { return []; }
export function judge(rules: readonly CaptionRule[], caption: string): { rule: CaptionRule; verdict: Verdict } | undefined {
  for (const rule of rules) { const verdict = rule.check(caption); if (!verdict.keep) return { rule, verdict }; }
  return undefined;
}
