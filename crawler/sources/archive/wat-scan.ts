import { headerOptOut, metaOptOut } from "../../opt-out.ts";
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
const IMAGE = Buffer.from("MG@/src");
const BEFORE_IMAGE = '{"path":"I';
const LINKS = Buffer.from('Links":[');
const HEAD = Buffer.from('Head":{');
const BASE = Buffer.from('Base":"');
/** What a page that says something about language or training has somewhere; for the latter it is parsed as a whole. */
const RARE = /noai|noimageai|tdm-reservation|content-language/i;
const RESERVED = /noai|noimageai|tdm-reservation/i;
const LANGUAGE = /"content-language":"([^"\\]*)"|"http-equiv":"content-language","content":"([^"\\]*)"/i;
/** As all widespread templates have it; a long mark is found quickly. */
const LICENCE = Buffer.from('"rel":"license');
const OBJECT = Buffer.from('{"path":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where images are in a piece, found once for all of its records. */
export class WatScanner {
  readonly #bytes: Buffer;
  #image: number;
  #licence: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#image = bytes.indexOf(IMAGE);
    this.#licence = bytes.indexOf(LICENCE);
  }

  /**
   * The images of the record whose JSON is `bytes[from, to)`; records are asked for in order. Only the objects of images
   * are parsed, unless the record is of the few that need more.
   * @returns undefined for a record without images.
   * @throws SyntaxError when its JSON is damaged where it is looked at.
   */
  page(from: number, to: number, agent: string): WatPage | undefined {
    const bytes = this.#bytes;
    if (this.#image >= 0 && this.#image < from) this.#image = bytes.indexOf(IMAGE, from);
    if (this.#image < 0 || this.#image >= to) return undefined;
    const record = bytes.subarray(from, to);
    if (this.#licence >= 0 && this.#licence < from) this.#licence = bytes.indexOf(LICENCE, from);
    const licence = this.#licenceBefore(to);

    const links = record.indexOf(LINKS);
    const head = record.subarray(0, Math.max(links, 0));
    const headLast = links < 0 || head.indexOf(HEAD) < 0;
    const text = latin1(head, 0, head.length);
    const rare = RARE.test(text);
    if (headLast || licence === null || (rare && RESERVED.test(text))) return parseWhole(record, agent);
    const images = this.#scanImages(to);
    if (!images) return parseWhole(record, agent);
    const language = rare ? firstLanguage(LANGUAGE.exec(text)) : undefined;
    return { base: baseOf(head), images, licence, language, optOut: [] };
  }

  /** The address of the first link up to `to` whose rel says license; null when it cannot be told without parsing. */
  #licenceBefore(to: number): string | undefined | null {
    const bytes = this.#bytes;
    for (; this.#licence >= 0 && this.#licence < to; this.#licence = bytes.indexOf(LICENCE, this.#licence + 1)) {
      const start = bytes.lastIndexOf(OBJECT, this.#licence);
      const link: WatLink = {};
      const end =
        start < 0 ? undefined : readFields(bytes, endOfString(bytes, start + OBJECT.length, to) + 1, to, link);
      if (end === undefined || end < this.#licence) return null;
      if (link.url !== undefined && isLicence(link)) return link.url;
    }
    return undefined;
  }

  /** The image objects up to `to`; undefined when they do not look as they always do. */
  #scanImages(to: number): WatImage[] | undefined {
    const bytes = this.#bytes;
    const images: WatImage[] = [];
    while (this.#image >= 0 && this.#image < to) {
      const closing = this.#image + IMAGE.length;
      if (bytes[closing] !== QUOTE || latin1(bytes, this.#image - BEFORE_IMAGE.length, this.#image) !== BEFORE_IMAGE)
        return undefined;
      const link: WatLink = {};
      const end = readFields(bytes, closing + 1, to, link);
      if (end === undefined) return undefined;
      images.push({ url: link.url ?? "", alt: link.alt, title: link.title });
      this.#image = bytes.indexOf(IMAGE, end);
    }
    return images;
  }
}

function firstLanguage(found: RegExpExecArray | null): string | undefined {
  return (found?.[1] ?? found?.[2])?.split(",")[0]?.trim();
}

function baseOf(head: Buffer): string | undefined {
  const at = head.indexOf(BASE);
  return at < 1 || head[at - 1] !== QUOTE ? undefined : stringAt(head, at + BASE.length - 1)?.value;
}

/**
 * Reads the rest of an object of strings, `,"key":"value"...}`, into `link`. Returns where the object ends, undefined when it holds anything else.
 */
function readFields(bytes: Buffer, from: number, to: number, link: WatLink): number | undefined {
  let at = from;
  while (at < to) {
    const byte = bytes[at];
    if (byte === 0x7d) return at + 1;
    if (byte !== 0x2c || bytes[at + 1] !== QUOTE) return undefined;
    const key = at + 2;
    let keyEnd = key;
    while (keyEnd < to && bytes[keyEnd] !== QUOTE) keyEnd++;
    if (bytes[keyEnd + 1] !== 0x3a) return undefined;
    at = keyEnd + 2;
    if (bytes[at] !== QUOTE) return undefined;
    const length = keyEnd - key;
    const name = length === 3 || length === 5 ? latin1(bytes, key, keyEnd) : "";
    if (name === "url" || name === "alt" || name === "title" || name === "rel") {
      const found = stringAt(bytes, at, to);
      if (!found) return undefined;
      link[name] = found.value;
      at = found.end;
    } else {
      const end = endOfString(bytes, at + 1, to);
      if (end < 0) return undefined;
      at = end + 1;
    }
  }
  return undefined;
}

/** The JSON string that begins at the quote `at`, and the index behind it. */
function stringAt(bytes: Buffer, at: number, to = bytes.length): { value: string; end: number } | undefined {
  let ascii = true;
  let end = at + 1;
  for (; end < to; end++) {
    const byte = bytes[end] as number;
    if (byte === QUOTE) {
      const value = ascii ? latin1(bytes, at + 1, end) : utf8(bytes, at + 1, end);
      return { value, end: end + 1 };
    }
    if (byte === BACKSLASH) break;
    if (byte >= 128) ascii = false;
  }
  const last = endOfString(bytes, end, to);
  if (last < 0) return undefined;
  return { value: JSON.parse(utf8(bytes, at, last + 1)), end: last + 1 };
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
