import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SchemaElement } from "hyparquet";
import { fileWriter, parquetWriteRows } from "hyparquet-writer";
import { collectStats } from "../stats.ts";
import { dataCard } from "./card.ts";
import { METADATA_COLUMNS, schemaOf } from "./parquet.ts";
import { type ExportSource, flatRow, samplesOf } from "./source.ts";

/** Small groups, so that a viewer shows the first pictures without reading hundreds of megabytes. */
const ROWS_A_GROUP = 100;

const IMAGE: SchemaElement[] = [
  { name: "image", repetition_type: "OPTIONAL", num_children: 2 },
  { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
  { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
];

const text = { dtype: "string", _type: "Value" };
const FEATURES = {
  image: { _type: "Image" },
  ...Object.fromEntries(
    METADATA_COLUMNS.map(({ name, kind }) => [
      name,
      kind === "texts" ? { feature: text, _type: "Sequence" } : kind === "number" ? { ...text, dtype: "int32" } : text,
    ]),
  ),
};

/**
 * A Hugging Face data set folder: Parquet with the pictures inside, a file a shard, whose metadata tells `datasets` the
 * types of the columns, and the data card as README.md.
 */
export function writeHuggingFace(source: ExportSource): number {
  const { db, folder } = source;
  mkdirSync(join(folder, "data"));
  const shards = db
    .prepare<[], string>("SELECT DISTINCT shard FROM pair WHERE state = 'kept' AND shard IS NOT NULL ORDER BY shard")
    .pluck()
    .all();
  let samples = 0;
  const width = Math.max(5, String(shards.length).length);
  for (const [i, shard] of shards.entries()) {
    const place = (number: number) => String(number).padStart(width, "0");
    const counting = { ...source, progress: () => source.progress(++samples) };
    function* rows() {
      for (const { metadata, file, picture } of samplesOf(counting, shard))
        yield { image: { bytes: picture(), path: file }, ...flatRow(metadata) };
    }
    parquetWriteRows({
      writer: fileWriter(join(folder, "data", `train-${place(i)}-of-${place(shards.length)}.parquet`)),
      rows: rows(),
      columns: [{ name: "image" }, ...METADATA_COLUMNS.map(({ name }) => ({ name }))],
      schema: [
        { name: "root", num_children: METADATA_COLUMNS.length + 1 },
        ...IMAGE,
        ...METADATA_COLUMNS.flatMap(schemaOf),
      ],
      // Statistics of pictures help nobody, and JPEG does not get smaller.
      statistics: false,
      rowGroupSize: ROWS_A_GROUP,
      kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features: FEATURES } }) }],
      createdBy: "webimagetext",
    });
  }
  writeFileSync(join(folder, "README.md"), dataCard(collectStats(db, { top: 25 }), samples));
  return samples;
}
