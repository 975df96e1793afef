import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EMBEDDED_COUNTS, readCounts } from "../../queries/counts.ts";
import { embeddedWordNet, readSynsets } from "../../queries/wordnet.ts";
import { NEW_WORDS } from "./new-words.ts";

/** Beyond so many of Wikipedia's most frequent words, names and words of other languages begin to prevail. */
const FREQUENT = 20_000;

/** Ending, and what may stand in its place in the dictionary. */
const ENDINGS: readonly (readonly [string, readonly string[]])[] = [
  ["ies", ["y"]],
  ["es", [""]],
  ["s", [""]],
  ["ed", ["", "e"]],
  ["ing", ["", "e"]],
  ["est", ["", "e"]],
  ["er", ["", "e"]],
  ["ly", [""]],
];

/** Before the 't of "not". */
const NEGATED =
  /^(?:is|are|was|were|do|does|did|have|has|had|ca|could|wo|would|sha|should|might|must|need|ought|ai|dare)n$/;

/** What a dictionary can tell of a lower-cased word. */
export interface Vocabulary {
  /** A frequent word of Wikipedia, a lemma of WordNet, or a regular inflection of one. */
  isWord(word: string): boolean;
  /** Any word of English Wikipedia: with a capital it is a name that English texts know ("Merkel", "Fuji"). */
  isName(word: string): boolean;
}

let loaded: Promise<Vocabulary> | undefined;

/** About 100,000 words, and as many names; loaded once, in half a second. */
export function englishVocabulary(): Promise<Vocabulary> {
  loaded ??= loadVocabulary();
  return loaded;
}

async function loadVocabulary(): Promise<Vocabulary> {
  const words = new Set<string>();
  for (const { lemmas } of readSynsets(embeddedWordNet())) {
    for (const lemma of lemmas) for (const word of lemma.split(/[ -]/)) words.add(word);
  }
  for (const word of NEW_WORDS) words.add(word);
  const lemmas = new Set(words);
  const counts = [...(await readCounts(EMBEDDED_COUNTS))].sort((a, b) => b[1] - a[1]);
  for (const [word] of counts.slice(0, FREQUENT)) words.add(word);
  const names = new Set(counts.map(([word]) => word));
  return {
    isWord: (word) => words.has(word) || isInflected(lemmas, word) || isContracted(words, word),
    // The list has no accents: "Beyoncé" is there as "beyonce".
    isName: (word) => names.has(word.normalize("NFD").replace(/\p{M}/gu, "")),
  };
}

/** Tells the nouns of WordNet, and their regular plurals, from other lower-cased words. */
export function nounVocabulary(): (word: string) => boolean {
  const nouns = new Set<string>();
  for (const line of readFileSync(join(embeddedWordNet(), "index.noun"), "utf8").split("\n")) {
    const [lemma = ""] = line.split(" ", 1);
    if (lemma !== "" && !lemma.includes("_")) nouns.add(lemma);
  }
  return (word) =>
    nouns.has(word) ||
    (word.endsWith("s") && nouns.has(word.slice(0, -1))) ||
    (word.endsWith("es") && nouns.has(word.slice(0, -2))) ||
    (word.endsWith("ies") && nouns.has(`${word.slice(0, -3)}y`));
}

/** "isn't", "can't", "we're": a word with a verb or "not" joined to it. */
function isContracted(words: ReadonlySet<string>, word: string): boolean {
  const [, start = ""] = /^([a-z]+)'(?:m|re|ve|ll|d|t)$/.exec(word) ?? [];
  return start !== "" && (word.endsWith("n't") ? NEGATED.test(start) : words.has(start));
}

function isInflected(lemmas: ReadonlySet<string>, word: string): boolean {
  for (const [ending, replacements] of ENDINGS) {
    if (!word.endsWith(ending) || word.length < ending.length + 3) continue;
    const stem = word.slice(0, -ending.length);
    if (replacements.some((replacement) => lemmas.has(stem + replacement))) return true;
    // "running": the doubled consonant is single in the dictionary.
    if (stem.at(-1) === stem.at(-2) && lemmas.has(stem.slice(0, -1))) return true;
  }
  return false;
}
