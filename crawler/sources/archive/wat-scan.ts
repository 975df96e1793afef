import { headerOptOut, metaOptOut } from "../../opt-out.ts";
import { Cursor, markOf } from "./cursor.ts";
import { latin1, utf8 } from "./text.ts";

/** An image as Common Crawl's WAT has it: values as the page had them, undecoded addresses. */
export interface WatImage {
  url: string;
  alt: string | undefined;
  title: string | undefined;
}

/** What a WAT record says about a page. */
export interface WatPage {
  /** Head.Base, as the page had it. */
  base: string | undefined;
  images: WatImage[];
  licence: string | undefined;
  /** From the header Content-Language or its meta element. */
  language: string | undefined;
  optOut: string[];
}

/** Found several times faster than all of `{"path":"IMG@/src"`, whose first byte is everywhere in JSON. */
const IMAGE = markOf("MG@/src");
const BEFORE_IMAGE = '{"path":"I';
const HEADERS = markOf('Headers":{');
const METAS = markOf('Metas":[');
const BASE = markOf('Base":"');
/** As all widespread templates have it; a long mark is found quickly. */
const LICENCE = markOf('"rel":"license');
const OBJECT = Buffer.from('{"path":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Reads the records of a piece in order. */
export class WatScanner {
  readonly #bytes: Buffer;
  readonly #agent: string;
  readonly #images: Cursor;
  readonly #licences: Cursor;
  readonly #headers: Cursor;
  readonly #metas: Cursor;
  readonly #bases: Cursor;
  /** Where the string or object ends that was read last. */
  #end = 0;

  /** @param agent the name by which headers and meta elements may address us. */
  constructor(bytes: Buffer, agent: string) {
    this.#bytes = bytes;
    this.#agent = agent;
    this.#images = new Cursor(bytes, IMAGE);
    this.#licences = new Cursor(bytes, LICENCE);
    this.#headers = new Cursor(bytes, HEADERS);
    this.#metas = new Cursor(bytes, METAS);
    this.#bases = new Cursor(bytes, BASE);
  }

  /**
   * The images of the record whose JSON is `bytes[from, to)`; records are asked for in order. Only the objects of images,
   * the headers and the meta elements are looked at, unless the record is of the few that need more.
   * @returns undefined for a record without images.
   * @throws SyntaxError when its JSON is damaged where it is looked at.
   */
  page(from: number, to: number): WatPage | undefined {
    const first = this.#images.next(from);
    if (first >= to) return undefined;
    const bytes = this.#bytes;
    const headers = this.#headersFrom(from, to);
    const metas = headers && this.#metasFrom(from, to);
    const licence = metas && this.#licenceFrom(from, to);
    const base = this.#bases.next(from);
    const images = licence && this.#scanImages(first, to);
    if (!headers || !metas || !licence || !images) return parseWhole(bytes.subarray(from, to), this.#agent);
    return {
      base: base < to && bytes[base - 1] === QUOTE ? this.#string(base + BASE.mark.length - 1, to) : undefined,
      images,
      licence: licence.url,
      language: (headers.language ?? metas.language)?.split(",")[0]?.trim(),
      optOut: [],
    };
  }

  /** What the response's headers say; undefined when that has to be read as a whole. */
  #headersFrom(from: number, to: number): { language: string | undefined } | undefined {
    const bytes = this.#bytes;
    let at = this.#headers.next(from) + HEADERS.mark.length;
    let language: string | undefined;
    if (at >= to) return { language };
    for (; bytes[at] !== CLOSE; at = bytes[this.#end] === COMMA ? this.#end + 1 : this.#end) {
      const keyEnd = bytes[at] === QUOTE ? endOfString(bytes, at + 1, to) : -1;
      if (keyEnd < 0 || bytes[keyEnd + 1] !== COLON || bytes[keyEnd + 2] !== QUOTE) return undefined;
      const length = keyEnd - at - 1;
      const name = length >= 12 && length <= 16 ? latin1(bytes, at + 1, keyEnd).toLowerCase() : "";
      if (RESERVING.has(name)) return undefined;
      const end = endOfString(bytes, keyEnd + 3, to);
      if (end < 0) return undefined;
      if (name === "content-language") language = this.#string(keyEnd + 2, to);
      this.#end = end + 1;
    }
    return { language };
  }

  /** The same of the meta elements. */
  #metasFrom(from: number, to: number): { language: string | undefined } | undefined {
    const bytes = this.#bytes;
    let at = this.#metas.next(from) + METAS.mark.length;
    let language: string | undefined;
    if (at >= to) return { language };
    for (; bytes[at] === OPEN; at = bytes[this.#end] === COMMA ? this.#end + 1 : this.#end) {
      const meta: WatMeta = { name: -1, equivalent: -1, content: -1 };
      if (!this.#meta(at, to, meta)) return undefined;
      const end = this.#end;
      if (meta.name >= 0 && this.#mayReserve(meta, to)) return undefined;
      if (meta.equivalent >= 0 && language === undefined && meta.content >= 0) {
        const name = this.#string(meta.equivalent, to);
        if (/^content-language$/i.test(name ?? "")) language = this.#string(meta.content, to);
      }
      this.#end = end;
    }
    return bytes[at] === 0x5d ? { language } : undefined;
  }

  /** Where the values of a meta element that may matter begin; false when it holds anything but strings. */
  #meta(from: number, to: number, meta: WatMeta): boolean {
    const bytes = this.#bytes;
    let at = from + 1;
    while (bytes[at] === QUOTE) {
      const keyEnd = endOfString(bytes, at + 1, to);
      if (keyEnd < 0 || bytes[keyEnd + 1] !== COLON || bytes[keyEnd + 2] !== QUOTE) return false;
      const length = keyEnd - at - 1;
      const first = bytes[at + 1];
      if (length === 4 && first === 0x6e) meta.name = keyEnd + 2;
      else if (length === 7 && first === 0x63) meta.content = keyEnd + 2;
      else if (length === 10 && first === 0x68) meta.equivalent = keyEnd + 2;
      const end = endOfString(bytes, keyEnd + 3, to);
      if (end < 0) return false;
      at = bytes[end + 1] === COMMA ? end + 2 : end + 1;
    }
    this.#end = at + 1;
    return bytes[at] === CLOSE;
  }

  /** Whether a meta element is one that may reserve the page's pictures. */
  #mayReserve({ name, content }: WatMeta, to: number): boolean {
    const first = (this.#bytes[name + 1] as number) | 0x20;
    // Most are others: no string is made of their names.
    if (first > 0x20 && first !== 0x72 && first !== 0x74 && first !== (this.#agent.charCodeAt(0) | 0x20)) return false;
    const key = this.#string(name, to)?.trim().toLowerCase();
    if (key !== "robots" && key !== "tdm-reservation" && key !== this.#agent.toLowerCase()) return false;
    return content >= 0 && /noai|noimageai|1/i.test(this.#string(content, to) ?? "");
  }

  /** The address of the first link up to `to` whose rel says license; undefined when it cannot be told without parsing. */
  #licenceFrom(from: number, to: number): { url: string | undefined } | undefined {
    const bytes = this.#bytes;
    for (let at = this.#licences.next(from); at < to; at = this.#licences.next(at + 1)) {
      const start = bytes.lastIndexOf(OBJECT, at);
      const link: WatLink = {};
      const path = start < from ? -1 : endOfString(bytes, start + OBJECT.length, to);
      if (path < 0 || !this.#fields(path + 1, to, link) || this.#end < at) return undefined;
      if (link.url !== undefined && isLicence(link)) return { url: link.url };
    }
    return { url: undefined };
  }

  /** The image objects up to `to`; undefined when they do not look as they always do. */
  #scanImages(first: number, to: number): WatImage[] | undefined {
    const bytes = this.#bytes;
    const images: WatImage[] = [];
    for (let at = first; at < to; at = this.#images.next(this.#end)) {
      const closing = at + IMAGE.mark.length;
      if (bytes[closing] !== QUOTE || latin1(bytes, at - BEFORE_IMAGE.length, at) !== BEFORE_IMAGE) return undefined;
      const link: WatLink = {};
      if (!this.#fields(closing + 1, to, link)) return undefined;
      images.push({ url: link.url ?? "", alt: link.alt, title: link.title });
    }
    return images;
  }

  /** Reads the rest of an object of strings, `,"key":"value"...}`, into `link`; false when it holds anything else. */
  #fields(from: number, to: number, link: WatLink): boolean {
    const bytes = this.#bytes;
    let at = from;
    while (at < to) {
      const byte = bytes[at];
      if (byte === CLOSE) {
        this.#end = at + 1;
        return true;
      }
      if (byte !== COMMA || bytes[at + 1] !== QUOTE) return false;
      const key = at + 2;
      let keyEnd = key;
      while (keyEnd < to && bytes[keyEnd] !== QUOTE) keyEnd++;
      at = keyEnd + 2;
      if (bytes[keyEnd + 1] !== COLON || bytes[at] !== QUOTE) return false;
      const name = fieldAt(bytes, key, keyEnd);
      if (name !== undefined) {
        const value = this.#string(at, to);
        if (value === undefined) return false;
        if (name === "url") link.url = value;
        else if (name === "alt") link.alt = value;
        else if (name === "title") link.title = value;
        else link.rel = value;
        at = this.#end;
      } else {
        const end = endOfString(bytes, at + 1, to);
        if (end < 0) return false;
        at = end + 1;
      }
    }
    return false;
  }

  /** The JSON string that begins at the quote `at`; undefined when it does not end. */
  #string(at: number, to: number): string | undefined {
    const bytes = this.#bytes;
    let above = 0;
    let end = at + 1;
    for (; end < to; end++) {
      const byte = bytes[end] as number;
      if (byte === QUOTE) {
        this.#end = end + 1;
        return above < 128 ? latin1(bytes, at + 1, end) : utf8(bytes, at + 1, end);
      }
      if (byte === BACKSLASH) break;
      above |= byte;
    }
    const last = endOfString(bytes, end, to);
    if (last < 0) return undefined;
    this.#end = last + 1;
    return JSON.parse(utf8(bytes, at, last + 1));
  }
}

/** Where the values of a meta element begin, at their quotes; -1 for those it does not have. */
interface WatMeta {
  name: number;
  equivalent: number;
  content: number;
}

/** Headers that may keep pictures from training: see headerOptOut. */
const RESERVING: ReadonlySet<string> = new Set(["x-robots-tag", "tdm-reservation", "content-usage", "content-signal"]);

/** The fields of an image or a link that are read, by length and first letter. */
function fieldAt(bytes: Uint8Array, from: number, to: number): "url" | "alt" | "rel" | "title" | undefined {
  const [length, first] = [to - from, bytes[from]];
  if (length === 3) {
    const rest = ((bytes[from + 1] as number) << 8) | (bytes[from + 2] as number);
    if (first === 0x75 && rest === 0x726c) return "url";
    if (first === 0x61 && rest === 0x6c74) return "alt";
    if (first === 0x72 && rest === 0x656c) return "rel";
  }
  return length === 5 && first === 0x74 && latin1(bytes, from, to) === "title" ? "title" : undefined;
}

/** The closing quote of a string whose inside holds `from`. */
function endOfString(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

const isLicence = ({ rel = "" }: WatLink) => /^license(?:\s|$)/.test(rel);

interface WatLink {
  path?: string;
  url?: string;
  alt?: string;
  title?: string;
  rel?: string;
}

/** The same from the whole record. */
export function parseWhole(record: Buffer, agent: string): WatPage | undefined {
  const root = JSON.parse(record.toString("utf8"));
  const response = root?.Envelope?.["Payload-Metadata"]?.["HTTP-Response-Metadata"];
  const html = response?.["HTML-Metadata"];
  if (!html) return undefined;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.Headers ?? {})) headers[name.toLowerCase()] = String(value);
  const metas: { name?: string; content?: string; "http-equiv"?: string }[] = html.Head?.Metas ?? [];
  const links: WatLink[] = html.Links ?? [];
  const licence = [...(html.Head?.Link ?? []), ...links].find((link: WatLink) => link.url && isLicence(link));
  const language =
    headers["content-language"] ?? metas.find((meta) => /^content-language$/i.test(meta["http-equiv"] ?? ""))?.content;
  return {
    base: html.Head?.Base,
    images: links
      .filter(({ path, url }) => path === "IMG@/src" && typeof url === "string")
      .map(({ url = "", alt, title }) => ({ url, alt, title })),
    licence: licence?.url,
    language: language?.split(",")[0]?.trim(),
    optOut: [
      ...headerOptOut(headers, agent),
      ...metaOptOut(
        metas.map(({ name = "", content = "" }) => ({ name, content })),
        agent,
      ),
    ],
  };
}
