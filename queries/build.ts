import type { Term, TermSource } from "../store/types.ts";
import { sortTerms } from "./list.ts";
import type { TitleTerm } from "./pageviews.ts";
import { type Case, compare, isTerm, spell, termKey } from "./terms.ts";
import type { Bigram } from "./wikipedia.ts";
import type { Synset } from "./wordnet.ts";

/** What the list is made of and how long it may be. */
export interface BuildOptions {
  /** At most this many terms; CLIP had 500,000. */
  size: number;
  /** Words seen less often are left out; CLIP's threshold is 100 (paper section 2.2). */
  minCount: number;
  /** Of the room behind words and synsets, the part of the bigrams; titles have the rest. */
  bigramShare?: number;
  /** Whether terms that differ in case are one. */
  case?: Case;
  /** What bigrams are ranked by. */
  rank?: "pmi" | "npmi";
}

/** MetaCLIP's list has 100,646 bigrams and 61,235 titles (arXiv 2309.16671, table 6). */
export const BIGRAM_SHARE = 100_646 / (100_646 + 61_235);

/** What the list is made from. Bigrams come best first. */
export interface ListSources {
  words: ReadonlyMap<string, number>;
  /** Occurrences of a word that is too rare for `words`. */
  countOf?: (word: string) => number;
  synsets: readonly Synset[];
  bigrams?: readonly Bigram[];
  /** By their key. */
  titles?: ReadonlyMap<string, TitleTerm>;
}

/** What one source gave, for the printed composition. */
export interface Composition {
  name: "words" | "synsets" | "bigrams" | "titles" | "other lemmas";
  source: TermSource;
  /** Terms that came on the list through it. */
  terms: number;
  /** Of what it offered, what was on the list already through a source before it. */
  known: number;
  /** What it offered beyond the room there was. */
  left: number;
  /** The figure of the last term that found room, and what it is a figure of. */
  cutOff: number | undefined;
  unit: "occurrences" | "PMI" | "NPMI" | "views" | undefined;
  examples: string[];
}

/** A list with what it was made of, for the summary. */
export interface BuiltList {
  terms: Term[];
  composition: Composition[];
  synsets: number;
  /** Terms that the inputs held but `size` had no room for. */
  cut: number;
}

interface Offer {
  key: string;
  term: string;
  figure: number;
}

const EXAMPLES = 5;

/**
 * The query list after CLIP's section 2.2: all words seen `minCount` times or more; then every synset by its first
 * lemma; bigrams and titles share the room that is left, and what one of them cannot use goes to the other; last, the
 * other lemmas. A term is taken once, for the first source that offers it. The result is sorted, so the same inputs give
 * the same bytes.
 */
export function buildQueries(sources: ListSources, options: BuildOptions): BuiltList {
  const letters = options.case ?? "fold";
  const rank = options.rank ?? "pmi";
  const words = mergeWords(sources.words, letters);
  const frequent: Offer[] = [];
  for (const [key, { term, count }] of words)
    if (count >= options.minCount && isTerm(term)) frequent.push({ key, term, figure: count });
  frequent.sort((a, b) => b.figure - a.figure || compare(a.key, b.key));
  const first: Offer[] = [];
  const lemmas: Offer[] = [];
  // WordNet has "hot dog" and, as a verb, "hot-dog": of such the plain spelling is taken.
  const spellings = new Set(sources.synsets.flatMap((synset) => synset.lemmas));
  for (const synset of sources.synsets) {
    for (const [index, lemma] of synset.lemmas.entries()) {
      const key = termKey(lemma, letters);
      if (key !== "" && isTerm(lemma))
        (index === 0 ? first : lemmas).push({ key, term: spellings.has(key) ? key : spell(lemma, letters), figure: 0 });
    }
  }
  const bigrams = (sources.bigrams ?? []).map((pair) => ({ key: pair.term, term: pair.term, figure: pair[rank] }));
  const titles = [...(sources.titles ?? [])].map(([key, { term, views }]) => ({ key, term, figure: views }));
  titles.sort((a, b) => b.figure - a.figure || compare(a.key, b.key));

  const list = new Map<string, Term>();
  const take = (offers: Offer[], room: number, gained: Composition): Offer[] => {
    let at = 0;
    for (let taken = 0; at < offers.length && taken < room; at++) {
      const offer = offers[at] as Offer;
      if (list.has(offer.key)) {
        gained.known++;
        continue;
      }
      list.set(offer.key, { term: offer.term, source: gained.source, count: 0, score: scoreOf(gained.source, offer) });
      taken++;
      gained.terms++;
      if (gained.unit) gained.cutOff = offer.figure;
      if (gained.examples.length < EXAMPLES) gained.examples.push(offer.term);
    }
    return offers.slice(at);
  };
  const room = () => options.size - list.size;
  const gains = {
    words: gain("words", "unigram", "occurrences"),
    synsets: gain("synsets", "synset", undefined),
    bigrams: gain("bigrams", "bigram", rank === "pmi" ? "PMI" : "NPMI"),
    titles: gain("titles", "title", "views"),
    lemmas: gain("other lemmas", "synset", undefined),
  };
  gains.words.left = unknown(take(frequent, room(), gains.words), list);
  gains.synsets.left = unknown(take(first, room(), gains.synsets), list);
  const share = Math.round(room() * (options.bigramShare ?? BIGRAM_SHARE));
  const titleShare = room() - share;
  let otherBigrams = take(bigrams, share, gains.bigrams);
  const otherTitles = take(titles, titleShare, gains.titles);
  otherBigrams = take(otherBigrams, room(), gains.bigrams);
  gains.titles.left = unknown(take(otherTitles, room(), gains.titles), list);
  gains.bigrams.left = unknown(otherBigrams, list);
  gains.lemmas.left = unknown(take(lemmas, room(), gains.lemmas), list);

  describeTerms(list, sources, words, new Set([...first, ...lemmas].map(({ key }) => key)), options.minCount);
  const composition = Object.values(gains);
  return {
    terms: sortTerms([...list.values()]),
    composition,
    synsets: sources.synsets.length,
    cut: composition.reduce((sum, { left }) => sum + left, 0),
  };
}

