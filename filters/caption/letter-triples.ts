import type { WordSet } from "./word-set.ts";

/** a to z, and 0 for the edge of a word. */
const LETTERS = 27;
const BEFORE_A = 96;
const EDGE = BEFORE_A;

/**
 * The mean, over the triples of a word, of the logarithm of how many known words have each. Of 631 unknown words in names
 * that people gave only codes are below it ("fpzj", but "koshka"), of servers' random letters nine in ten ("rlqhj", "wedzkj").
 */
const USUAL = 3.4;

/** Below it, in words of so many letters, no name that somebody gave was found. */
const UNLIKELY = 2.5;
const LONG = 7;

/** Tells letters that could be a word of some language from random ones, by the letters that known words have in a row. */
export class LetterTriples {
  readonly #logs: Float32Array;

  constructor(words: WordSet) {
    const counts = new Float32Array(LETTERS ** 3);
    words.each((letters, start, end) => {
      let triple = 0;
      for (let i = start; i <= end; i++) {
        triple = append(triple, i < end ? (letters[i] as number) : EDGE);
        if (i > start) counts[triple] = (counts[triple] as number) + 1;
      }
    });
    this.#logs = counts.map((count) => Math.log(count + 0.5));
  }

  /** @param word of lower-case ASCII letters. */
  couldBeWord(word: string): boolean {
    return this.#mean(word) >= USUAL;
  }

  /** Letters so unlikely that they were drawn by chance, even without a digit: "znvzqcvq", not "hirgyujto". */
  isGibberish(word: string): boolean {
    return word.length >= LONG && this.#mean(word) < UNLIKELY;
  }

  /** How much more usual than in the least usual words the letters are, summed over them; negative for random ones. */
  speakability(word: string): number {
    return (this.#mean(word) - USUAL) * word.length;
  }

  #mean(word: string): number {
    let sum = 0;
    let triple = append(0, word.charCodeAt(0));
    for (let i = 1; i <= word.length; i++) {
      triple = append(triple, i < word.length ? word.charCodeAt(i) : EDGE);
      sum += this.#logs[triple] as number;
    }
    return sum / word.length;
  }
}

/** The triple of the last two letters and this one; what is no letter from a to z is an edge. */
function append(triple: number, code: number): number {
  const letter = code > BEFORE_A && code < BEFORE_A + LETTERS ? code - BEFORE_A : 0;
  return (triple % LETTERS ** 2) * LETTERS + letter;
}
