import { open } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { Sample } from "./samples.ts";

/** A small picture inside the page. */
export interface Thumbnail {
  /** WebP in base64. */
  base64: string;
  width: number;
  height: number;
}

/** How thumbnails are made: at most so large, so good, so many bytes together. */
export interface ThumbnailOptions {
  side: number;
  quality: number;
  budget: number;
}

const AT_ONCE = 8;

/** Reads bytes of a file of the data set, whose name is relative to it. */
export type ReadRange = (file: string, offset: number, bytes: number) => Promise<Buffer>;

/** Thumbnails of the samples by pair id; pictures that cannot be read any more are left out. */
export async function makeThumbnails(
  read: ReadRange,
  samples: readonly Sample[],
  options: ThumbnailOptions,
): Promise<Map<string, Thumbnail>> {
  const thumbnails = new Map<string, Thumbnail>();
  const waiting = [...new Map(samples.map((sample) => [sample.id, sample])).values()];
  let spent = 0;
  const work = async (): Promise<void> => {
    for (let sample = waiting.shift(); sample; sample = waiting.shift()) {
      const thumbnail = await makeThumbnail(read, sample, options);
      if (!thumbnail || spent + thumbnail.base64.length > options.budget) continue;
      spent += thumbnail.base64.length;
      thumbnails.set(sample.id, thumbnail);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return thumbnails;
}

async function makeThumbnail(
  read: ReadRange,
  sample: Sample,
  { side, quality }: ThumbnailOptions,
): Promise<Thumbnail | undefined> {
  const { file, offset, bytes } = sample;
  if (file === null || offset === null || bytes === null) return undefined;
  try {
    const picture = await read(file, offset, bytes);
    const { data: small, info } = await sharp(picture)
      .resize(side, side, { fit: "inside", withoutEnlargement: true })
      .flatten({ background: "white" })
      .webp({ quality })
      .toBuffer({ resolveWithObject: true });
    return { base64: small.toString("base64"), width: info.width, height: info.height };
  } catch {
    // A report of a half-moved or damaged data set is still a report; the page shows an empty frame.
    return undefined;
  }
}

/** Reads the files of a data set in a folder. */
export function readerOf(data: string): ReadRange {
  return async (file, offset, bytes) => {
    const handle = await open(join(data, file));
    try {
      const buffer = Buffer.alloc(bytes);
      const { bytesRead } = await handle.read(buffer, 0, bytes, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  };
}
