/**
 * Which query has the fewest pairs: a binary heap of ids by a count that grows meanwhile. An id whose count grew since
 * it was put in sinks to its place when it comes up.
 */
export class LeastFilled {
  readonly #heap: { id: number; key: number }[];
  readonly #counts: Uint32Array;

  /** @param counts pairs by id, kept up to date by the caller. */
  constructor(ids: readonly number[], counts: Uint32Array) {
    this.#counts = counts;
    this.#heap = ids.map((id) => ({ id, key: counts[id] ?? 0 })).sort((a, b) => a.key - b.key || a.id - b.id);
  }

  /** Takes the id with the smallest count out; the smaller id of equals. */
  take(): number | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (!top) return undefined;
      const now = this.#counts[top.id] ?? 0;
      if (now === top.key) {
        const last = this.#heap.pop();
        if (last && this.#heap.length > 0) this.#sink(last);
        return top.id;
      }
      this.#sink({ id: top.id, key: now });
    }
  }

  /** Puts an entry in the place of the top and lets it sink. */
  #sink(entry: { id: number; key: number }): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (!left) break;
      let smaller = left;
      if (right && before(right, left)) {
        smaller = right;
        child++;
      }
      if (!before(smaller, entry)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = entry;
  }
}

function before(a: { id: number; key: number }, b: { id: number; key: number }): boolean {
  return a.key < b.key || (a.key === b.key && a.id < b.id);
}
