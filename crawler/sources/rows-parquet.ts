import zlib from "node:zlib";
import { type FileMetaData, parquetMetadata, parquetSchema } from "hyparquet";
import { assembleNested } from "hyparquet/src/assemble.js";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { convert, DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getMaxRepetitionLevel, getTreePath } from "hyparquet/src/schema.js";
import type { ColumnDecoder, DecodedArray, PageHeader, RowGroup, SchemaTree } from "hyparquet/src/types.js";
import { utf8 } from "./archive/text.ts";
import type { Input } from "./input.ts";
import { DecodedPage, type Page, StringPage } from "./parquet-page.ts";
import type { ChooseColumns, Rows } from "./rows.ts";

/** Bytes of a column that are read at once: enough for a hundred pages, small beside the memory. */
const READ_AHEAD = 4 * 1024 * 1024;
/** Rows that are given out at once, and the bytes of strings with which they end sooner. */
const BATCH = 2_000;
const BATCH_BYTES = 16 * 1024 * 1024;
/** Writers end a page at 1 MiB, or behind the value or the thousand values that go beyond. */
const MAX_PAGE = 64 * 1024 * 1024;
const MAX_PAGE_VALUES = 16 * 1024 * 1024;
/** The description of ten thousand row groups takes some ten megabytes. */
const MAX_FOOTER = 128 * 1024 * 1024;
/** Bytes of the marks at both ends, and of the length of what is between. */
const SMALLEST = 12;

const bytesOf = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
/** No more comes out than the page's header says: hyparquet compares the two. */
const most = (bytes: number) => ({ maxOutputLength: Math.max(bytes, 1) });
const COMPRESSORS = {
  GZIP: (input: Uint8Array, bytes: number) => bytesOf(zlib.gunzipSync(input, most(bytes))),
  ZSTD: (input: Uint8Array, bytes: number) => bytesOf(zlib.zstdDecompressSync(input, most(bytes))),
  BROTLI: (input: Uint8Array, bytes: number) => bytesOf(zlib.brotliDecompressSync(input, most(bytes))),
};
/** Several times faster on short strings than the TextDecoder that hyparquet uses. */
const PARSERS = {
  ...DEFAULT_PARSERS,
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && utf8(bytes, 0, bytes.length),
};

/**
 * The rows of a Parquet file, page by page: memory is a few pages of the chosen columns, however large the file's row
 * groups are.
 * @param from rows to pass over; whole row groups and pages of them are not read.
 * @throws Error naming the file when it is no Parquet, or packed in a way that cannot be read.
 */
export async function* parquetRows(input: Input, from: number, choose: ChooseColumns): AsyncGenerator<Rows> {
  try {
    const metadata = await footerOf(input);
    const tree = parquetSchema(metadata);
    const names = tree.children.map((child) => child.element.name);
    const wanted = choose(names, (name) => typeOf(getTreePath(tree, [name]).at(-1)));
    let first = 0;
    for (const group of metadata.row_groups) {
      const count = Number(group.num_rows);
      if (first + count > from) {
        const skip = Math.max(from - first, 0);
        for await (const columns of groupColumns({ tree, input }, group, first, skip, wanted)) {
          yield {
            names,
            first: columns.first,
            count: columns.count,
            column: (name) => columns.values.get(name) ?? [],
            place: (i) => `${input.name} row ${columns.first + i}`,
            bad: () => false,
          };
        }
      }
      first += count;
    }
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith(input.name) ? error : new Error(`${input.name}: ${message}`);
  }
}

/** What the end of the file says about the rest of it. */
async function footerOf(input: Input): Promise<FileMetaData> {
  const size = await input.size();
  if (size < SMALLEST) throw new Error(`no Parquet file: it has ${size} bytes`);
  const end = await input.read(size - 8, size);
  const mark = end.toString("latin1", 4);
  if (mark === "PARE") throw new Error("its footer is encrypted: decrypt the file first");
  if (mark !== "PAR1") throw new Error("no Parquet file, or cut short: it does not end in PAR1");
  const length = end.readUInt32LE(0);
  if (length > Math.min(size - SMALLEST, MAX_FOOTER)) throw new Error(`its footer is damaged: it has ${length} bytes`);
  const footer = await input.read(size - 8 - length, size);
  try {
    return parquetMetadata(bytesOf(footer));
  } catch (error) {
    throw new Error(`its footer is damaged: ${(error as Error).message}`);
  }
}

