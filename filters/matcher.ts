import { buildTable, edgeHash, type MatcherTable } from "./matcher-table.ts";
import { foldText, hashFolded, hashRoom, hashSpaced, type MatchMode } from "./words.ts";

/** More matches than these are sorted by the engine. */
const FEW = 48;

/**
 * Finds all terms of a list in a caption: whole words, longest and nested alike. One pass hashes the words, one looks them
 * all up (independent of each other, so that the processor waits for several at once), one walks the trie of word
 * sequences from each word on. The tables can be shared between threads; a Matcher itself belongs to one.
 */
export class Matcher {
  readonly table: MatcherTable;
  /** Where the ids of the last call's matches stand. */
  found: Int32Array<ArrayBuffer> = new Int32Array(1024);
  #bytes: Buffer = Buffer.alloc(0);
  #hashes = new Int32Array(0);
  /** Per word of the caption: its id or -1, and the `end` of its slot. */
  #ids = new Int32Array(0);
  #ends = new Int32Array(0);

  /** @param table of {@link buildTable}, {@link viewTable} or {@link readTable}. */
  constructor(table: MatcherTable) {
    this.table = table;
    this.#makeRoom(1024);
  }

  /** A matcher of its own tables, for lists that are used once. */
  static of(terms: readonly { term: string }[], mode: MatchMode = "fold"): Matcher {
    return new Matcher(buildTable(terms, mode));
  }

  /** The ids of all terms in `caption`, each once, ascending. */
  match(caption: string): number[] {
    if (caption.length * 3 > this.#bytes.length) this.#makeRoom(caption.length * 3);
    const length = this.#bytes.write(caption, "utf8");
    const count = this.matchBytes(this.#bytes, 0, length);
    const ids = Array<number>(count);
    for (let i = 0; i < count; i++) ids[i] = this.found[i] as number;
    return ids;
  }

  /**
   * The same for UTF-8 in `bytes[start, end)`.
   * @returns how many terms were found; their ids, ascending, are the first of {@link found} until the next call.
   */
  matchBytes(bytes: Uint8Array, start: number, end: number): number {
    if (hashRoom(end - start) > this.#hashes.length) this.#makeRoom(end - start);
    let words: number;
    if (this.table.mode === "metaclip") words = hashSpaced(bytes, start, end, this.#hashes);
    else {
      words = hashFolded(bytes, start, end, this.#hashes, false);
      if (words < 0) {
        const folded = foldText(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8"));
        if (hashRoom(folded.length) > this.#hashes.length) this.#makeRoom(folded.length);
        words = hashFolded(folded, 0, folded.length, this.#hashes, true);
      }
    }
    this.#lookUp(words);
    return this.#settle(this.#walk(words));
  }

  #lookUp(count: number): void {
    const table = this.table.words;
    const mask = table.length - 1;
    const [hashes, ids, ends] = [this.#hashes, this.#ids, this.#ends];
    for (let i = 0; i < count; i++) {
      const hash1 = hashes[2 * i] as number;
      const hash2 = hashes[2 * i + 1] as number;
      let at = (hash1 << 2) & mask;
      let id = table[at + 2] as number;
      while (id !== 0 && (table[at] !== hash1 || table[at + 1] !== hash2)) {
        at = (at + 4) & mask;
        id = table[at + 2] as number;
      }
      ids[i] = id - 1;
      ends[i] = table[at + 3] as number;
    }
  }

  /** Collects the terms that begin at each word; returns how many, repeated ones too. */
  #walk(count: number): number {
    const edges = this.table.edges;
    const mask = edges.length - 1;
    const [ids, ends] = [this.#ids, this.#ends];
    let matches = 0;
    for (let start = 0; start < count; start++) {
      let end = ends[start] as number;
      if (end > 3) matches = this.#collect(end, matches);
      let node = ids[start] as number;
      for (let i = start + 1; (end & 1) === 1 && i < count; i++) {
        const word = ids[i] as number;
        const before = node;
        let at = (edgeHash(before, word) << 2) & mask;
        node = edges[at + 2] as number;
        while (node !== 0 && (edges[at] !== before || edges[at + 1] !== word)) {
          at = (at + 4) & mask;
          node = edges[at + 2] as number;
        }
        if (node === 0) break;
        end = edges[at + 3] as number;
        if (end > 3) matches = this.#collect(end, matches);
      }
    }
    return matches;
  }

  #collect(end: number, matches: number): number {
    for (let term = (end >> 2) - 1; ; term = this.table.next[term] as number) {
      if (matches === this.found.length) {
        const found = new Int32Array(matches * 2);
        found.set(this.found);
        this.found = found;
      }
      this.found[matches++] = term;
      if ((end & 2) === 0 || this.table.next[term] === -1) return matches;
    }
  }

  /** Sorts the matches and takes repeated ones out; returns how many stay. */
  #settle(matches: number): number {
    const found = this.found;
    if (matches > FEW) found.subarray(0, matches).sort();
    else {
      for (let i = 1; i < matches; i++) {
        const term = found[i] as number;
        let to = i;
        for (; to > 0 && (found[to - 1] as number) > term; to--) found[to] = found[to - 1] as number;
        found[to] = term;
      }
    }
    let kept = 0;
    for (let i = 0; i < matches; i++) {
      if (i === 0 || found[i] !== found[kept - 1]) found[kept++] = found[i] as number;
    }
    return kept;
  }

  #makeRoom(bytes: number): void {
    const room = Math.max(bytes, 2 * this.#bytes.length);
    this.#bytes = Buffer.alloc(room);
    this.#hashes = new Int32Array(hashRoom(room));
    this.#ids = new Int32Array(2 * room + 2);
    this.#ends = new Int32Array(2 * room + 2);
  }
}
