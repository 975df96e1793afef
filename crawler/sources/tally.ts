import type { EarlyDrop } from "./source.ts";

/** Counts what is dropped in a batch, with the smallest example of each reason: it does not depend on where batches end. */
export class Tally {
  readonly #drops = new Map<EarlyDrop["reason"], EarlyDrop>();

  add(reason: EarlyDrop["reason"], example: string, pairs = 1): void {
    if (pairs === 0) return;
    const known = this.#drops.get(reason);
    if (known) {
      known.pairs += pairs;
      if (example < known.example) known.example = example;
    } else this.#drops.set(reason, { reason, pairs, example });
  }

  drops(): EarlyDrop[] {
    return [...this.#drops.values()];
  }
}
