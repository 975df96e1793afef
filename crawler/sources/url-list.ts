import { cleanCaption } from "../../filters/caption/clean.ts";
import type { Database } from "../../store/database.ts";
import { normaliseUrl } from "../../store/pair-id.ts";
import type { Candidate, Origin } from "../../store/types.ts";
import type { HttpClient } from "../http.ts";
import { noteSize, tellIfChanged } from "./changed.ts";
import { anotherFile, type Input, inputOf, pathOf } from "./input.ts";
import { type ListSchema, schemaOf } from "./list-schemas.ts";
import { positionOf } from "./position.ts";
import type { ChooseColumns, Rows, TypeOf } from "./rows.ts";
import { parquetRows } from "./rows-parquet.ts";
import { commaRows, jsonLineRows, jsonRows, tabRows } from "./rows-text.ts";
import type { Batch, EarlyDrop } from "./source.ts";
import { TRAIL, Trail } from "./trail.ts";

/** Which columns of a list hold what; without, those of the published lists and the usual names are looked for. */
export interface UrlListOptions {
  file: string;
  urlColumn?: string | undefined;
  captionColumn?: string | undefined;
  /** Columns kept in the samples' json. */
  saveColumns?: readonly string[] | undefined;
}

const BATCH = 1_000;
const KINDS =
  /\.(csv|tsv|txt|jsonl|ndjson|json|parquet)(?:\.(?:gz|zst|bz2))?$|(?:^|\/)(yfcc100m_dataset(?:-\d+)?)(?:\.bz2)?$/;

/**
 * The pairs of a list of addresses and captions: .csv, .tsv, .json, .jsonl (plain, .gz, .zst, .bz2) or .parquet, on this
 * machine, a web server or S3. A run that was killed goes on behind the last row it took.
 * @throws Error naming the file, and the columns it has, when it cannot be read or has no such column.
 */
export async function* readUrlList(
  db: Database,
  http: HttpClient,
  options: UrlListOptions,
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  const position = positionOf(db, options.file);
  if (position.done) return tellIfChanged(db, options.file);
  let schema: ListSchema | undefined;
  const choose = (names: readonly string[], typeOf: TypeOf = () => undefined): ListSchema => {
    schema ??= checkedSchema(names, typeOf, options);
    return schema;
  };
  const columns: ChooseColumns = (...all) => columnsOf(choose(...all), options);
  const trail = new Trail();
  const start = position.at - TRAIL;
  let taken = position.at;
  let isChecked = taken === 0;
  for await (const rows of rowsOf(inputOf(options.file, http), Math.max(start, 0), columns)) {
    const end = rows.first + rows.count;
    if (!isChecked && rows.count > 0 && end > start) {
      follow(trail, rows, Math.max(start, rows.first), Math.min(taken, end), choose(rows.names));
      isChecked = end >= taken;
      if (isChecked && position.differs(trail.mark))
        throw anotherFile(
          options.file,
          `the addresses and captions before row ${taken}, where it was left, are not those that were read`,
        );
    }
    for (let from = Math.max(taken, rows.first); from < end; from = taken) {
      taken = Math.min(from + BATCH, end);
      const list = choose(rows.names);
      const batch = batchOf(rows, from - rows.first, taken - rows.first, list, options);
      follow(trail, rows, Math.max(from, taken - TRAIL), taken, list);
      const [at, { mark }] = [taken, trail];
      yield { ...batch, done: () => position.save(at, false, mark) };
      if (stop.aborted) return;
    }
  }
  if (!isChecked) throw anotherFile(options.file, `it ends before row ${taken}, where it was left`);
  const done = () => {
    position.save(taken, true);
    noteSize(db, options.file);
  };
  yield { candidates: [], drops: [], done };
}

/** Takes rows `from` to before `to` of the list into its trail, as far as they are looked at. */
function follow(trail: Trail, rows: Rows, from: number, to: number, schema: ListSchema): void {
  const columns = [schema.url, ...schema.captions.map(({ column }) => column)].map((name) => rows.column(name));
  for (let i = from - rows.first; i < to - rows.first; i++)
    trail.push(columns.map((values) => (typeof values[i] === "string" ? values[i] : "")).join("\t"));
}

function checkedSchema(names: readonly string[], typeOf: TypeOf, options: UrlListOptions): ListSchema {
  for (const name of options.saveColumns ?? []) {
    if (!names.includes(name))
      throw new Error(`${options.file}: no column ${name} (--save-cols); it has ${names.join(", ")}`);
  }
  const schema = schemaOf(names, options, options.file);
  for (const [option, column] of [
    ["--url-col", schema.url],
    ...schema.captions.map(({ column }) => ["--caption-col", column] as const),
  ] as const) {
    const type = typeOf(column);
    if (type !== undefined)
      throw new Error(`${options.file}: column ${column} holds ${type}, no text: name another with ${option}`);
  }
  return schema;
}

