import { decompressPage } from "hyparquet/src/datapage.js";
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js";
import type { ColumnDecoder, PageHeader } from "hyparquet/src/types.js";
import { utf8 } from "./archive/text.ts";

/** The values of a page that are still to be taken, in order. */
export interface Page {
  readonly left: number;
  skip(count: number): void;
  /** How many of the next `count` values together have about so many bytes that are still to be made strings of; at least one. */
  within(bytes: number, count: number): number;
  /** Puts the next `count` values into `values` from index `at` on; returns the bytes that strings were made of. */
  take(values: unknown[], at: number, count: number): number;
}

/** A page whose values were decoded all at once. */
export class DecodedPage implements Page {
  readonly #values: ArrayLike<unknown>;
  #used = 0;

  constructor(values: ArrayLike<unknown>) {
    this.#values = values;
  }

  get left(): number {
    return this.#values.length - this.#used;
  }

  skip(count: number): void {
    this.#used += count;
  }

  within(_: number, count: number): number {
    return count;
  }

  take(values: unknown[], at: number, count: number): number {
    for (let i = 0; i < count; i++) values[at + i] = this.#values[this.#used + i];
    this.#used += count;
    return 0;
  }
}

/**
 * A page of strings in Parquet's plain encoding (a length, the bytes), of which each is made when it is taken. Strings of a
 * whole page live so long that the garbage collector moves them to where it seldom looks, and memory grows to hundreds of
 * megabytes before it does.
 */
export class StringPage implements Page {
  readonly #view: DataView<ArrayBufferLike>;
  readonly #bytes: Uint8Array;
  /** 0 where a value is null; undefined when none is. */
  readonly #levels: number[] | undefined;
  readonly #count: number;
  #used = 0;
  #at = 0;

  /** The page at `packed`, if it is one of these; others are decoded by hyparquet. */
  static of(header: PageHeader, packed: Uint8Array, decoder: ColumnDecoder): StringPage | undefined {
    const { data_page_header: page, uncompressed_page_size: size } = header;
    const { element, type, codec, compressors } = decoder;
    const text = element.converted_type === "UTF8" || element.logical_type?.type === "STRING";
    const optional = element.repetition_type === "OPTIONAL";
    if (page?.encoding !== "PLAIN" || type !== "BYTE_ARRAY" || !text) return undefined;
    if (decoder.schemaPath.length !== 2 || !(optional || element.repetition_type === "REQUIRED")) return undefined;
    return new StringPage(decompressPage(packed, Number(size), codec, compressors), page.num_values, optional);
  }

  private constructor(bytes: Uint8Array, count: number, optional: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#count = count;
    if (!optional) return;
    const reader = { view: this.#view, offset: 0 };
    const levels: number[] = new Array(count);
    readRleBitPackedHybrid(reader, 1, levels);
    this.#at = reader.offset;
    if (levels.includes(0)) this.#levels = levels;
  }

  get left(): number {
    return this.#count - this.#used;
  }

  skip(count: number): void {
    for (const end = this.#used + count; this.#used < end; this.#used++)
      if (this.#levels?.[this.#used] !== 0) this.#at += 4 + this.#lengthAt(this.#at);
  }

  within(bytes: number, count: number): number {
    if (this.#bytes.length - this.#at <= bytes) return count;
    let at = this.#at;
    let fitting = 0;
    while (fitting < count && (fitting === 0 || at - this.#at <= bytes)) {
      if (this.#levels?.[this.#used + fitting] !== 0) at += 4 + this.#lengthAt(at);
      fitting++;
    }
    return fitting;
  }

  take(values: unknown[], at: number, count: number): number {
    const begin = this.#at;
    const levels = this.#levels;
    for (let i = 0; i < count; i++) {
      if (levels && levels[this.#used + i] === 0) {
        values[at + i] = undefined;
        continue;
      }
      const from = this.#at + 4;
      this.#at = from + this.#lengthAt(this.#at);
      values[at + i] = utf8(this.#bytes, from, this.#at);
    }
    this.#used += count;
    return this.#at - begin;
  }

  #lengthAt(at: number): number {
    const left = this.#bytes.length - at - 4;
    const length = left < 0 ? 0 : this.#view.getUint32(at, true);
    if (length > left) throw new Error("a page of strings is cut short");
    return length;
  }
}
