/**
 * Pointwise mutual information of two words in bits: log2(c12 * N / (c1 * c2)), as NLTK's BigramAssocMeasures.pmi has it
 * (Church and Hanks 1990).
 * @param together how often they stand side by side; `first` and `second` how often each stands at all; `total` words.
 */
export function pmi(together: number, first: number, second: number, total: number): number {
  return Math.log2(together) + Math.log2(total) - Math.log2(first) - Math.log2(second);
}

/** PMI divided by its greatest value, -log2 p(pair): 1 for words that never stand apart (Bouma 2009). */
export function npmi(together: number, first: number, second: number, total: number): number {
  const most = Math.log2(total) - Math.log2(together);
  return most === 0 ? 1 : pmi(together, first, second, total) / most;
}

/** How pairs are chosen. */
export interface PairRule {
  /** Pairs seen less often are left out. */
  minCount: number;
  /** Pairs with less PMI are left out. */
  minPmi: number;
  rank: "pmi" | "npmi";
}

/** A pair of neighbours: its words by their rank among all counted words. */
export interface Pair {
  first: number;
  second: number;
  count: number;
  pmi: number;
  npmi: number;
}

/** The order in which pairs fill the list: best first, then the more frequent, then by words. */
export function comparePairs(rank: PairRule["rank"]): (a: Pair, b: Pair) => number {
  return (a, b) => b[rank] - a[rank] || b.count - a.count || a.first - b.first || a.second - b.second;
}

/** Keeps the best `size` pairs of any number, in bounded memory. */
export class BestPairs {
  #pairs: Pair[] = [];
  readonly #size: number;
  readonly #rank: PairRule["rank"];

  constructor(size: number, rank: PairRule["rank"]) {
    this.#size = size;
    this.#rank = rank;
  }

  add(pairs: readonly Pair[]): void {
    for (const pair of pairs) this.#pairs.push(pair);
    if (this.#pairs.length > 2 * this.#size + 100_000) this.#prune();
  }

  /** The best, best first. */
  take(): Pair[] {
    this.#prune();
    return this.#pairs;
  }

  #prune(): void {
    this.#pairs.sort(comparePairs(this.#rank));
    if (this.#pairs.length > this.#size) this.#pairs.length = this.#size;
  }
}