/** All columns that are looked at. */
function columnsOf(schema: ListSchema, options: UrlListOptions): string[] {
  const { url, captions, page, licence, author, language, date, sha256, md5, isPicture } = schema;
  const columns = [url, ...captions.map(({ column }) => column), page, licence, author, language, date, sha256, md5];
  columns.push(isPicture?.column, ...(options.saveColumns ?? []));
  return [...new Set(columns.filter((name) => name !== undefined))];
}

/** The rows of a list in its own order, from about row `from` on. */
function rowsOf(input: Input, from: number, choose: ChooseColumns): AsyncIterable<Rows> {
  const [, kind, yfcc] = KINDS.exec(pathOf(input.name)) ?? [];
  if (kind === "csv") return commaRows(input);
  if (kind === "tsv" || kind === "txt" || yfcc) return tabRows(input, choose);
  if (kind === "jsonl" || kind === "ndjson") return jsonLineRows(input);
  if (kind === "json") return jsonRows(input);
  if (kind === "parquet") return parquetRows(input, from, choose);
  throw new Error(
    `--urls ${input.name}: expected a name ending in .csv, .tsv, .json, .jsonl or .parquet (the text forms also with .gz, .zst or .bz2)`,
  );
}

function batchOf(rows: Rows, from: number, to: number, schema: ListSchema, options: UrlListOptions) {
  const candidates: Candidate[] = [];
  const drops: EarlyDrop[] = [];
  const drop = (reason: EarlyDrop["reason"], i: number) =>
    void drops.push({ reason, pairs: 1, example: rows.place(i) });
  const urls = rows.column(schema.url);
  const captions = schema.captions.map(({ column, kind }) => ({ kind, texts: rows.column(column) }));
  const markers = schema.isPicture && rows.column(schema.isPicture.column);
  const details = detailsOf(rows, schema, options);
  for (let i = from; i < to; i++) {
    if (rows.bad(i)) {
      drop("bad_row", i);
      continue;
    }
    if (markers && String(markers[i]) !== schema.isPicture?.value) {
      drop("not_picture", i);
      continue;
    }
    const url = urls[i];
    const imageUrl = typeof url === "string" ? normaliseUrl(url) : undefined;
    if (!imageUrl) {
      drop("bad_url", i);
      continue;
    }
    const texts = new Set<string>();
    for (const { kind, texts: column } of captions) {
      const raw = column[i];
      if (typeof raw !== "string") continue;
      const caption = cleanCaption(schema.decode ? schema.decode(raw) : raw);
      if (caption === "" || texts.has(caption)) continue;
      texts.add(caption);
      candidates.push({ imageUrl, caption, kind, source: "url-list", ...details(i) });
    }
    if (texts.size === 0) drop("no_text", i);
  }
  return { candidates, drops };
}

type Details = Pick<Candidate, "origin" | "pageUrl" | "licence" | "checksum">;

/** What else a row says: page, licence, checksum, and for the sample's json where it stood. */
function detailsOf(rows: Rows, schema: ListSchema, options: UrlListOptions): (i: number) => Details {
  const column = (name: string | undefined) => (name === undefined ? undefined : rows.column(name));
  const text = (values: ArrayLike<unknown> | undefined, i: number) => {
    const value = values?.[i];
    return value === undefined || value === null || value === "" || value === "?" ? undefined : String(value);
  };
  const [page, licence, author] = [column(schema.page), column(schema.licence), column(schema.author)];
  const [language, date] = [column(schema.language), column(schema.date)];
  const [sha256, md5] = [column(schema.sha256), column(schema.md5)];
  const saved = (options.saveColumns ?? []).map((name) => ({ name, values: rows.column(name) }));
  return (i) => {
    const origin: Origin = { file: options.file, row: rows.first + i };
    const details: Details = { origin };
    const pageText = text(page, i);
    // RedCaps' permalinks are paths on reddit.com.
    const pageUrl =
      pageText && normaliseUrl(pageText, pageText.startsWith("/r/") ? "https://www.reddit.com" : undefined);
    if (pageUrl) details.pageUrl = pageUrl;
    const licenceText = text(licence, i);
    if (licenceText) details.licence = licenceText;
    const sum = text(sha256, i)?.toLowerCase();
    const oldSum = text(md5, i)?.toLowerCase();
    if (sum && /^[\da-f]{64}$/.test(sum)) details.checksum = `sha256:${sum}`;
    else if (oldSum && /^[\da-f]{32}$/.test(oldSum)) details.checksum = `md5:${oldSum}`;
    const [by, tongue, when] = [text(author, i), text(language, i), text(date, i)];
    if (by) origin.author = by;
    if (tongue) origin.language = tongue;
    if (when) origin.date = when;
    if (saved.length > 0)
      origin.columns = Object.fromEntries(saved.map(({ name, values }) => [name, plain(values[i])]));
    return details;
  };
}

/** A value as JSON has it: Parquet's 64-bit integers are BigInts. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null && !(value instanceof Date))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value ?? null;
}
