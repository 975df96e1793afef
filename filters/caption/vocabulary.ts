import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EMBEDDED_COUNTS, readCounts } from "../../queries/counts.ts";
import { embeddedWordNet, readSynsets } from "../../queries/wordnet.ts";
import { LetterTriples } from "./letter-triples.ts";
import { NEW_WORDS } from "./new-words.ts";
import { WordSet } from "./word-set.ts";

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
  /** Letters that could be a word of some language ("koshka"), unlike random ones ("wedzkj"); of lower-case ASCII. */
  couldBeWord(word: string): boolean;
  /** Seven letters and more that nobody could speak or would shorten something to ("znvzqcvq"). */
  isGibberish(word: string): boolean;
  /** How much evidence its letters are that it is a word; negative for random ones. */
  speakability(word: string): number;
  /** With accents that English does not write on a common word, as Nigerian Pidgin does: "wọ́tch", "lẹ́ft". */
  isRespelled(word: string): boolean;
}

/** COMMON: a word of WordNet alone and in small letters, neither a name nor a part of a phrase. */
const [LEMMA, WORD, NAME, COMMON] = [1, 2, 4, 8];
let loaded: Promise<WordSet> | undefined;

/** About 100,000 words, and as many names; loaded once, in half a second. */
export async function englishVocabulary(): Promise<Vocabulary> {
  const words = await englishWords();
  let loadedTriples: LetterTriples | undefined;
  const triples = () => {
    loadedTriples ??= new LetterTriples(words);
    return loadedTriples;
  };
  return {
    isWord: (word) => isPlain(words, word) || isInflected(words, word) || isContracted(words, word),
    // The list has no accents: "Beyoncé" is there as "beyonce".
    isName: (word) => (words.bits(withoutAccents(word)) & NAME) !== 0,
    isRespelled: (word) => {
      const plain = withoutAccents(word);
      return plain.length < word.normalize("NFD").length && (words.bits(plain) & COMMON) !== 0;
    },
    couldBeWord: (word) => triples().couldBeWord(word),
    isGibberish: (word) => triples().isGibberish(word),
    speakability: (word) => triples().speakability(word),
  };
}

function withoutAccents(word: string): string {
  return word.normalize("NFD").replace(/\p{M}/gu, "");
}

/** What {@link englishVocabulary} looks into: to be handed to threads, see {@link adoptVocabulary}. */
export function englishWords(): Promise<WordSet> {
  loaded ??= loadWords();
  return loaded;
}

/** Makes the words that another thread loaded this one's vocabulary. */
export function adoptVocabulary(buffer: SharedArrayBuffer): void {
  loaded = Promise.resolve(new WordSet(buffer));
}

async function loadWords(): Promise<WordSet> {
  const bits = new Map<string, number>();
  const add = (word: string, bit: number) => void bits.set(word, (bits.get(word) ?? 0) | bit);
  for (const { lemmas } of readSynsets(embeddedWordNet(), "keep")) {
    for (const lemma of lemmas) {
      for (const word of lemma.toLowerCase().split(/[ -]/)) add(word, LEMMA);
      if (/^[a-z]+$/.test(lemma)) add(lemma, COMMON);
    }
  }
  for (const word of NEW_WORDS) add(word, LEMMA);
  const counts = [...(await readCounts(EMBEDDED_COUNTS))].sort((a, b) => b[1] - a[1]);
  for (const [i, [word]] of counts.entries()) add(word, i < FREQUENT ? WORD | NAME : NAME);
  return WordSet.build(bits);
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

function isPlain(words: WordSet, word: string): boolean {
  return (words.bits(word) & (WORD | LEMMA)) !== 0;
}

/** "isn't", "can't", "we're": a word with a verb or "not" joined to it. */
function isContracted(words: WordSet, word: string): boolean {
  if (!word.includes("'")) return false;
  const [, start = ""] = /^([a-z]+)'(?:m|re|ve|ll|d|t)$/.exec(word) ?? [];
  return start !== "" && (word.endsWith("n't") ? NEGATED.test(start) : isPlain(words, start));
}

function isInflected(words: WordSet, word: string): boolean {
  const isLemma = (stem: string) => (words.bits(stem) & LEMMA) !== 0;
  for (const [ending, replacements] of ENDINGS) {
    if (!word.endsWith(ending) || word.length < ending.length + 3) continue;
    const stem = word.slice(0, -ending.length);
    if (replacements.some((replacement) => isLemma(stem + replacement))) return true;
    // "running": the doubled consonant is single in the dictionary.
    if (stem.at(-1) === stem.at(-2) && isLemma(stem.slice(0, -1))) return true;
  }
  return false;
}
