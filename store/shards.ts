import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { priority } from "../filters/priority.ts";
import { type Database, getMeta, setMeta } from "./database.ts";
import { idHalves } from "./pair-id.ts";
import { type SampleMetadata, writeMetadata } from "./parquet.ts";
import { refreshQueryCounts } from "./query-counts.ts";
import { refreshSearch } from "./search.ts";
import { PlaceReader } from "./spool.ts";
import { TarWriter } from "./tar.ts";
import type { Origin } from "./types.ts";

/** How shards are made. */
export interface ShardOptions {
  seed: number;
  /** Samples a shard; 10,000 as in img2dataset. */
  shardSize: number;
}

/** What was written, or that nothing had to be. */
export interface ShardCounts {
  shards: number;
  pairs: number;
  bytes: number;
  changed: boolean;
}

/** The columns of `pair` that a sample is made of. */
export const SAMPLE_COLUMNS = [
  ...["id", "image_url", "page_url", "caption", "kind", "source", "licence", "origin", "chosen_for", "queries"],
  ...["width", "height", "original_width", "original_height", "sha256", "phash", "exif", "rights", "extension"],
  ...["file", "offset", "bytes"],
].join(", ");

/** {@link SAMPLE_COLUMNS} of a pair. */
export interface SampleRow {
  id: string;
  image_url: string;
  page_url: string | null;
  caption: string;
  kind: string;
  source: string;
  licence: string | null;
  origin: string | null;
  chosen_for: string;
  queries: string;
  width: number;
  height: number;
  original_width: number;
  original_height: number;
  sha256: string;
  phash: string | null;
  exif: string | null;
  rights: string | null;
  extension: string;
  file: string;
  offset: number;
  bytes: number;
}

const IN_SET = "state IN ('chosen', 'kept') AND file IS NOT NULL";
/** Hash of no query: the order of the samples must not correlate with any query's choice. */
const ORDER = 0x5ead;

/**
 * Writes the data set: every chosen pair with a picture, in a seeded order that depends on nothing but the set, as
 * WebDataset tars with their metadata in Parquet. All shards are written beside the old ones and take their place at
 * once: first the rows, in one transaction, then the folder, by renaming; {@link finishSwap} completes a swap that was
 * cut between the two. Nothing is written when the set did not change.
 */
export async function writeShards(
  db: Database,
  data: string,
  options: ShardOptions,
  progress: (pairs: number) => void,
): Promise<ShardCounts> {
  finishSwap(db, data);
  const order = orderOf(db, options.seed);
  const signature = signatureOf(db, order, options);
  if (getMeta(db, "shards") === signature && existsSync(join(data, "shards")))
    return { ...countsOf(db), changed: false };

  const next = join(data, "shards.next");
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { recursive: true });
  const reader = new PlaceReader(data);
  const terms = db.prepare<[number], { term: string }>("SELECT term FROM query WHERE id = ?");
  const read = db.prepare<[string], SampleRow>(`SELECT ${SAMPLE_COLUMNS} FROM pair WHERE id = ?`);
  const samples = function* (ids: readonly string[]): Generator<{ row: SampleRow; image: Buffer }> {
    for (const id of ids) {
      const row = read.get(id);
      if (!row) throw new Error(`pair ${id} vanished while shards were written`);
      yield { row, image: reader.read(row) };
    }
  };
  const shards: WrittenShard[] = [];
  try {
    for (let first = 0; first < order.length; first += options.shardSize) {
      const ids = order.slice(first, first + options.shardSize);
      shards.push(writeShard(next, shards.length, samples(ids), (query) => terms.get(query)?.term ?? ""));
      progress(first + ids.length);
      // Let signals and the progress line through between two shards.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    reader.close();
  }
  // `sha256sum -c SHA256SUMS` in the folder checks a copy.
  writeFileSync(join(next, "SHA256SUMS"), checksums(shards), { flush: true });
  syncFolder(next);
  db.transaction(() => {
    // Pictures of pairs that left the set go with the old shards.
    db.exec(
      "UPDATE pair SET file = NULL, offset = NULL, shard = NULL, key = NULL WHERE file IS NOT NULL OR offset IS NOT NULL",
    );
    const place = db.prepare(
      "UPDATE pair SET state = 'kept', file = @file, offset = @offset, shard = @shard, key = @key WHERE id = @id",
    );
    for (const { places } of shards) for (const row of places) place.run(row);
    db.exec("DELETE FROM shard");
    const insert = db.prepare("INSERT INTO shard VALUES (@shard, @pairs, @bytes, @sha256)");
    for (const { places, parquet, ...row } of shards) insert.run({ ...row, pairs: places.length });
    setMeta(db, "shards", signature);
    setMeta(db, "swap", "pending");
    refreshQueryCounts(db);
    refreshSearch(db);
  })();
  finishSwap(db, data);
  return { ...countsOf(db), changed: true };
}

/** A shard as it was written. */
export interface WrittenShard {
  shard: string;
  bytes: number;
  sha256: string;
  /** SHA-256 of the metadata file. */
  parquet: string;
  /** Where each pair's picture lies in the data set. */
  places: { id: string; file: string; offset: number; shard: string; key: string }[];
}

/**
 * Writes one shard, NNNNN.tar and NNNNN.parquet, lasting when it returns.
 * @param samples in the order of the shard. @param term a query's text.
 */
