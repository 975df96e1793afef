import { Readable } from "node:stream";
import { parse } from "csv-parse";
import { decoded, type Input, linesOf, MAX_ROW, named } from "./input.ts";
import { headerless } from "./list-schemas.ts";
import { type Rows, rowsFromObjects } from "./rows.ts";

const BATCH = 1_000;
/** A list that is one JSON value without an array of objects in it (SBU) has to be held as a whole. */
const MAX_WHOLE_JSON = 400 * 1024 * 1024;

type Row = Record<string, unknown>;

/** Gathers rows until there are enough for a {@link Rows}. */
class Gatherer {
  names: readonly string[] = [];
  #objects: (Row | undefined)[] = [];
  #places: string[] = [];
  #taken = 0;

  add(place: string, row: Row | undefined): void {
    this.#objects.push(row);
    this.#places.push(place);
    if (this.names.length === 0 && row) this.names = Object.keys(row);
  }

  get full(): boolean {
    return this.#objects.length >= BATCH;
  }

  take(): Rows {
    const places = this.#places;
    const rows = rowsFromObjects(this.#objects, this.names, this.#taken, (i) => places[i] ?? "");
    this.#taken += this.#objects.length;
    this.#objects = [];
    this.#places = [];
    return rows;
  }
}

/**
 * The rows of a csv or tsv file (RFC 4180; tsv without quotes). A first line that holds an address is no header: the
 * columns are named as in the published list of that shape.
 */
export async function* delimitedRows(input: Input, delimiter: "," | "\t"): AsyncGenerator<Rows> {
  const parser = parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    relax_quotes: true,
    info: true,
    skip_empty_lines: true,
    // A quote that is not closed swallows all that follows.
    max_record_size: MAX_ROW,
    ...(delimiter === "\t" ? { quote: null } : {}),
  });
  const source = Readable.from(decoded(input));
  source.on("error", (error) => parser.destroy(error));
  source.pipe(parser);
  const gatherer = new Gatherer();
  const records: AsyncIterable<{ record: string[]; info: { lines: number } }> = parser;
  for await (const { record, info } of named(input.name, records)) {
    const place = `${input.name}:${info.lines}`;
    if (gatherer.names.length === 0) {
      const names = headerless(record, input.name);
      gatherer.names = names ?? record;
      if (!names) continue;
    }
    // Too few or too many fields: which one is the caption cannot be known.
    const { names } = gatherer;
    const good = record.length === names.length;
    gatherer.add(place, good ? Object.fromEntries(names.map((name, i) => [name, record[i]])) : undefined);
    if (gatherer.full) yield gatherer.take();
  }
  yield gatherer.take();
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