/** The type of a column, in words, when it does not hold text. */
function typeOf(column: SchemaTree | undefined): string | undefined {
  if (!column) return undefined;
  const { type, converted_type: converted, logical_type: logical, repetition_type: repetition } = column.element;
  if (column.children.length > 0 || repetition === "REPEATED") return converted ?? "records";
  if (type !== "BYTE_ARRAY") return logical?.type ?? converted ?? type ?? "nothing";
  return converted === "DECIMAL" ? converted : undefined;
}

interface Open {
  tree: SchemaTree;
  input: Input;
}

interface Columns {
  first: number;
  count: number;
  values: Map<string, ArrayLike<unknown>>;
}

async function* groupColumns(
  open: Open,
  group: RowGroup,
  groupFirst: number,
  skip: number,
  wanted: readonly string[],
): AsyncGenerator<Columns> {
  const count = Number(group.num_rows);
  const columns = wanted.map((name) => getTreePath(open.tree, [name]).at(-1) ?? open.tree);
  const readers = columns.flatMap(leavesOf).map((path) => new ColumnReader(open, group, path));
  for (const reader of readers) await reader.skip(skip);
  for (let at = skip; at < count; ) {
    const most = Math.min(BATCH, count - at);
    const leaves = readers.map((): unknown[] => new Array(most));
    let [have, bytes] = [0, 0];
    while (have < most && bytes < BATCH_BYTES) {
      let some = most - have;
      for (const reader of readers) some = await reader.within(BATCH_BYTES, some);
      for (const [i, reader] of readers.entries()) bytes += reader.take(leaves[i] ?? [], have, some);
      have += some;
    }
    const values = new Map<string, DecodedArray>();
    for (const [i, reader] of readers.entries()) values.set(reader.name, (leaves[i] ?? []).slice(0, have));
    for (const column of columns) if (column.children.length > 0) assembleNested(values, column, PARSERS);
    yield { first: groupFirst + at, count: have, values };
    at += have;
  }
}

/** The columns of values that a column, maybe of lists or records, consists of. */
function leavesOf({ path, children }: SchemaTree): string[][] {
  return children.length === 0 ? [path] : children.flatMap(leavesOf);
}

/** The values of one column of a row group, in order; of one inside lists, those of each row together. */
class ColumnReader {
  readonly name: string;
  readonly #input: Input;
  readonly #decoder: ColumnDecoder;
  readonly #rows: number;
  readonly #repeated: boolean;
  /** Bytes of the chunk not read yet. */
  #at: number;
  readonly #end: number;
  #held: Buffer = Buffer.alloc(0);
  #heldAt = 0;
  #dictionary: DecodedArray | undefined;
  #page: Page = new DecodedPage([]);
  /** The last row of a page of lists: the next page may go on with it. */
  #unfinished: unknown[] = [];

