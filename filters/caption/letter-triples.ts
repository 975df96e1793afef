import type { WordSet } from "./word-set.ts";

/** a to z, and the edge of a word. */
const LETTERS = 27;
const EDGE = 0;

/**
 * The mean, over the triples of a word, of the logarithm of how many known words have each. Of 631 unknown words in names
 * that people gave only codes are below it ("fpzj", but "koshka"), of servers' random letters nine in ten ("rlqhj", "wedzkj").
 */
const USUAL = 3.4;

/** Tells letters that could be a word of some language from random ones, by the letters that known words have in a row. */
export class LetterTriples {
  readonly #logs = new Float32Array(LETTERS ** 3);

  constructor(words: WordSet) {
    for (const word of words.all()) {
      if (/^[a-z]+$/.test(word)) eachTriple(word, (triple) => this.#count(triple));
    }
    this.#logs.forEach((count, triple) => {
      this.#logs[triple] = Math.log(count + 0.5);
    });
  }

  #count(triple: number): void {
    this.#logs[triple] = (this.#logs[triple] as number) + 1;
  }

  /** @param word of lower-case ASCII letters. */
  couldBeWord(word: string): boolean {
    let sum = 0;
    eachTriple(word, (triple) => {
      sum += this.#logs[triple] as number;
    });
    return sum >= USUAL * word.length;
  }
}

/** As many triples as the word has letters: its edges count as letters. */
function eachTriple(word: string, use: (triple: number) => void): void {
  let [first, second] = [EDGE, word.charCodeAt(0) - 96];
  for (let i = 1; i <= word.length; i++) {
    const third = i < word.length ? word.charCodeAt(i) - 96 : EDGE;
    use((first * LETTERS + second) * LETTERS + third);
    [first, second] = [second, third];
  }
}
