/** Keeps what was asked for last, so much of it that all together takes at most `most` bytes. */
export class SizedCache<T> {
  readonly #most: number;
  /** In the order in which they were asked for. */
  readonly #kept = new Map<string, { value: T; bytes: number }>();
  #bytes = 0;

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

  /** Keeps `value`, which takes `bytes`, in place of what was there; what was not asked for the longest goes. */
  set(key: string, value: T, bytes: number): void {
    this.#bytes += bytes - (this.#kept.get(key)?.bytes ?? 0);
    this.#kept.delete(key);
    this.#kept.set(key, { value, bytes });
    for (const [oldest, { bytes: freed }] of this.#kept) {
      if (this.#bytes <= this.#most) break;
      this.#kept.delete(oldest);
      this.#bytes -= freed;
    }
  }
}