function gain(name: Composition["name"], source: TermSource, unit: Composition["unit"]): Composition {
  return { name, source, unit, terms: 0, known: 0, left: 0, cutOff: undefined, examples: [] };
}

/** Of offers that found no room, those that are not on the list through another source. */
function unknown(offers: readonly Offer[], list: ReadonlyMap<string, Term>): number {
  return new Set(offers.filter(({ key }) => !list.has(key)).map(({ key }) => key)).size;
}

/** Words by their key: spellings that are one term add up, the most frequent is how it is written. */
function mergeWords(words: ReadonlyMap<string, number>, letters: Case) {
  const merged = new Map<string, { term: string; count: number; most: number }>();
  for (const [word, count] of words) {
    const key = termKey(word, letters);
    if (key === "") continue;
    const term = spell(word, letters);
    const known = merged.get(key);
    if (!known) {
      merged.set(key, { term, count, most: count });
      continue;
    }
    if (count > known.most || (count === known.most && term < known.term)) known.term = term;
    known.most = Math.max(known.most, count);
    known.count += count;
  }
  return merged;
}

function scoreOf(source: TermSource, { figure }: Offer): number {
  if (source === "unigram") return round(Math.log10(figure));
  return source === "bigram" ? round(figure) : figure;
}

const round = (value: number) => Math.round(value * 1e4) / 1e4;

/** The sets of sources, shared by all terms: half a million arrays would take much memory. */
const SOURCE_SETS = new Map<number, TermSource[]>();

function sourceSet(unigram: boolean, bigram: boolean, title: boolean, synset: boolean): TermSource[] {
  const bits = Number(unigram) + 2 * Number(bigram) + 4 * Number(title) + 8 * Number(synset);
  const known = SOURCE_SETS.get(bits);
  if (known) return known;
  const names = (["unigram", "bigram", "title", "synset"] as const).filter((_, bit) => bits & (1 << bit));
  SOURCE_SETS.set(bits, names);
  return names;
}

/** Fills in what is known of each term whatever source put it on the list: occurrences, views, all its sources. */
function describeTerms(
  list: ReadonlyMap<string, Term>,
  sources: ListSources,
  words: ReadonlyMap<string, { count: number }>,
  lemmas: ReadonlySet<string>,
  minCount: number,
): void {
  const pairs = new Map((sources.bigrams ?? []).map(({ term, count }) => [term, count]));
  for (const [key, term] of list) {
    const [word, pair] = [words.get(key)?.count, pairs.get(key)];
    const count = word ?? pair ?? sources.countOf?.(key) ?? 0;
    const views = sources.titles?.get(key)?.views ?? 0;
    term.count = count;
    term.views = views;
    term.sources = sourceSet((word ?? 0) >= minCount, pair !== undefined, views > 0, lemmas.has(key));
  }
}
