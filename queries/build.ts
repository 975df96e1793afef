import type { Term } from "../store/types.ts";
import { sortTerms } from "./list.ts";
import type { Synset } from "./wordnet.ts";

/** What the list is made of and how long it may be. */
export interface BuildOptions {
  /** At most this many terms; CLIP had 500,000. */
  size: number;
  /** Words seen less often are left out; CLIP's threshold is 100 (paper section 2.2). */
  minCount: number;
}

/** A list with what it was made of, for the summary. */
export interface BuiltList {
  terms: Term[];
  words: number;
  synsets: number;
  /** Distinct lemmas that were no words already. */
  lemmasAdded: number;
  /** Terms that the inputs held but `size` had no room for. */
  cut: number;
}

/**
 * The query list: all words with at least `minCount` occurrences, then all WordNet lemmas not already on it (CLIP,
 * section 2.2). Words go in by falling count and lemmas in WordNet's order until `size` is reached; the result is
 * sorted, so the same inputs give the same bytes.
 */
export function buildQueries(
  counts: ReadonlyMap<string, number>,
  synsets: readonly Synset[],
  options: BuildOptions,
): BuiltList {
  const words = [...counts].filter(([word, count]) => count >= options.minCount && isTerm(word));
  words.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));

  const list = new Map<string, Term>();
  let cut = 0;
  const add = (term: Term): boolean => {
    if (list.has(term.term)) return false;
    if (list.size >= options.size) {
      cut++;
      return false;
    }
    list.set(term.term, term);
    return true;
  };
  let wordsAdded = 0;
  for (const [word, count] of words) {
    if (add({ term: word, source: "unigram", count, score: Math.round(Math.log10(count) * 1e4) / 1e4 })) wordsAdded++;
  }
  let lemmasAdded = 0;
  const seen = new Set<string>();
  for (const synset of synsets) {
    for (const lemma of synset.lemmas) {
      if (seen.has(lemma) || !isTerm(lemma)) continue;
      seen.add(lemma);
      if (add({ term: lemma, source: "synset", count: counts.get(lemma) ?? 0, score: 0 })) lemmasAdded++;
    }
  }
  return { terms: sortTerms([...list.values()]), words: wordsAdded, synsets: synsets.length, lemmasAdded, cut };
}

/** A term needs a letter or digit to be found in a caption, and no tab or line end to fit a TSV row. */
function isTerm(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text) && !/[\t\r\n]/.test(text);
}
