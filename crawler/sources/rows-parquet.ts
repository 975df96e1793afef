import zlib from "node:zlib";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { convert, DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { getTreePath, isFlatColumn } from "hyparquet/src/schema.js";
import type { ColumnDecoder, DecodedArray, RowGroup, SchemaTree } from "hyparquet/src/types.js";
import { utf8 } from "./archive/text.ts";
import type { Input } from "./input.ts";
import { DecodedPage, type Page, StringPage } from "./parquet-page.ts";
import type { ChooseColumns, Rows } from "./rows.ts";

/** Bytes of a column that are read at once: enough for a hundred pages, small beside the memory. */
const READ_AHEAD = 4 * 1024 * 1024;
const BATCH = 2_048;
/** Bytes of the marks at both ends, and of the length of what is between. */
const SMALLEST = 12;

const bytesOf = (buffer: Buffer): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
const COMPRESSORS = {
  GZIP: (input: Uint8Array) => bytesOf(zlib.gunzipSync(input)),
  ZSTD: (input: Uint8Array) => bytesOf(zlib.zstdDecompressSync(input)),
  BROTLI: (input: Uint8Array) => bytesOf(zlib.brotliDecompressSync(input)),
};
/** Several times faster on short strings than the TextDecoder that hyparquet uses. */
const PARSERS = {
  ...DEFAULT_PARSERS,
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && utf8(bytes, 0, bytes.length),
};

/**
 * The rows of a Parquet file, page by page: memory is a few pages of the chosen columns, however large the file's row
 * groups are. Nested columns are the exception, whose row group is read as a whole.
 * @param from rows to pass over; whole row groups and pages of them are not read.
 * @throws Error naming the file when it is no Parquet, or packed in a way that cannot be read.
 */
export async function* parquetRows(input: Input, from: number, choose: ChooseColumns): AsyncGenerator<Rows> {
  try {
    const file: AsyncBuffer = {
      byteLength: await input.size(),
      slice: async (start, end) => {
        const { buffer, byteOffset, byteLength } = await input.read(start, end ?? file.byteLength);
        return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      },
    };
    if (file.byteLength < SMALLEST) throw new Error(`no Parquet file: it has ${file.byteLength} bytes`);
    const metadata = await parquetMetadataAsync(file);
    const tree = parquetSchema(metadata);
    const names = tree.children.map((child) => child.element.name);
    const wanted = choose(names);
    let first = 0;
    for (const group of metadata.row_groups) {
      const count = Number(group.num_rows);
      if (first + count > from) {
        const skip = Math.max(from - first, 0);
        for await (const columns of groupColumns({ file, metadata, tree, input }, group, first, skip, wanted)) {
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

interface Open {
  file: AsyncBuffer;
  metadata: FileMetaData;
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
  const flat = wanted.filter((name) => isFlatColumn(getTreePath(open.tree, [name])) && leafOf(open.tree, name));
  const nested = wanted.filter((name) => !flat.includes(name));
  const whole: Record<string, unknown>[] =
    nested.length === 0
      ? []
      : await parquetReadObjects({
          file: open.file,
          metadata: open.metadata,
          columns: nested,
          rowStart: groupFirst,
          rowEnd: groupFirst + count,
          compressors: COMPRESSORS,
        });
  const readers = flat.map((name) => new ColumnReader(open, group, name));
  for (const reader of readers) await reader.skip(skip);
  for (let at = skip; at < count; at += BATCH) {
    const length = Math.min(BATCH, count - at);
    const values = new Map<string, ArrayLike<unknown>>();
    for (const reader of readers) values.set(reader.name, await reader.take(length));
    for (const name of nested)
      values.set(
        name,
        whole.slice(at, at + length).map((row) => row[name]),
      );
    yield { first: groupFirst + at, count: length, values };
  }
}

function leafOf(tree: SchemaTree, name: string): boolean {
  return tree.children.find((child) => child.element.name === name)?.children.length === 0;
}

/** The values of one flat column of a row group, in order. */
class ColumnReader {
  readonly name: string;
  readonly #input: Input;
  readonly #decoder: ColumnDecoder;
  /** Bytes of the chunk not read yet. */
  #at: number;
  readonly #end: number;
  #held: Buffer = Buffer.alloc(0);
  #heldAt = 0;
  #dictionary: DecodedArray | undefined;
  #page: Page = new DecodedPage([]);

  constructor({ tree, input }: Open, group: RowGroup, name: string) {
    this.name = name;
    this.#input = input;
    const meta = group.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === name)?.meta_data;
    if (!meta) throw new Error(`column ${name} has no data`);
    const schemaPath = getTreePath(tree, meta.path_in_schema);
    const element = schemaPath.at(-1)?.element;
    if (!element) throw new Error(`column ${name} is not in the schema`);
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

  async take(count: number): Promise<ArrayLike<unknown>> {
    const values: unknown[] = new Array(count);
    for (let have = 0; have < count; ) {
      if (this.#page.left === 0) await this.#nextPage(0);
      const some = Math.min(count - have, this.#page.left);
      this.#page.take(values, have, some);
      have += some;
    }
    return values;
  }

  /** Decodes the next page with values; one of at most `skip` values is passed over instead. Returns how many were. */
  async #nextPage(skip: number): Promise<number> {
    for (;;) {
      // A header is some dozen bytes, more with statistics of long values; it is read again when it was cut.
      let reader = await this.#reader(1_024);
      let header: ReturnType<typeof parquetHeader>;
      try {
        header = parquetHeader(reader);
      } catch {
        reader = await this.#reader(1_048_576);
        header = parquetHeader(reader);
      }
      const headerBytes = reader.offset;
      const size = Number(header.compressed_page_size);
      const values = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_rows ?? 0;
      if (values > 0 && values <= skip) {
        this.#at += headerBytes + size;
        return values;
      }
      reader = await this.#reader(headerBytes + size);
      if (reader.view.byteLength < headerBytes + size) throw new Error(`column ${this.name} is cut short`);
      this.#at += headerBytes + size;
      const packed = new Uint8Array(reader.view.buffer, reader.view.byteOffset + headerBytes, size);
      const strings = StringPage.of(header, packed, this.#decoder);
      if (strings) {
        this.#page = strings;
        return 0;
      }
      reader.offset = headerBytes;
      const { data } = readPage(reader, header, this.#decoder, this.#dictionary, undefined, 0);
      if (header.type === "DICTIONARY_PAGE") {
        this.#dictionary = data && convert(data, this.#decoder);
      } else if (data && data.length > 0) {
        this.#page = new DecodedPage(data);
        return 0;
      }
    }
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
