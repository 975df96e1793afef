import { UsageError } from "../../store/usage-error.ts";
import { type CaptionRule, drop, KEEP, type Verdict } from "../rule.ts";
import { type LanguageModel, loadLanguageModel, modelFile } from "./fasttext.ts";
import { englishVocabulary, type Vocabulary } from "./vocabulary.ts";

/**
 * English when  known + 0.08 ln((p(en) + 0.01) / (p(other) + 0.01)) + 0.15 ln(n / 7) >= 0.88,
 * with the known fraction of the caption's n different words (n between 7 and 20) and fastText's probabilities of English
 * and of the likeliest other language. Captions have four words, too few for a detector alone (fastText at p >= 0.6 keeps
 * half of the English ones); the more words there are, the less a fraction is chance. Weights and threshold were chosen on
 * half of the texts of `npm run bench:language` (Unicode's emoji names, Wikipedia, Django's translations); decision 022 has
 * what the rule keeps and lets through of the other half.
 */
const WEIGHT = 0.08;
const FLOOR = 0.01;
const THRESHOLD = 0.88;
const PER_WORDS = 0.15;
const FEW = 7;
const MANY = 20;
/** Frequent in English Wikipedia for its names' sake. None is an English word too, as Dutch "van" and German "die" are. */
const FUNCTION_WORDS = new Set(
  (
    "de la le les des du et un une avec pour qui que au el los las del por para con il di della da dos das com " +
    "der und von het een na ng sa mga ang"
  ).split(" "),
);
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
      const evidence =
        tokens.known / Math.max(1, tokens.words) +
        PER_WORDS * Math.log(Math.min(Math.max(tokens.words, FEW), MANY) / FEW);
      if (evidence + MOST < THRESHOLD) return drop(`${tokens.known} of ${tokens.words} words known`);
      tokens.average();
      const english = tokens.probability(wanted);
      // An other language is only looked for where it can change the verdict.
      const enough = (english + FLOOR) / Math.exp((THRESHOLD - evidence) / WEIGHT) - FLOOR;
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

/** Tokens of which counts and vectors are kept, 20 MB a thread: captions repeat their words. Twice as many save a tenth of the time. */
const KEPT = 1 << 16;
/** As much of a text is looked at, in characters. */
const READ = 4_096;
const UNKNOWN = 0xffffffff;
const IS_WORD = 1;
const IS_NAME = 2;
const IS_NONE = 3;
/** What is told of a token's word beside its number. */
const [KNOWN, CAPITAL, FUNCTION_WORD] = [1, 2, 4];
const NUMBER = 3;

/** What the model is asked: capitals, quotation marks and typographic apostrophes mislead it ("it’s" is Russian to it). */
function bare(token: string): string {
  const edges = /^[^\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}]+$/gu;
  return token.toLowerCase().replaceAll("\u2019", "'").replace(edges, "");
}

/** Sums what is known of a caption's tokens. */
class Tokens {
  readonly model: LanguageModel;
  /** Of the last caption: its vector, its different words, and those of the vocabulary among them. */
  readonly mean: Float32Array;
  words = 0;
  known = 0;
  readonly #vocabulary: Vocabulary | undefined;
  readonly #places = new Map<string, number>();
  /** The places of the last caption's tokens. */
  readonly #caption = new Uint32Array(READ + 1);
  #length = 0;
  readonly #tokens: string[] = [];
  readonly #sums: Float32Array;
  readonly #vectors = new Uint32Array(KEPT);
  /** A token's words, their numbers above the bits told of them: those of place p from `#from[p]` up to `#from[p + 1]`. */
  readonly #words = new Uint32Array(KEPT);
  readonly #from = new Uint32Array(KEPT + 1);
  readonly #numbers = new Map<string, number>();
  /** By a word's number: whether it is a word of the vocabulary, else, once that was asked, whether a name. */
  readonly #kinds = new Uint8Array(KEPT);
  /** The last caption that counted the word. */
  readonly #countedIn = new Uint32Array(KEPT);
  #captions = 0;

  constructor(model: LanguageModel, vocabulary?: Vocabulary) {
    this.model = model;
    this.mean = new Float32Array(model.dimension);
    this.#sums = new Float32Array(KEPT * model.dimension);
    this.#vocabulary = vocabulary;
  }

