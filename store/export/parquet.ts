import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SchemaElement } from "hyparquet";
import { fileWriter, parquetWriteRows } from "hyparquet-writer";
import { SAMPLE_COLUMNS } from "../parquet.ts";
import { type ExportSource, flatRow, samplesOf } from "./source.ts";

const ROWS_A_GROUP = 10_000;
/** Columns whose JSON is a list of words; any other JSON goes out as text. */
const LISTS = new Set(["queries", "chosen_for"]);

/** A column of an exported table: text, a whole number, or a list of texts. */
export interface ExportColumn {
  name: string;
  kind: "text" | "number" | "texts";
}

/** The columns of a sample's metadata. */
export const METADATA_COLUMNS: ExportColumn[] = Object.entries(SAMPLE_COLUMNS).map(([name, type]) => ({
  name,
  kind: type === "INT32" ? "number" : LISTS.has(name) ? "texts" : "text",
}));

/** The Parquet schema of a column; lists in the three levels that the format's specification asks for. */
export function schemaOf({ name, kind }: ExportColumn): SchemaElement[] {
  if (kind === "number") return [{ name, type: "INT32", repetition_type: "OPTIONAL" }];
  if (kind === "text") return [{ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" }];
  return [
    { name, repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
  ];
}

/** Writes rows as one Parquet file, a group of rows at a time. */
export function writeTable(
  file: string,
  columns: readonly ExportColumn[],
  rows: Iterable<Record<string, unknown>>,
): void {
  parquetWriteRows({
    writer: fileWriter(file),
    rows,
    columns: columns.map(({ name }) => ({ name })),
    schema: [{ name: "root", num_children: columns.length }, ...columns.flatMap(schemaOf)],
    rowGroupSize: ROWS_A_GROUP,
    createdBy: "webimagetext",
  });
}

/** All metadata in one table without pictures. */
export function writeParquet(source: ExportSource): number {
  return writePairs(source, METADATA_COLUMNS);
}

/** A list of addresses and captions, with the checksums that tell whether a host still sends the same bytes. */
export function writeUrlList(source: ExportSource): number {
  writeFileSync(join(source.folder, "README.md"), URL_LIST_README);
  return writePairs(source, [
    ...["url", "caption", "sha256", "id", "page", "licence"].map((name) => ({ name, kind: "text" as const })),
    { name: "original_width", kind: "number" },
    { name: "original_height", kind: "number" },
  ]);
}

/** Writes these columns of all pairs, and returns how many there are. */
function writePairs(source: ExportSource, columns: readonly ExportColumn[]): number {
  let pairs = 0;
  function* rows() {
    for (const { metadata } of samplesOf(source)) {
      pairs++;
      yield flatRow(metadata);
    }
  }
  writeTable(join(source.folder, "pairs.parquet"), columns, rows());
  return pairs;
}

const URL_LIST_README = `# Addresses and captions

\`pairs.parquet\` lists the pairs of the data set without their pictures: \`url\`, \`caption\`, \`sha256\` of the bytes as they
were sent, \`id\`, \`page\`, \`licence\`, \`original_width\`, \`original_height\`.

Fetch them with img2dataset, taking only what is still the same:

    img2dataset --url_list pairs.parquet --input_format parquet --url_col url --caption_col caption \\
      --save_additional_columns '["id","licence"]' --compute_hash sha256 --verify_hash '["sha256","sha256"]' \\
      --output_format webdataset --output_folder pictures

or with webimagetext itself, which asks robots.txt and honours opt-outs:

    npm run crawl -- --data again --urls pairs.parquet --user-agent 'NAME (CONTACT)'

Hosts may have removed pictures or opted out since: that is their right.
`;
