import { ByteTable, type KeyBytes } from "./byte-table.ts";

/** More names than a wiki uses; a text made to hold more does not fill the memory. */
const MOST = 10_000;
const decoder = new TextDecoder();

/** What names mean, worked out once each and found again by their bytes, since making a string of every name is slow. */
export class Remembered {
  readonly #table = new ByteTable();
  readonly #meaning: (name: string) => number;

  constructor(meaning: (name: string) => number) {
    this.#meaning = meaning;
  }

  /** What the name `[start, end)` means. */
  of(keys: KeyBytes, start: number, end: number): number {
    const table = this.#table;
    let id = table.find(keys, start, end);
    if (id < 0) {
      if (table.size >= MOST) table.clear();
      const meaning = this.#meaning(decoder.decode(keys.bytes.subarray(start, end)));
      id = table.add(keys, start, end);
      table.counts[id] = meaning;
    }
    return table.counts[id] as number;
  }
}