  /** Counts the different words of a caption; function words of other languages as they first occur. */
  read(caption: string): void {
    this.words = 0;
    this.known = 0;
    this.#length = 0;
    // Places may be given anew while a caption is read; no caption has more tokens or words than characters.
    const full = Math.max(this.#places.size, this.#from[this.#places.size] as number) + READ > KEPT;
    if (full || this.#captions === 0xffffffff) {
      this.#places.clear();
      this.#numbers.clear();
      this.#countedIn.fill(0);
      this.#captions = 0;
    }
    const number = ++this.#captions;
    let functionWords = 0;
    let undecided = 0;
    let afterCapital = 0;
    for (const token of caption.slice(0, READ).split(" ")) {
      const place = this.#places.get(token) ?? this.#add(token);
      this.#caption[this.#length++] = place;
      const end = this.#from[place + 1] as number;
      for (let i = this.#from[place] as number; i < end; i++) {
        const entry = this.#words[i] as number;
        const word = entry >>> NUMBER;
        if (this.#countedIn[word] !== number) {
          this.#countedIn[word] = number;
          this.words++;
          this.known += entry & KNOWN;
          if (entry & FUNCTION_WORD) undecided++;
        }
        if (entry & FUNCTION_WORD) continue;
        // Between capitals it is a part of a name: "Rio de la Plata".
        if (!(afterCapital && entry & CAPITAL)) functionWords += undecided;
        undecided = 0;
        afterCapital = entry & CAPITAL;
      }
    }
    if (this.words >= FEW) this.known -= functionWords + undecided;
  }

  /** Brings `mean` to the caption that was read. */
  average(): void {
    const { mean } = this;
    const dimension = mean.length;
    mean.fill(0);
    let vectors = this.model.addEnd(mean);
    for (let i = 0; i < this.#length; i++) {
      const place = this.#caption[i] as number;
      const at = place * dimension;
      if (this.#vectors[place] === UNKNOWN) {
        this.#sums.fill(0, at, at + dimension);
        const spelled = bare(this.#tokens[place] as string);
        this.#vectors[place] = spelled === "" ? 0 : this.model.addToken(spelled, this.#sums, at);
      }
      vectors += this.#vectors[place] as number;
      for (let k = 0; k < dimension; k++) mean[k] = (mean[k] as number) + (this.#sums[at + k] as number);
    }
    for (let k = 0; k < dimension; k++) mean[k] = (mean[k] as number) / vectors;
  }

  probability(language: number): number {
    return this.model.probability(language, this.mean);
  }

  #add(part: string): number {
    const token = ownCopy(part);
    const place = this.#places.size;
    this.#places.set(token, place);
    this.#tokens[place] = token;
    this.#vectors[place] = UNKNOWN;
    let end = this.#from[place] as number;
    for (const spelled of token.replaceAll("\u2019", "'").match(WORD) ?? []) {
      const word = spelled.toLowerCase().replace(/'s$/, "");
      const number = this.#number(word);
      const isCapital = /^\p{Lu}/u.test(spelled);
      const isKnown = this.#kinds[number] === IS_WORD || (isCapital && this.#isName(number, word));
      this.#words[end++] =
        (number << NUMBER) |
        (isKnown ? KNOWN : 0) |
        (isCapital ? CAPITAL : 0) |
        (FUNCTION_WORDS.has(spelled) ? FUNCTION_WORD : 0);
    }
    this.#from[place + 1] = end;
    return place;
  }

  #number(word: string): number {
    const known = this.#numbers.get(word);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(word, number);
    this.#kinds[number] = this.#vocabulary?.isWord(word) ? IS_WORD : 0;
    return number;
  }

  /** Asked of words with a capital only: it costs more than the rest. */
  #isName(number: number, word: string): boolean {
    if (this.#kinds[number] === 0) {
      const isName = this.#vocabulary?.isName(word) && !this.#vocabulary.isRespelled(word);
      this.#kinds[number] = isName ? IS_NAME : IS_NONE;
    }
    return this.#kinds[number] === IS_NAME;
  }
}

/** A part of a text is a view of it in V8, unless it is short: what is kept must not keep whole captions. */
function ownCopy(part: string): string {
  return part.length < 13 ? part : Buffer.from(part, "utf16le").toString("utf16le");
}
