/** Keeps what was asked for last, so much of it that all together takes at most `most`: bytes, or whatever else is counted. */
export class SizedCache<T> {
  readonly #most: number;
  /** In the order in which they were asked for. */
  readonly #kept = new Map<string, { value: T; size: number }>();
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** What is kept under `key`, if it still is. */
  get(key: string): T | undefined {
    const found = this.#kept.get(key);
    if (!found) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, found);
    return found.value;
  }

  /** Keeps `value`, which takes `size`, in place of what was there; what was not asked for the longest goes. */
  set(key: string, value: T, size: number): void {
    this.#size += size - (this.#kept.get(key)?.size ?? 0);
    this.#kept.delete(key);
    this.#kept.set(key, { value, size });
    for (const [oldest, { size: freed }] of this.#kept) {
      if (this.#size <= this.#most) break;
      this.#kept.delete(oldest);
      this.#size -= freed;
    }
  }
}
