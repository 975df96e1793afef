const LEAST_MS = 15_000;

/**
 * How fast work goes now: over the last half minute, or the last quarter to half of the time when that is longer, not from
 * the beginning. The last pictures of a crawl are those of hosts that do not answer, and come a hundred times as slowly as
 * the thousands before them.
 */
export class Pace {
  readonly #started: number;
  #from: { at: number; done: number };
  /** Takes the place of the other when it is old enough. */
  #next: { at: number; done: number };

  /** @param at milliseconds of any clock. */
  constructor(at: number) {
    this.#started = at;
    this.#from = { at, done: 0 };
    this.#next = this.#from;
  }

  /** Notes what is done by now. */
  add(done: number, at: number): void {
    if (at - this.#next.at < Math.max(LEAST_MS, (at - this.#started) / 4)) return;
    this.#from = this.#next;
    this.#next = { at, done };
  }

  /** Things a second. */
  rate(done: number, at: number): number {
    return at <= this.#from.at ? 0 : (1000 * (done - this.#from.done)) / (at - this.#from.at);
  }
}
