import type { LanguageModel } from "./fasttext.ts";
import { copyUnits, Interner } from "./interner.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Tokens of which counts and vectors are kept, as many words, 18 MB a thread: captions repeat their words. */
const KEPT = 1 << 17;
/** Letters of them. */
const LETTERS = 1 << 20;
/** As much of a text is looked at, in characters. */
const READ = 4_096;
/** A word's letters at most: lower-casing makes two of a Turkish capital i. */
const LONGEST = 2 * READ;

const SPACE = 32;
const UNKNOWN = 0xffffffff;
const IS_WORD = 1;
const IS_NAME = 2;
const IS_NONE = 3;
/** What is told of a token's word beside its number. */
const [KNOWN, CAPITAL, FUNCTION_WORD] = [1, 2, 4];
const NUMBER = 3;

const WORD = /[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)*/gu;
/** Frequent in English Wikipedia for its names' sake. None is an English word too, as Dutch "van" and German "die" are. */
const FUNCTION_WORDS = new Set(
  (
    "de la le les des du et un une avec pour qui que au el los las del por para con il di della da dos das com " +
    "der und von het een na ng sa mga ang"
  ).split(" "),
);

/** What the model is asked: capitals, quotation marks and typographic apostrophes mislead it ("it’s" is Russian to it). */
function bare(token: string): string {
  if (/^[a-z]+$/i.test(token)) return token.toLowerCase();
  const edges = /^[^\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}]+$/gu;
  return token.toLowerCase().replaceAll("\u2019", "'").replace(edges, "");
}

/** Sums what is known of a caption's tokens, what stands between spaces. */
export class Tokens {
  readonly model: LanguageModel;
  /** Of the last caption: its vector, its different words, and those of the vocabulary among them. */
  readonly mean: Float32Array;
  words = 0;
  known = 0;
  /** Function words of other languages among the known ones, outside names, as they first occur. */
  functionWords = 0;
  readonly #vocabulary: Vocabulary | undefined;
  readonly #units = new Uint16Array(READ);
  readonly #wordUnits = new Uint16Array(LONGEST);
  readonly #tokens = new Interner(KEPT, LETTERS);
  /** The last caption's tokens by number. */
  readonly #caption = new Uint32Array(READ);
  #length = 0;
  readonly #sums: Float32Array;
  readonly #vectors = new Uint32Array(KEPT);
  /** A token's words, their numbers above the bits told of them: those of token t from `#from[t]` up to `#from[t + 1]`. */
  readonly #entries = new Uint32Array(KEPT);
  readonly #from = new Uint32Array(KEPT + 1);
  readonly #words = new Interner(KEPT, LETTERS);
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

  /** Counts the different words of a caption. */
  read(caption: string): void {
    this.#makeRoom();
    this.words = 0;
    this.known = 0;
    this.functionWords = 0;
    this.#length = 0;
    this.#captions++;
    const units = this.#units;
    const length = copyUnits(caption, units);
    let undecided = 0;
    let afterCapital = 0;
    for (let from = 0, to = 0; from < length; from = to + 1) {
      for (to = from; to < length && units[to] !== SPACE; ) to++;
      if (to === from) continue;
      const kept = this.#tokens.size;
      const token = this.#tokens.number(units, from, to);
      if (token === kept) this.#add(token, caption.slice(from, to));
      this.#caption[this.#length++] = token;
      const end = this.#from[token + 1] as number;
      for (let i = this.#from[token] as number; i < end; i++) {
        const entry = this.#entries[i] as number;
        const word = entry >>> NUMBER;
        if (this.#countedIn[word] !== this.#captions) {
          this.#countedIn[word] = this.#captions;
          this.words++;
          this.known += entry & KNOWN;
          if (entry & FUNCTION_WORD) undecided++;
        }
        if (entry & FUNCTION_WORD) continue;
        // Between capitals it is a part of a name: "Rio de la Plata".
        if (!(afterCapital && entry & CAPITAL)) this.functionWords += undecided;
        undecided = 0;
        afterCapital = entry & CAPITAL;
      }
    }
    this.functionWords += undecided;
  }

  /** Brings `mean` to the caption that was read. */
  average(): void {
    const { mean } = this;
    const sums = this.#sums;
    const dimension = mean.length;
    mean.fill(0);
    let vectors = this.model.addEnd(mean);
    for (let i = 0; i < this.#length; i++) {
      const token = this.#caption[i] as number;
      const at = token * dimension;
      if (this.#vectors[token] === UNKNOWN) {
        sums.fill(0, at, at + dimension);
        const spelled = bare(this.#tokens.text(token));
        this.#vectors[token] = spelled === "" ? 0 : this.model.addToken(spelled, sums, at);
      }
      vectors += this.#vectors[token] as number;
      for (let k = 0; k < dimension; k++) mean[k] = (mean[k] as number) + (sums[at + k] as number);
    }
    for (let k = 0; k < dimension; k++) mean[k] = (mean[k] as number) / vectors;
  }

  probability(language: number): number {
    return this.model.probability(language, this.mean);
  }

  /** Begins anew when a caption might not fit: none has more tokens or words than characters. */
  #makeRoom(): void {
    const tokens = this.#tokens;
    const entries = (this.#from[tokens.size] as number) + READ;
    if (
      entries <= KEPT &&
      tokens.hasRoom(READ, READ) &&
      this.#words.hasRoom(READ, LONGEST) &&
      this.#captions < 0xffffffff
    )
      return;
    tokens.clear();
    this.#words.clear();
    this.#countedIn.fill(0);
    this.#captions = 0;
  }

  #add(token: number, text: string): void {
    this.#vectors[token] = UNKNOWN;
    let end = this.#from[token] as number;
    for (const spelled of text.replaceAll("\u2019", "'").match(WORD) ?? []) {
      const word = spelled.toLowerCase().replace(/'s$/, "");
      const number = this.#number(word);
      const isCapital = /^\p{Lu}/u.test(spelled);
      const isKnown = this.#kinds[number] === IS_WORD || (isCapital && this.#isName(number, word));
      this.#entries[end++] =
        (number << NUMBER) |
        (isKnown ? KNOWN : 0) |
        (isCapital ? CAPITAL : 0) |
        (FUNCTION_WORDS.has(spelled) ? FUNCTION_WORD : 0);
    }
    this.#from[token + 1] = end;
  }

  #number(word: string): number {
    const kept = this.#words.size;
    const number = this.#words.number(this.#wordUnits, 0, copyUnits(word, this.#wordUnits));
    if (number === kept) this.#kinds[number] = this.#vocabulary?.isWord(word) ? IS_WORD : 0;
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
