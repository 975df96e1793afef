import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { Origin } from "./types.ts";

/** A sample's metadata: the json beside its picture in the tar, and its row in the Parquet file of the shard. */
export interface SampleMetadata {
  key: string;
  id: string;
  url: string;
  page: string | null;
  caption: string;
  kind: string;
  source: string;
  /** Terms of all queries the caption contains. */
  queries: string[];
  /** Of these, the ones on whose account the pair is in the set. */
  chosen_for: string[];
  width: number;
  height: number;
  original_width: number;
  original_height: number;
  /** Of the bytes the host sent, not of the stored picture. */
  sha256: string;
  /** Perceptual hash of the stored picture, 16 hexadecimal digits. */
  phash: string | null;
  /** As the page or list states it, else as the picture's own metadata does. */
  licence: string | null;
  /** Where the source found it, see {@link Origin}. */
  origin: Origin | null;
  /** Copyright, creator, licence ... as the picture's XMP, IPTC or EXIF states them. */
  rights: Record<string, string> | null;
  /** What is kept of the picture's EXIF: description, artist, copyright, date, comment. */
  exif: Record<string, string> | null;
}

/** Columns of the Parquet files, with their types. */
export const SAMPLE_COLUMNS: Record<keyof SampleMetadata, "STRING" | "INT32" | "JSON"> = {
  key: "STRING",
  id: "STRING",
  url: "STRING",
  page: "STRING",
  caption: "STRING",
  kind: "STRING",
  source: "STRING",
  queries: "JSON",
  chosen_for: "JSON",
  width: "INT32",
  height: "INT32",
  original_width: "INT32",
  original_height: "INT32",
  sha256: "STRING",
  phash: "STRING",
  licence: "STRING",
  origin: "JSON",
  rights: "JSON",
  exif: "JSON",
};

/** Writes the metadata of one shard as Parquet (Snappy), lasting when it returns; returns the file's SHA-256. */
export function writeMetadata(file: string, samples: readonly SampleMetadata[]): string {
  const buffer = parquetWriteBuffer({
    columnData: Object.entries(SAMPLE_COLUMNS).map(([name, type]) => ({
      name,
      type,
      data: samples.map((sample) => sample[name as keyof SampleMetadata]),
    })),
    createdBy: "webimagetext",
  });
  const descriptor = openSync(file, "w");
  const bytes = new Uint8Array(buffer);
  for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
  fsyncSync(descriptor);
  closeSync(descriptor);
  return createHash("sha256").update(bytes).digest("hex");
}