  constructor({ tree, input }: Open, group: RowGroup, path: readonly string[]) {
    this.name = path.join(".");
    this.#input = input;
    this.#rows = Number(group.num_rows);
    if (group.columns.some((column) => !column.meta_data || column.crypto_metadata))
      throw new Error("it has encrypted columns: decrypt the file first");
    const meta = group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join(".") === this.name)?.meta_data;
    if (!meta) throw new Error(`column ${this.name} has no data`);
    const schemaPath = getTreePath(tree, meta.path_in_schema);
    const element = schemaPath.at(-1)?.element;
    if (!element) throw new Error(`column ${this.name} is not in the schema`);
    this.#repeated = getMaxRepetitionLevel(schemaPath) > 0;
    this.#decoder = {
      ...meta,
      pathInSchema: meta.path_in_schema,
      element,
      schemaPath,
      compressors: COMPRESSORS,
      parsers: PARSERS,
    };
    const { dictionary_page_offset: dictionary, data_page_offset: data } = meta;
    this.#at = Number(dictionary && dictionary < data ? dictionary : data);
    this.#end = this.#at + Number(meta.total_compressed_size);
  }

  /** Passes over rows: pages that hold none of the others are not even decompressed. */
  async skip(count: number): Promise<void> {
    let left = count;
    while (left > 0) {
      if (this.#page.left === 0) left -= await this.#nextPage(left);
      const some = Math.min(left, this.#page.left);
      this.#page.skip(some);
      left -= some;
    }
  }

  /** How many of the next `count` rows can be taken at once: those of one page that have about so many bytes. */
  async within(bytes: number, count: number): Promise<number> {
    if (this.#page.left === 0) await this.#nextPage(0);
    return this.#page.within(bytes, Math.min(count, this.#page.left));
  }

  /** As {@link Page.take}, no more than {@link within} said. */
  take(values: unknown[], at: number, count: number): number {
    return this.#page.take(values, at, count);
  }

  /** Decodes the next page with values; one of at most `skip` values is passed over instead. Returns how many were. */
  async #nextPage(skip: number): Promise<number> {
    for (;;) {
      if (this.#at >= this.#end && this.#unfinished.length > 0) {
        this.#page = new DecodedPage(this.#unfinished);
        this.#unfinished = [];
        return 0;
      }
      const { header, headerBytes } = await this.#header();
      const size = Number(header.compressed_page_size);
      const values = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_rows ?? 0;
      if (values > 0 && values <= skip && !this.#repeated) {
        this.#at += headerBytes + size;
        return values;
      }
      this.#check(header);
      const reader = await this.#reader(headerBytes + size);
      if (reader.view.byteLength < headerBytes + size) throw new Error(`column ${this.name} is cut short`);
      this.#at += headerBytes + size;
      const packed = new Uint8Array(reader.view.buffer, reader.view.byteOffset + headerBytes, size);
      const strings = StringPage.of(header, packed, this.#decoder);
      if (strings) {
        this.#page = strings;
        return 0;
      }
      reader.offset = headerBytes;
      const begun = this.#repeated ? this.#unfinished : undefined;
      const { data } = readPage(reader, header, this.#decoder, this.#dictionary, begun, 0);
      if (header.type === "DICTIONARY_PAGE") {
        this.#dictionary = data && convert(data, this.#decoder);
        continue;
      }
      // An empty page, as pyarrow writes at the end of a dictionary, does not go on with the list.
      if (begun && data !== begun) continue;
      if (begun) this.#unfinished = begun.splice(-1);
      if (data && data.length > 0) {
        this.#page = new DecodedPage(data);
        return 0;
      }
    }
  }

  /** The next page's header: some dozen bytes, more with statistics of long values; it is read again when it was cut. */
  async #header(): Promise<{ header: PageHeader; headerBytes: number }> {
    for (const bytes of [1_024, 1_048_576]) {
      const reader = await this.#reader(bytes);
      try {
        return { header: parquetHeader(reader), headerBytes: reader.offset };
      } catch {}
    }
    throw new Error(`column ${this.name} is damaged: no page at byte ${this.#at}`);
  }

  /** @throws Error when a page would take too much memory. */
  #check(header: PageHeader): void {
    const sizes = [header.compressed_page_size, header.uncompressed_page_size].map(Number);
    const values = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0;
    const place = `column ${this.name}: the page at byte ${this.#at}`;
    if (sizes.some((size) => !(size >= 0)) || !(values >= 0) || (!this.#repeated && values > this.#rows))
      throw new Error(`${place} is damaged`);
    if (Math.max(...sizes) > MAX_PAGE || values > MAX_PAGE_VALUES)
      throw new Error(
        `${place} has ${values} values of ${Math.max(...sizes)} bytes, more than is held at once: write the file again with smaller pages, or without this column`,
      );
  }

  /** A reader at the next unread byte, of at least `bytes` unless the column ends before. */
  async #reader(bytes: number): Promise<{ view: DataView<ArrayBuffer>; offset: number }> {
    const need = Math.min(bytes, this.#end - this.#at);
    if (need <= 0) throw new Error(`column ${this.name} is cut short`);
    const offset = this.#at - this.#heldAt;
    if (offset < 0 || offset + need > this.#held.length) {
      this.#held = await this.#input.read(this.#at, Math.min(this.#at + Math.max(need, READ_AHEAD), this.#end));
      this.#heldAt = this.#at;
    }
    const start = this.#held.byteOffset + this.#at - this.#heldAt;
    const view = new DataView(
      this.#held.buffer as ArrayBuffer,
      start,
      this.#held.byteOffset + this.#held.length - start,
    );
    return { view, offset: 0 };
  }
}