export function writeShard(
  folder: string,
  number: number,
  samples: Iterable<{ row: SampleRow; image: Buffer }>,
  term: (query: number) => string,
): WrittenShard {
  const shard = String(number).padStart(5, "0");
  const tar = new TarWriter(join(folder, `${shard}.tar`));
  const metadata: SampleMetadata[] = [];
  const places: WrittenShard["places"] = [];
  for (const { row, image } of samples) {
    const key = shard + String(places.length).padStart(4, "0");
    const sample = metadataOf(row, key, term);
    const offset = tar.add(`${key}.${row.extension}`, image);
    tar.add(`${key}.txt`, Buffer.from(row.caption));
    tar.add(`${key}.json`, Buffer.from(JSON.stringify(sample)));
    metadata.push(sample);
    places.push({ id: row.id, file: `shards/${shard}.tar`, offset, shard, key });
  }
  const written = tar.close();
  return { shard, ...written, parquet: writeMetadata(join(folder, `${shard}.parquet`), metadata), places };
}

/** The file SHA256SUMS of these shards. */
export function checksums(shards: readonly Pick<WrittenShard, "shard" | "sha256" | "parquet">[]): string {
  return shards.map(({ shard, sha256, parquet }) => `${sha256}  ${shard}.tar\n${parquet}  ${shard}.parquet\n`).join("");
}

/** Brings the folders to what the rows say after a kill at any moment of a swap. */
export function finishSwap(db: Database, data: string): void {
  const [current, next, old] = ["shards", "shards.next", "shards.old"].map((name) => join(data, name)) as [
    string,
    string,
    string,
  ];
  if (getMeta(db, "swap") === "pending") {
    if (existsSync(next)) {
      if (existsSync(current)) {
        rmSync(old, { recursive: true, force: true });
        renameSync(current, old);
      }
      renameSync(next, current);
      syncFolder(data);
    }
    setMeta(db, "swap", "done");
  }
  rmSync(old, { recursive: true, force: true });
  // Everything the set needs is in the shards then. Asked anew each time: a run may have been killed just before.
  const spool = join(data, "spool");
  if (existsSync(spool) && !db.prepare("SELECT 1 FROM pair WHERE file LIKE 'spool/%' LIMIT 1").get())
    rmSync(spool, { recursive: true });
}

/** Names outlive a power cut only when their folder was written too; not every system can do that. */
function syncFolder(folder: string): void {
  try {
    const descriptor = openSync(folder, "r");
    fsyncSync(descriptor);
    closeSync(descriptor);
  } catch (error) {
    if (!/^(EISDIR|EPERM|EINVAL|ENOTSUP)$/.test((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** The ids of the set, in the order of the shards. */
export function orderOf(db: Database, seed: number): string[] {
  const ids = db.prepare<[], { id: string }>(`SELECT id FROM pair WHERE ${IN_SET} ORDER BY id`).all();
  const keyed = ids.map(({ id }) => ({ id, place: placeOf(seed, id) }));
  return keyed.sort(byPlace).map(({ id }) => id);
}

/** Where a pair stands in the order of the shards: uniform below 2^53. */
export function placeOf(seed: number, id: string): number {
  return priority(seed, ...idHalves(id), ORDER);
}

/** Compares pairs by their place in the order of the shards. */
export function byPlace(a: { id: string; place: number }, b: { id: string; place: number }): number {
  return a.place - b.place || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** What the shards are made of: another signature, other shards. */
export function signatureOf(db: Database, order: readonly string[], options: ShardOptions): string {
  const hash = createHash("sha256").update(`${options.shardSize} ${options.seed} ${getMeta(db, "queries") ?? ""}`);
  const chosen = db.prepare<[string], (string | null)[]>(
    "SELECT sha256, chosen_for, kind, source, page_url, licence, origin FROM pair WHERE id = ?",
  );
  for (const id of order) hash.update(`${id} ${chosen.raw().get(id)?.join(" ")}\n`);
  return hash.digest("hex");
}

/** A sample's metadata from its row; `term` gives a query's text. */
export function metadataOf(row: SampleRow, key: string, term: (query: number) => string): SampleMetadata {
  return {
    key,
    id: row.id,
    url: row.image_url,
    page: row.page_url,
    caption: row.caption,
    kind: row.kind,
    source: row.source,
    queries: (JSON.parse(row.queries) as number[]).map(term),
    chosen_for: (JSON.parse(row.chosen_for) as number[]).map(term),
    width: row.width,
    height: row.height,
    original_width: row.original_width,
    original_height: row.original_height,
    sha256: row.sha256,
    phash: row.phash,
    licence: row.licence,
    origin: row.origin === null ? null : foundAt(row.origin),
    rights: row.rights === null ? null : JSON.parse(row.rights),
    exif: row.exif === null ? null : JSON.parse(row.exif),
  };
}

/** What others may know of where a pair was found: the path on this machine says nothing to them, and too much of us. */
function foundAt(origin: string): Origin {
  const { picture: _, ...found } = JSON.parse(origin) as Origin;
  return found;
}

/** Whether the shards hold what the rows say now, and not what they said before the last selection. */
export function shardsAreCurrent(db: Database, options: ShardOptions): boolean {
  return getMeta(db, "shards") === signatureOf(db, orderOf(db, options.seed), options);
}

function countsOf(db: Database): Omit<ShardCounts, "changed"> {
  const row = db
    .prepare<[], Omit<ShardCounts, "changed">>(
      "SELECT count(*) AS shards, coalesce(sum(pairs), 0) AS pairs, coalesce(sum(bytes), 0) AS bytes FROM shard",
    )
    .get();
  return row ?? { shards: 0, pairs: 0, bytes: 0 };
}
