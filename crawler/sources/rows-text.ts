import { Readable } from "node:stream";
import { TextDecoder } from "node:util";
import { parse } from "csv-parse";
import { latin1, utf8 } from "./archive/text.ts";
import { decoded, type Input, linesOf, MAX_ROW, named } from "./input.ts";
import { headerless } from "./list-schemas.ts";
import { type ChooseColumns, type Rows, rowsFromFields, rowsFromObjects } from "./rows.ts";

const BATCH = 1_000;
/** A list that is one JSON value without an array of objects in it (SBU) has to be held as a whole. */
const MAX_WHOLE_JSON = 400 * 1024 * 1024;

type Row = Record<string, unknown>;

/** Gathers rows until there are enough for a {@link Rows}. */
class Gatherer {
  /** A header's, or the keys of the first objects together: many writers leave out what has no value. */
  names: readonly string[] = [];
  #keys: Set<string> | undefined = new Set();
  #objects: (Row | undefined)[] = [];
  #places: string[] = [];
  #taken = 0;

  add(place: string, row: Row | undefined): void {
    this.#objects.push(row);
    this.#places.push(place);
    if (row && this.#keys) for (const key of Object.keys(row)) this.#keys.add(key);
  }

  get full(): boolean {
    return this.#objects.length >= BATCH;
  }

  take(): Rows {
    if (this.names.length === 0) this.names = [...(this.#keys ?? [])];
    this.#keys = undefined;
    const places = this.#places;
    const rows = rowsFromObjects(this.#objects, this.names, this.#taken, (i) => places[i] ?? "");
    this.#taken += this.#objects.length;
    this.#objects = [];
    this.#places = [];
    return rows;
  }
}

/** Gathers the lines of a csv or tsv file. */
class Lines {
  names: readonly string[] = [];
  readonly #list: string;
  #rows: (string[] | undefined)[] = [];
  #numbers: number[] = [];
  #taken = 0;

  constructor(list: string) {
    this.#list = list;
  }

  /** A first line that holds an address is no header: the columns are named as in the published list of that shape. */
  takesHeader(fields: readonly string[]): boolean {
    if (this.names.length > 0) return false;
    const names = headerless(fields, this.#list);
    this.names = names ?? fields;
    return !names;
  }

  add(number: number, fields: string[]): void {
    // Too few or too many fields: which one is the caption cannot be known.
    this.#rows.push(fields.length === this.names.length ? fields : undefined);
    this.#numbers.push(number);
  }

  get full(): boolean {
    return this.#rows.length >= BATCH;
  }

  take(): Rows {
    const numbers = this.#numbers;
    const rows = rowsFromFields(this.#rows, this.names, this.#taken, (i) => `${this.#list}:${numbers[i]}`);
    this.#taken += this.#rows.length;
    this.#rows = [];
    this.#numbers = [];
    return rows;
  }
}

/** The rows of a csv file (RFC 4180). */
export async function* commaRows(input: Input): AsyncGenerator<Rows> {
  const parser = parse({
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    info: true,
    skip_empty_lines: true,
    // A quote that is not closed swallows all that follows.
    max_record_size: MAX_ROW,
  });
  const source = Readable.from(decoded(input));
  source.on("error", (error) => parser.destroy(error));
  source.pipe(parser);
  const lines = new Lines(input.name);
  const records: AsyncIterable<{ record: string[]; info: { lines: number } }> = parser;
  for await (const { record, info } of named(input.name, records)) {
    if (lines.takesHeader(record)) continue;
    lines.add(info.lines, record);
    if (lines.full) yield lines.take();
  }
  yield lines.take();
}

const TAB = 9;

/** The rows of a tsv file, in which nothing is quoted: cut as bytes, so that only the columns asked for become text. */
export async function* tabRows(input: Input, choose: ChooseColumns): AsyncGenerator<Rows> {
  const lines = new Lines(input.name);
  let wanted: boolean[] | undefined;
  let number = 0;
  for await (const { bytes, ending } of linePieces(input)) {
    for (let from = 0, to = 0; from < bytes.length; from = to + ending.length) {
      to = bytes.indexOf(ending, from);
      if (to < 0) to = bytes.length;
      number++;
      if (to === from) continue;
      if (!wanted) {
        const isHeader = lines.takesHeader(fieldsOf(bytes, from, to));
        const chosen = choose(lines.names, () => undefined);
        wanted = lines.names.map((name) => chosen.includes(name));
        if (isHeader) continue;
      }
      lines.add(number, fieldsOf(bytes, from, to, wanted));
      if (lines.full) yield lines.take();
    }
  }
  yield lines.take();
}

/** The fields of a line; "" for those that are not wanted. */
function fieldsOf(bytes: Buffer, from: number, to: number, wanted?: readonly boolean[]): string[] {
  const fields: string[] = [];
  let start = from;
  let above = 0;
  for (let at = from; at <= to; at++) {
    const byte = at < to ? (bytes[at] as number) : TAB;
    if (byte !== TAB) {
      above |= byte;
      continue;
    }
    const isWanted = !wanted || wanted[fields.length];
    fields.push(isWanted ? (above < 128 ? latin1 : utf8)(bytes, start, at) : "");
    start = at + 1;
    above = 0;
  }
  return fields;
}

/** The bytes of a text, UTF-8, in pieces that end where lines do; all lines end as the first does. */
async function* linePieces(input: Input): AsyncGenerator<{ bytes: Buffer; ending: string }> {
  let rest = Buffer.alloc(0);
  let ending: string | undefined;
  let start = 0;
  for await (const chunk of named(input.name, utf8Of(decoded(input)))) {
    const bytes = Buffer.concat([rest, chunk]);
    // A return that comes last may be half of an end.
    ending ??= /\r\n|\n|\r(?!$)/.exec(latin1(bytes, 0, bytes.length))?.[0];
    // What was held back has none, or the first half of one.
    const before = Math.max(rest.length - 1, 0);
    const last = ending === undefined ? -1 : bytes.subarray(before).lastIndexOf(ending);
    rest = bytes;
    if (ending !== undefined && last >= 0) {
      const cut = before + last + ending.length;
      yield { bytes: bytes.subarray(0, cut), ending };
      rest = bytes.subarray(cut);
      start += cut;
    }
    if (rest.length > MAX_ROW)
      throw new Error(`${input.name} byte ${start}: a line of more than ${MAX_ROW} bytes, or its end is missing`);
  }
  if (rest.length > 0) yield { bytes: rest, ending: ending ?? "\n" };
}

/** Bytes without a byte order mark; UTF-16, as Excel writes "Unicode text", as UTF-8. */
async function* utf8Of(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let utf16: TextDecoder | undefined;
  let isFirst = true;
  for await (const chunk of chunks) {
    const mark = isFirst ? chunk.subarray(0, 3).toString("hex") : "";
    isFirst = false;
    if (mark.startsWith("fffe")) utf16 = new TextDecoder("utf-16le");
    if (utf16) yield Buffer.from(utf16.decode(chunk, { stream: true }));
    else yield mark === "efbbbf" ? chunk.subarray(3) : chunk;
  }
}

/** The rows of a file with a JSON object a line. */
export async function* jsonLineRows(input: Input): AsyncGenerator<Rows> {
  const gatherer = new Gatherer();
  let line = 0;
  for await (const text of linesOf(input)) {
    line++;
    if (text.trim() === "") continue;
    gatherer.add(`${input.name}:${line}`, parseRow(text));
    if (gatherer.full) yield gatherer.take();
  }
  yield gatherer.take();
}

/**
 * The rows of a JSON file: an array of objects, an object with such an array in it (RedCaps' `annotations`), or an
 * object of columns (SBU). Arrays of objects are read object by object.
 * @throws Error naming the file when it is none of these.
 */
export async function* jsonRows(input: Input): AsyncGenerator<Rows> {
  const gatherer = new Gatherer();
  const decoder = new TextDecoder();
  const splitter = new ObjectSplitter();
  let index = 0;
  let whole = "";
  for await (const chunk of decoded(input)) {
    const text = decoder.decode(chunk, { stream: true });
    if (!splitter.started) whole += text;
    for (const object of splitter.push(text)) {
      gatherer.add(`${input.name} item ${index++}`, parseRow(object));
      if (gatherer.full) yield gatherer.take();
    }
    if (splitter.held > MAX_ROW)
      throw new Error(`${input.name} item ${index}: longer than ${MAX_ROW} characters, or its end is missing`);
    if (whole.length > MAX_WHOLE_JSON)
      throw new Error(`${input.name}: no array of objects in it, and too large to read at once: convert it to .jsonl`);
  }
  if (index === 0 && !splitter.started) {
    for (const [i, row] of columnsToRows(whole, input.name).entries()) {
      gatherer.add(`${input.name} item ${i}`, row);
      if (gatherer.full) yield gatherer.take();
    }
  }
  yield gatherer.take();
}

function parseRow(text: string): Row | undefined {
  try {
    const row: unknown = JSON.parse(text);
    return typeof row === "object" && row !== null && !Array.isArray(row) ? (row as Row) : undefined;
  } catch {
    return undefined;
  }
}

/** Cuts the objects of the first array of objects out of a JSON text that comes in pieces. */
class ObjectSplitter {
  started = false;
  #rest = "";
  #ended = false;

  /** Characters of an object whose end has not come yet. */
  get held(): number {
    return this.started ? this.#rest.length : 0;
  }

  *push(text: string): Generator<string> {
    if (this.#ended) return;
    this.#rest += text;
    if (!this.started) {
      const start = /(?:^\s*|"[^"\\]*"\s*:\s*)\[\s*(?=\{)/.exec(this.#rest);
      if (!start) return;
      this.started = true;
      this.#rest = this.#rest.slice(start.index + start[0].length);
    }
    let at = 0;
    for (;;) {
      while (/[\s,]/.test(this.#rest.charAt(at))) at++;
      if (this.#rest.charAt(at) === "]") {
        this.#ended = true;
        return;
      }
      const end = endOfObject(this.#rest, at);
      if (end === undefined) break;
      yield this.#rest.slice(at, end);
      at = end;
    }
    this.#rest = this.#rest.slice(at);
  }
}

/** The index behind the value that begins at `start`, or undefined when the text ends before. */
function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  const marks = /["{}[\]]/g;
  marks.lastIndex = start;
  for (let mark = marks.exec(text); mark; mark = marks.exec(text)) {
    if (mark[0] === '"') {
      const end = endOfString(text, mark.index + 1);
      if (end === undefined) return undefined;
      marks.lastIndex = end;
    } else if (mark[0] === "{" || mark[0] === "[") {
      depth++;
    } else if (--depth <= 0) {
      return mark.index + 1;
    }
  }
  return undefined;
}

function endOfString(text: string, from: number): number | undefined {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charAt(at - 1 - slashes) === "\\") slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return undefined;
}

function columnsToRows(text: string, name: string): Row[] {
  const wrong = (detail: string) =>
    new Error(`${name}: ${detail}: expected an array of objects, or an object of columns of equal length`);
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (Array.isArray(value) && value.length === 0) return [];
  const columns = Object.entries(value ?? {}).filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]));
  const length = columns[0]?.[1].length ?? 0;
  if (columns.length < 2 || columns.some(([, values]) => values.length !== length)) throw wrong("no rows found in it");
  return Array.from({ length }, (_, i) => Object.fromEntries(columns.map(([key, values]) => [key, values[i]])));
}
