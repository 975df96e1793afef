import type { Database } from "../database.ts";
import type { SampleMetadata } from "../parquet.ts";
import { metadataOf, type SampleRow } from "../shards.ts";
import { PlaceReader } from "../spool.ts";

/** A kept pair on its way out. */
export interface ExportedSample {
  shard: string;
  metadata: SampleMetadata;
  /** Name of the stored picture: KEY.jpg, .webp or .png. */
  file: string;
  /** ISO 8601: when the picture was fetched. */
  retrieved: string | null;
  picture: () => Buffer;
}

/** What an export is made from. */
export interface ExportSource {
  db: Database;
  data: string;
  /** Where to write; empty. */
  folder: string;
  progress: (samples: number) => void;
}

type Row = SampleRow & { shard: string; key: string; retrieved: string | null };

/** The kept pairs, in the order of the shards; of one shard only when named. */
export function* samplesOf({ db, data, progress }: ExportSource, shard?: string): Generator<ExportedSample> {
  const term = db.prepare<[number], string>("SELECT term FROM query WHERE id = ?").pluck();
  const where = shard === undefined ? "" : "AND shard = @shard";
  const rows = db.prepare<[{ shard: string | undefined }], Row>(
    `SELECT * FROM pair WHERE state = 'kept' AND shard IS NOT NULL ${where} ORDER BY shard, key`,
  );
  const reader = new PlaceReader(data);
  try {
    let samples = 0;
    for (const row of rows.iterate({ shard })) {
      const metadata = metadataOf(row, row.key, (query) => term.get(query) ?? "");
      const file = `${row.key}.${row.extension}`;
      yield { shard: row.shard, metadata, file, retrieved: row.retrieved, picture: () => reader.read(row) };
      progress(++samples);
    }
  } finally {
    reader.close();
  }
}

/** The metadata as a row of a table: what is an object there is JSON here, lists of words stay lists. */
export function flatRow(metadata: SampleMetadata): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [
      name,
      typeof value === "object" && value !== null && !Array.isArray(value) ? JSON.stringify(value) : value,
    ]),
  );
}
