import { type CaptionRule, drop, KEEP } from "../rule.ts";
import type { Vocabulary } from "./vocabulary.ts";

const WORD = /\p{L}+(?:'\p{L}+)*/gu;
const DETERMINER =
  /\b(?:a|an|the|this|that|these|those|my|your|his|her|its|our|their|some|any|each|every|no|another|either|neither|both|all|one|two|three)\b/i;

/** Without a noun nothing is shown (CC3M, CC12M, COYO). Words are looked up, not tagged: "run" counts as a noun. */
export function noNoun(isNoun: (word: string) => boolean, vocabulary: Vocabulary): CaptionRule {
  return {
    name: "no_noun",
    help: "no noun of WordNet",
    check(caption) {
      const words = caption.match(WORD) ?? [];
      const noun = words.some((word) => isNoun(word.toLowerCase()) || isNameIn(vocabulary, word));
      return noun ? KEEP : drop(`${words.length} words`);
    },
  };
}

/** Sentences have one ("a", "the", "this"), lists of tags have none (CC3M). */
export const noDeterminer: CaptionRule = {
  name: "no_determiner",
  help: "no determiner (a, the, this, ...)",
  check: (caption) => (DETERMINER.test(caption) ? KEEP : drop("")),
};

/** A word that neither English Wikipedia's frequent words nor WordNet have (CC3M, CC12M, ALIGN drop the caption). */
export function rareWord(vocabulary: Vocabulary): CaptionRule {
  return {
    name: "rare_word",
    help: "a word that English Wikipedia and WordNet do not know",
    check(caption) {
      for (const word of caption.replaceAll("\u2019", "'").match(WORD) ?? []) {
        const lower = word.toLowerCase().replace(/'s$/, "");
        if (!vocabulary.isWord(lower) && !vocabulary.isName(lower)) return drop(word);
      }
      return KEEP;
    },
  };
}

function isNameIn(vocabulary: Vocabulary, word: string): boolean {
  return /^\p{Lu}/u.test(word) && vocabulary.isName(word.toLowerCase());
}
