import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { bitsFor, type PairBlock } from "./cap.ts";

/** Matches a block holds: 4 MB. */
const BLOCK = 1 << 20;
/** Fewer would not hold the longest pair. */
const LEAST = 1 << 14;

/**
 * Pairs with their queries, written once and then gone over again and again by the passes of the cap. The first `inMemory`
 * blocks stay in memory, later ones go to a file and are read back one at a time, so that memory stays bounded.
 */
export class PairBlocks {
  readonly #file: string;
  readonly #inMemory: number;
  readonly #size: number;
  readonly #blocks: PairBlock[] = [];
  /** Where each block in the file begins, its pairs and matches. */
  readonly #places: { at: number; pairs: number; matches: number }[] = [];
  #end = 0;
  #descriptor: number | undefined;
  #filling = emptyBlock(0);
  #matches = 0;

  /**
   * @param file where later blocks go; removed by {@link close}.
   * @param expected matches, where that is known: few need no large block.
   */
  constructor(file: string, inMemory = 64, expected = BLOCK) {
    this.#file = file;
    this.#inMemory = inMemory;
    this.#size = Math.min(BLOCK, Math.max(LEAST, expected));
    this.#fresh();
  }

  /** Appends a pair; its order is kept. */
  add(idHigh: number, idLow: number, queries: ArrayLike<number>): void {
    if (this.#matches + queries.length > this.#size || this.#filling.pairs === this.#size) this.#flush();
    const block = this.#filling;
    if (queries.length > block.queries.length) throw new Error(`a pair has ${queries.length} queries`);
    block.high[block.pairs] = idHigh;
    block.low[block.pairs] = idLow;
    block.queries.set(queries, this.#matches);
    this.#matches += queries.length;
    block.starts[++block.pairs] = this.#matches;
  }

  /** The blocks in the order they were added; a block read from the file is valid until the next. */
  *blocks(): Generator<PairBlock> {
    yield* this.#blocks;
    for (const { at, pairs, matches } of this.#places) {
      const block = emptyBlock(pairs, matches);
      block.pairs = pairs;
      let from = at;
      for (const column of [block.high, block.low, block.starts, block.queries]) {
        this.#read(column, from);
        from += column.byteLength;
      }
      const marks = [block.chosen, block.open];
      for (const [i, column] of marks.entries()) this.#read(column, from + i * column.byteLength);
      yield block;
      // What a pass marked is there for the next one.
      for (const [i, column] of marks.entries()) this.#write(column, from + i * column.byteLength);
    }
    if (this.#filling.pairs > 0) yield this.#filling;
  }

  /** Removes the file. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    rmSync(this.#file, { force: true });
  }

  #fresh(): void {
    this.#filling = emptyBlock(this.#size);
    this.#matches = 0;
  }

  #flush(): void {
    const { pairs, high, low, starts, queries } = this.#filling;
    const matches = this.#matches;
    const block: PairBlock = {
      pairs,
      high: high.slice(0, pairs),
      low: low.slice(0, pairs),
      starts: starts.slice(0, pairs + 1),
      queries: queries.slice(0, matches),
      ...emptyMarks(matches),
    };
    if (this.#blocks.length < this.#inMemory) this.#blocks.push(block);
    else {
      if (this.#descriptor === undefined) {
        mkdirSync(dirname(this.#file), { recursive: true });
        this.#descriptor = openSync(this.#file, "w+");
      }
      this.#places.push({ at: this.#end, pairs, matches });
      for (const column of [block.high, block.low, block.starts, block.queries, block.chosen, block.open]) {
        this.#write(column, this.#end);
        this.#end += column.byteLength;
      }
    }
    this.#fresh();
  }

  #write(column: Int32Array | Uint32Array, at: number): void {
    const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#descriptor ?? -1, bytes, done, bytes.length - done, at + done);
  }

  #read(column: Int32Array | Uint32Array, at: number): void {
    const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.#descriptor ?? -1, bytes, done, bytes.length - done, at + done);
      if (read === 0) throw new Error(`${this.#file}: ends too early; was it changed by hand?`);
      done += read;
    }
  }
}

/** A block without pairs that has room for so many. */
export function emptyBlock(pairs: number, matches = pairs): PairBlock {
  return {
    pairs: 0,
    high: new Int32Array(pairs),
    low: new Int32Array(pairs),
    starts: new Uint32Array(pairs + 1),
    queries: new Int32Array(matches),
    ...emptyMarks(matches),
  };
}

function emptyMarks(matches: number): Pick<PairBlock, "chosen" | "open"> {
  return { chosen: new Int32Array(bitsFor(matches)), open: new Int32Array(bitsFor(matches)) };
}

/** A block with columns of the caller's own. */
export interface WideBlock extends PairBlock {
  /** `width` numbers a pair, in the order of the pairs. */
  extra: Int32Array;
}

const HEADER = 3;

/** A block as bytes, to be written one behind the other into a file for {@link readBlocks}. */
export function encodeBlock(block: Omit<PairBlock, "chosen" | "open">, extra: Int32Array = new Int32Array(0)): Buffer {
  const { pairs, high, low, starts, queries } = block;
  const matches = starts[pairs] as number;
  const columns = [
    Uint32Array.of(pairs, matches, extra.length),
    ...[high.subarray(0, pairs), low.subarray(0, pairs), starts.subarray(0, pairs + 1), queries.subarray(0, matches)],
    extra,
  ];
  return Buffer.concat(
    columns.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
}

/**
 * The blocks of a file, one at a time.
 * @throws Error naming the file when it ends within a block.
 */
export function* readBlocks(file: string): Generator<WideBlock> {
  const descriptor = openSync(file, "r");
  const fill = (column: Int32Array | Uint32Array): boolean => {
    const bytes = new Uint8Array(column.buffer);
    let done = 0;
    for (let read = 1; done < bytes.length && read > 0; done += read)
      read = readSync(descriptor, bytes, done, bytes.length - done, null);
    if (done > 0 && done < bytes.length) throw new Error(`${file}: ends within a block`);
    return done === bytes.length;
  };
  try {
    for (;;) {
      const header = new Uint32Array(HEADER);
      if (!fill(header)) return;
      const [pairs = 0, matches = 0, extras = 0] = header;
      const block = { ...emptyBlock(pairs, matches), pairs, extra: new Int32Array(extras) };
      for (const column of [block.high, block.low, block.starts, block.queries, block.extra])
        if (!fill(column)) throw new Error(`${file}: ends within a block`);
      yield block;
    }
  } finally {
    closeSync(descriptor);
  }
}
