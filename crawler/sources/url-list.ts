import { parse } from "csv-parse";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { cleanCaption } from "../../filters/caption/clean.ts";
import type { Database } from "../../store/database.ts";
import { openFile, readLines } from "../../store/lines.ts";
import { normaliseUrl } from "../../store/pair-id.ts";
import type { Candidate } from "../../store/types.ts";
import type { Batch, EarlyDrop } from "./source.ts";

/** Which columns of a list hold what; without, the usual names are looked for. */
export interface UrlListOptions {
  file: string;
  urlColumn?: string | undefined;
  captionColumn?: string | undefined;
}

const BATCH = 1_000;
/** Column names of the published sets, first match wins, whatever their case. */
const URL_NAMES = ["url", "image_url", "imageurl", "img_url", "link"];
const CAPTION_NAMES = ["caption", "text", "alt", "alt_text", "description", "title"];

type Row = Record<string, unknown>;

/** A row and where it stood; `row` is missing when it could not be read. */
interface NumberedRow {
  place: string;
  row?: Row;
}

/**
 * The pairs of a list of addresses and captions: .csv, .tsv, .jsonl (plain, .gz, .zst) or .parquet. A run that was
 * killed goes on behind the last row it took.
 * @throws Error naming the file, and the columns it has, when it cannot be read or has no such column.
 */
export async function* readUrlList(db: Database, options: UrlListOptions, stop: AbortSignal): AsyncGenerator<Batch> {
  const position = db
    .prepare<[string], { rows: number; done: number }>("SELECT rows, done FROM list_position WHERE file = ?")
    .get(options.file);
  if (position?.done) return;
  const save = db.prepare(
    "INSERT INTO list_position VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET rows = excluded.rows, done = excluded.done",
  );
  let columns: { url: string; caption: string } | undefined;
  let taken = 0;
  let candidates: Candidate[] = [];
  let drops: EarlyDrop[] = [];
  const flush = (finished: boolean): Batch => {
    const rows = taken;
    const batch = { candidates, drops, done: () => void save.run(options.file, rows, finished ? 1 : 0) };
    candidates = [];
    drops = [];
    return batch;
  };
  for await (const { place, row } of rowsOf(options.file)) {
    if (++taken <= (position?.rows ?? 0)) continue;
    if (!row) {
      drops.push({ reason: "bad_row", pairs: 1, example: place });
    } else {
      columns ??= findColumns(row, options);
      const { url, caption } = columns;
      const imageUrl = normaliseUrl(String(row[url] ?? ""));
      const text = cleanCaption(String(row[caption] ?? ""));
      if (!imageUrl) drops.push({ reason: "bad_url", pairs: 1, example: place });
      else if (text === "") drops.push({ reason: "no_text", pairs: 1, example: place });
      else candidates.push({ imageUrl, caption: text, kind: "list", source: "url-list" });
    }
    if (taken % BATCH === 0) yield flush(false);
    if (stop.aborted) return;
  }
  yield flush(true);
}

function findColumns(row: Row, options: UrlListOptions): { url: string; caption: string } {
  const names = Object.keys(row);
  const find = (asked: string | undefined, usual: string[], option: string): string => {
    const wanted = asked === undefined ? usual : [asked];
    for (const name of wanted) {
      const found =
        names.find((column) => column === name) ?? names.find((column) => column.toLowerCase() === name.toLowerCase());
      if (found !== undefined) return found;
    }
    throw new Error(
      `${options.file}: no column ${wanted.join(" or ")}; it has ${names.join(", ")}: name one with ${option}`,
    );
  };
  return {
    url: find(options.urlColumn, URL_NAMES, "--url-col"),
    caption: find(options.captionColumn, CAPTION_NAMES, "--caption-col"),
  };
}

/** The rows of a list in its own order. */
function rowsOf(file: string): AsyncIterable<NumberedRow> {
  const kind = /\.(csv|tsv|jsonl|ndjson|parquet)(?:\.(?:gz|zst))?$/i.exec(file)?.[1]?.toLowerCase();
  if (kind === "csv" || kind === "tsv") return delimitedRows(file, kind === "csv" ? "," : "\t");
  if (kind === "jsonl" || kind === "ndjson") return jsonRows(file);
  if (kind === "parquet") return parquetRows(file);
  throw new Error(
    `--urls ${file}: expected a name ending in .csv, .tsv, .jsonl or .parquet (the text forms also with .gz or .zst)`,
  );
}

async function* delimitedRows(file: string, delimiter: string): AsyncGenerator<NumberedRow> {
  const parser = parse({
    columns: true,
    bom: true,
    delimiter,
    relax_column_count: true,
    relax_quotes: true,
    info: true,
    skip_empty_lines: true,
    ...(delimiter === "\t" ? { quote: null } : {}),
  });
  const input = openFile(file);
  input.on("error", (error) => parser.destroy(new Error(`${file}: ${error.message}`)));
  input.pipe(parser);
  let width = 0;
  for await (const { record, info } of parser as AsyncIterable<{
    record: Row;
    info: { lines: number; columns: unknown[] | boolean };
  }>) {
    if (width === 0 && Array.isArray(info.columns)) width = info.columns.length;
    // Too few or too many fields: which one is the caption cannot be known.
    const good = Object.keys(record).length === width;
    yield good ? { place: `${file}:${info.lines}`, row: record } : { place: `${file}:${info.lines}` };
  }
}

async function* jsonRows(file: string): AsyncGenerator<NumberedRow> {
  let line = 0;
  for await (const text of readLines(file)) {
    line++;
    if (text.trim() === "") continue;
    const place = `${file}:${line}`;
    try {
      const row: unknown = JSON.parse(text);
      yield typeof row === "object" && row !== null ? { place, row: row as Row } : { place };
    } catch {
      yield { place };
    }
  }
}

async function* parquetRows(file: string): AsyncGenerator<NumberedRow> {
  let buffer: Awaited<ReturnType<typeof asyncBufferFromFile>>;
  let metadata: Awaited<ReturnType<typeof parquetMetadataAsync>>;
  try {
    buffer = await asyncBufferFromFile(file);
    metadata = await parquetMetadataAsync(buffer);
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({ file: buffer, metadata, rowStart, rowEnd });
    for (const [index, row] of rows.entries()) yield { place: `${file} row ${rowStart + index}`, row };
    rowStart = rowEnd;
  }
}
