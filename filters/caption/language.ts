import { UsageError } from "../../store/usage-error.ts";
import { type CaptionRule, drop, KEEP, type Verdict } from "../rule.ts";
import { type LanguageModel, loadLanguageModel, modelFile } from "./fasttext.ts";
import { englishVocabulary, type Vocabulary } from "./vocabulary.ts";

/**
 * English when  known + 0.09 ln((p(en) + 0.01) / (p(other) + 0.01)) >= 0.86,
 * with the fraction of known words and fastText's probabilities of English and of the likeliest other language. Captions
 * have four words, too few for a detector alone (fastText at p >= 0.6 keeps half of the English ones). Weight and
 * threshold were chosen on half of the texts of `npm run bench:language` (Unicode's emoji names, Wikipedia, Django's
 * translations); on the other half the rule keeps 96.6 % of the English captions of three to six words and lets 1.0 %
 * of the others through, names mostly; of sentences 99.97 % and 0.005 %.
 */
const WEIGHT = 0.09;
const FLOOR = 0.01;
const THRESHOLD = 0.86;
/** The most that fastText can add; with fewer known words it need not be asked. */
const MOST = WEIGHT * Math.log((1 + FLOOR) / FLOOR);
/** Another language than English has no vocabulary here: it must be fastText's best guess with this probability. */
const OTHER_LANGUAGE = 0.3;

const WORD = /[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)*/gu;

/**
 * The rule for a language.
 * @param language fastText's code ("en", "de", "ja", ...).
 * @throws UsageError when the model does not know it.
 */
export async function loadLanguageRule(language = "en", vocabulary?: Vocabulary): Promise<CaptionRule> {
  const model = loadLanguageModel(modelFile());
  const wanted = model.languages.indexOf(language);
  if (wanted < 0) {
    throw new UsageError(`--lang ${language}: expected any or one of ${[...model.languages].sort().join(" ")}`);
  }
  if (language !== "en") return otherLanguageRule(language, wanted, new Tokens(model));
  const tokens = new Tokens(model, vocabulary ?? (await englishVocabulary()));
  return {
    name: "not_english",
    help: "not English, by its words and by fastText's language model",
    check(caption) {
      tokens.read(caption);
      const fraction = tokens.known / Math.max(1, tokens.words);
      if (fraction + MOST < THRESHOLD) return drop(`${tokens.known} of ${tokens.words} words known`);
      tokens.average();
      const english = tokens.probability(wanted);
      // An other language is only looked for where it can change the verdict.
      const enough = (english + FLOOR) / Math.exp((THRESHOLD - fraction) / WEIGHT) - FLOOR;
      const { language, probability } = model.likeliest(wanted, tokens.mean, Math.max(enough, 0));
      if (language < 0 && enough > 0) return KEEP;
      return drop(
        `${tokens.known} of ${tokens.words} words known, en ${english.toFixed(2)}, ${model.languages[language] ?? "others"} ${probability.toFixed(2)}`,
      );
    },
  };
}

function otherLanguageRule(code: string, wanted: number, tokens: Tokens): CaptionRule {
  const check = (caption: string): Verdict => {
    tokens.read(caption);
    tokens.average();
    const own = tokens.probability(wanted);
    const { language, probability } = tokens.model.likeliest(wanted, tokens.mean, own);
    if (own >= OTHER_LANGUAGE && language < 0) return KEEP;
    return drop(
      `${code} ${own.toFixed(2)}${language < 0 ? "" : `, ${tokens.model.languages[language]} ${probability.toFixed(2)}`}`,
    );
  };
  return { name: "other_language", help: "not in the language of --lang, by fastText's language model", check };
}

/** Tokens of which counts and vectors are kept: captions repeat their words. */
const KEPT = 1 << 17;
/** As much of a text is looked at, in characters. */
const READ = 4_096;
const UNKNOWN = 0xffffffff;

/** Sums what is known of a caption's tokens. */
class Tokens {
  readonly model: LanguageModel;
  /** Of the last caption: its vector, its words, and those of the vocabulary. */
  readonly mean: Float32Array;
  words = 0;
  known = 0;
  readonly #vocabulary: Vocabulary | undefined;
  readonly #places = new Map<string, number>();
  #caption: [token: string, place: number][] = [];
  readonly #sums: Float32Array;
  readonly #vectors = new Uint32Array(KEPT);
  readonly #words = new Uint16Array(KEPT);
  readonly #known = new Uint16Array(KEPT);

  constructor(model: LanguageModel, vocabulary?: Vocabulary) {
    this.model = model;
    this.mean = new Float32Array(model.dimension);
    this.#sums = new Float32Array(KEPT * model.dimension);
    this.#vocabulary = vocabulary;
  }

  /** Counts the words of a caption. */
  read(caption: string): void {
    this.words = 0;
    this.known = 0;
    this.#caption = [];
    // Places may be given anew while a caption is read.
    if (this.#places.size + READ > KEPT) this.#places.clear();
    for (const token of caption.slice(0, READ).split(" ")) {
      const place = this.#places.get(token) ?? this.#add(token);
      this.#caption.push([token, place]);
      this.words += this.#words[place] as number;
      this.known += this.#known[place] as number;
    }
  }

  /** Brings `mean` to the caption that was read. */
  average(): void {
    const { mean } = this;
    const dimension = mean.length;
    mean.fill(0);
    let vectors = this.model.addEnd(mean);
    for (const [token, place] of this.#caption) {
      const at = place * dimension;
      if (this.#vectors[place] === UNKNOWN) {
        this.#sums.fill(0, at, at + dimension);
        // Lower-cased: capitals mislead fastText.
        this.#vectors[place] = this.model.addToken(token.toLowerCase(), this.#sums, at);
      }
      vectors += this.#vectors[place] as number;
      for (let k = 0; k < dimension; k++) mean[k] = (mean[k] as number) + (this.#sums[at + k] as number);
    }
    for (let k = 0; k < dimension; k++) mean[k] = (mean[k] as number) / vectors;
  }

  probability(language: number): number {
    return this.model.probability(language, this.mean);
  }

  #add(token: string): number {
    const place = this.#places.size;
    this.#places.set(token, place);
    this.#vectors[place] = UNKNOWN;
    const words = token.replaceAll("\u2019", "'").match(WORD) ?? [];
    let known = 0;
    for (const spelled of words) {
      const word = spelled.toLowerCase().replace(/'s$/, "");
      if (this.#vocabulary?.isWord(word) || (/^\p{Lu}/u.test(spelled) && this.#vocabulary?.isName(word))) known++;
    }
    this.#words[place] = words.length;
    this.#known[place] = known;
    return place;
  }
}
