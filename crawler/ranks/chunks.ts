import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/** Rows a chunk: some 30 KB when packed. */
const ROWS = 500;

const FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Bytes, packed. */
export function pack(bytes: Uint8Array): Buffer {
  return zstdCompressSync(bytes, FAST);
}

/** A column of numbers, packed. */
export function packNumbers(numbers: Int32Array | Uint32Array | Float64Array): Buffer {
  return pack(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
}

/** What {@link packNumbers} packed, as an aligned buffer. */
export function unpackNumbers(packed: Buffer): ArrayBuffer {
  const bytes = zstdDecompressSync(packed);
  const aligned = new ArrayBuffer(bytes.length);
  new Uint8Array(aligned).set(bytes);
  return aligned;
}

/** Counts of which most are 0, packed: the places of the others, then what stands there. */
export function packCounts(counts: Uint32Array | Float64Array): Buffer {
  // By index: an iterator takes several times as long, and there are half a million.
  let others = 0;
  for (let i = 0; i < counts.length; i++) if (counts[i] !== 0) others++;
  const packed = new Uint32Array(2 * others);
  let at = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    packed[at] = i;
    packed[others + at++] = counts[i] as number;
  }
  return packNumbers(packed);
}

/** Adds what {@link packCounts} packed to the sums. */
export function addCounts(sums: Uint32Array | Float64Array, packed: Buffer): void {
  const numbers = new Uint32Array(unpackNumbers(packed));
  const others = numbers.length / 2;
  for (let i = 0; i < others; i++) {
    const place = numbers[i] as number;
    sums[place] = (sums[place] as number) + (numbers[others + i] as number);
  }
}

/** Rows as a chunk: its length in four bytes, then packed JSON. */
function chunkOf(rows: readonly unknown[]): Buffer {
  const body = pack(Buffer.from(JSON.stringify(rows)));
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

/** Rows as one buffer of chunks, for what fits in memory. */
export function packRows(rows: readonly unknown[]): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; at < rows.length; at += ROWS) chunks.push(chunkOf(rows.slice(at, at + ROWS)));
  return Buffer.concat(chunks);
}

/** The rows of a stream of chunks, some hundred at a time. */
export async function* unpackRows<T>(stream: AsyncIterable<Buffer>): AsyncGenerator<T[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const bytes of stream) {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let at = 0;
    for (; rest.length - at >= 4; ) {
      const end = at + 4 + rest.readUInt32LE(at);
      if (end > rest.length) break;
      yield JSON.parse(zstdDecompressSync(rest.subarray(at + 4, end)).toString("utf8"));
      at = end;
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new Error("a list of rows ends within a chunk");
}

/**
 * Rows dealt to the ranks they belong to, written into one file in the order of the ranks, so that each rank reads one
 * stretch of it. Memory: a chunk a rank; chunks go to a temporary file until all rows are there.
 */
export class DealtRows {
  readonly #waiting: unknown[][];
  /** Of each rank's chunks: where they lie in the temporary file. */
  readonly #places: { at: number; bytes: number }[][];
  readonly #temporary: string;
  readonly #descriptor: number;
  #end = 0;

  /** @param temporary the caller removes its folder. */
  constructor(world: number, temporary: string) {
    this.#waiting = Array.from({ length: world }, () => []);
    this.#places = Array.from({ length: world }, () => []);
    this.#temporary = temporary;
    this.#descriptor = openSync(temporary, "w+");
  }

  add(rank: number, row: unknown): void {
    const rows = this.#waiting[rank] as unknown[];
    if (rows.push(row) === ROWS) this.#flush(rank);
  }

  /** Writes the file; returns where each rank's stretch begins, and last where the file ends. */
  async write(file: string): Promise<number[]> {
    for (let rank = 0; rank < this.#waiting.length; rank++) this.#flush(rank);
    const { open } = await import("node:fs/promises");
    const source = await open(this.#temporary);
    const target = openSync(file, "w");
    const starts = [0];
    let end = 0;
    try {
      for (const places of this.#places) {
        for (const { at, bytes } of places) {
          const { buffer } = await source.read(Buffer.alloc(bytes), 0, bytes, at);
          writeSync(target, buffer);
          end += bytes;
        }
        starts.push(end);
      }
      fsyncSync(target);
    } finally {
      closeSync(target);
      closeSync(this.#descriptor);
      await source.close();
    }
    return starts;
  }

  #flush(rank: number): void {
    const rows = this.#waiting[rank] as unknown[];
    if (rows.length === 0) return;
    const chunk = chunkOf(rows);
    for (let done = 0; done < chunk.length; ) done += writeSync(this.#descriptor, chunk, done);
    this.#places[rank]?.push({ at: this.#end, bytes: chunk.length });
    this.#end += chunk.length;
    this.#waiting[rank] = [];
  }
}
