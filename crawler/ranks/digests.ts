import { createHash } from "node:crypto";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeBlock, readBlocks } from "../../filters/pair-blocks.ts";
import type { Database } from "../../store/database.ts";
import { idHalves } from "../../store/pair-id.ts";
import type { Work } from "./context.ts";
import { resultOf } from "./names.ts";

/** A picture as the ranks compare it. */
export interface Digest {
  id: string;
  /** The first 16 bytes of its SHA-256, hexadecimal. */
  sha256: string;
  /** The first 8 bytes of its address's SHA-256, hexadecimal. */
  address: string;
  phash: string | null;
  /** Whether it is in the set; else it was dropped as a duplicate, and rules out its like all the same. */
  inSet: boolean;
  queries: Int32Array;
}

/** Numbers a picture has beside its id and queries: 4 of SHA-256, 2 of the address, 2 of the perceptual hash, flags. */
const WIDTH = 9;
const [IN_SET, HAS_PHASH] = [1, 2];
/** Pictures a block. */
const BLOCK = 50_000;

/** Publishes the digests of this rank's pictures (`digests.bin`). */
export async function publishDigests(work: Work, db: Database): Promise<void> {
  const file = join(work.emptyFolder("digests"), "digests.bin");
  writeDigests(file, db);
  await work.put("digests.bin", { file, final: true });
  work.remove("digests");
}

/** Writes the digests of a database's pictures: those in the set, and what was dropped as their like. */
export function writeDigests(file: string, db: Database): void {
  writeFileSync(file, "");
  type Row = [string, string, string, string, string | null, number];
  const rows = db
    .prepare<[], Row>(
      `SELECT id, queries, image_url, sha256, phash, state <> 'dropped' FROM pair NOT INDEXED
       WHERE sha256 IS NOT NULL AND ((state IN ('chosen', 'kept') AND file IS NOT NULL) OR reason IN ('duplicate_image', 'near_duplicate'))`,
    )
    .raw();
  let waiting: Row[] = [];
  const flush = () => {
    appendFileSync(file, encode(waiting));
    waiting = [];
  };
  for (const row of rows.iterate()) if (waiting.push(row) === BLOCK) flush();
  if (waiting.length > 0) flush();
}

function encode(rows: readonly [string, string, string, string, string | null, number][]): Buffer {
  const queries = rows.map((row) => JSON.parse(row[1]) as number[]);
  const block = {
    pairs: rows.length,
    high: new Int32Array(rows.length),
    low: new Int32Array(rows.length),
    starts: new Uint32Array(rows.length + 1),
    queries: Int32Array.from(queries.flat()),
  };
  const extra = new Int32Array(rows.length * WIDTH);
  for (const [i, [id, , url, sha256, phash, inSet]] of rows.entries()) {
    [block.high[i], block.low[i]] = idHalves(id);
    block.starts[i + 1] = (block.starts[i] as number) + (queries[i]?.length ?? 0);
    const address = createHash("sha256").update(url).digest("hex").slice(0, 16);
    const columns = [sha256.slice(0, 16), sha256.slice(16, 32), address, phash ?? "0".repeat(16)].flatMap(idHalves);
    extra.set([...columns, (inSet === 1 ? IN_SET : 0) | (phash === null ? 0 : HAS_PHASH)], i * WIDTH);
  }
  return encodeBlock(block, extra);
}

/** The digests of all ranks' pictures; the two numbers that begin a digest's SHA-256 come first, for a quick look. */
export function* readDigests(files: readonly string[]): Generator<{ high: number; low: number; read: () => Digest }> {
  for (const file of files) {
    for (const block of readBlocks(file)) {
      for (let i = 0; i < block.pairs; i++) {
        const column = (at: number) => block.extra[i * WIDTH + at] as number;
        const hex = (at: number) => hexOf(column(at)) + hexOf(column(at + 1));
        const read = (): Digest => ({
          id: hexOf(block.high[i] as number) + hexOf(block.low[i] as number),
          sha256: hex(0) + hex(2),
          address: hex(4),
          phash: column(8) & HAS_PHASH ? hex(6) : null,
          inSet: (column(8) & IN_SET) !== 0,
          queries: block.queries.slice(block.starts[i], block.starts[i + 1]),
        });
        yield { high: column(0), low: column(1), read };
      }
    }
  }
}

/** The files of digests of a round. */
export async function fetchDigests(work: Work, round: number): Promise<string[]> {
  const files: string[] = [];
  for (const rank of work.ranks)
    files.push(await work.fetch(await resultOf(work.store, `download-${round}`, rank, "digests.bin")));
  return files;
}

function hexOf(half: number): string {
  return (half >>> 0).toString(16).padStart(8, "0");
}
