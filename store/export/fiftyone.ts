import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { extname, join } from "node:path";
import { getMeta } from "../database.ts";
import { pictureWriter } from "./pictures.ts";
import { type ExportSource, samplesOf } from "./source.ts";

/** By the extension of a stored picture. */
export const MIME_TYPES: Record<string, string> = { ".jpg": "image/jpeg", ".webp": "image/webp", ".png": "image/png" };

/**
 * A folder that FiftyOne opens as its `LegacyFiftyOneDataset`, the one of its own forms that plain JSON can be written
 * in: `metadata.json`, `samples.json`, `data/`. Queries are labels, so that its app filters by them.
 */
export function writeFiftyone(source: ExportSource): number {
  const { db, folder } = source;
  const info = {
    made_by: `webimagetext ${getMeta(db, "version") ?? ""}`,
    cap: getMeta(db, "cap"),
    seed: getMeta(db, "seed"),
  };
  writeFileSync(join(folder, "metadata.json"), JSON.stringify({ name: "webimagetext", media_type: "image", info }));
  const writePicture = pictureWriter(join(folder, "data"));
  const descriptor = openSync(join(folder, "samples.json"), "w");
  let samples = 0;
  try {
    writeSync(descriptor, '{"samples": [');
    for (const sample of samplesOf(source)) {
      const { metadata, retrieved } = sample;
      const { key, id, queries, chosen_for, width, height, ...rest } = metadata;
      const bytes = sample.picture().length;
      const entry = {
        filepath: `data/${writePicture(sample)}`,
        tags: metadata.licence === null ? [] : [metadata.licence],
        metadata: {
          _cls: "ImageMetadata",
          size_bytes: bytes,
          mime_type: MIME_TYPES[extname(sample.file)],
          width,
          height,
          num_channels: 3,
        },
        pair_id: id,
        key,
        retrieved,
        ...rest,
        queries: labels(queries),
        chosen_for: labels(chosen_for),
      };
      writeSync(descriptor, `${samples++ === 0 ? "\n" : ",\n"}${JSON.stringify(entry)}`);
    }
    writeSync(descriptor, "\n]}\n");
  } finally {
    closeSync(descriptor);
  }
  writeFileSync(join(folder, "open.py"), OPEN);
  return samples;
}

function labels(terms: readonly string[]) {
  return { _cls: "Classifications", classifications: terms.map((label) => ({ _cls: "Classification", label })) };
}

const OPEN = `"""Opens this folder in FiftyOne: pip install fiftyone; python open.py"""
import os

import fiftyone as fo

here = os.path.dirname(os.path.abspath(__file__))
dataset = fo.Dataset.from_dir(dataset_dir=here, dataset_type=fo.types.LegacyFiftyOneDataset)
fo.launch_app(dataset).wait()
`;
