import { hash } from "node:crypto";

/** Rows that are looked at: of one alone two lists may well have the same, such as an empty one. */
export const TRAIL = 16;

/**
 * The last rows that were read of a list. Their hash is kept with the position behind them: what stands there when a
 * stopped run goes on tells a list that grew, or was packed anew, from one that took its place.
 */
export class Trail {
  readonly #rows: string[] = [];

  push(row: string): void {
    this.#rows.push(row);
    if (this.#rows.length > TRAIL) this.#rows.shift();
  }

  get mark(): string {
    return hash("sha256", JSON.stringify(this.#rows));
  }
}
