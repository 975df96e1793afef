import { decodeHTML, decodeHTMLAttribute } from "entities";
import { LAZY_ADDRESSES, LAZY_SRCSETS } from "../../extract.ts";
import { TAG_RULES, tagId } from "./html-tags.ts";
import { latin1, utf8 } from "./text.ts";

/** Attributes of an element by name, the first of each name, as far as the scanner was asked for them. */
export type Attributes = Map<string, string>;

/** A picture element's sources, and a figure's first caption. */
export interface Picture {
  sources: Attributes[];
}
export interface Figure {
  caption: string[] | undefined;
}

/** An img element with what surrounds it. */
export interface Image {
  attributes: Attributes;
  figure: Figure | undefined;
  picture: Picture | undefined;
}

/** A noscript element, the img right before it, and those in it. */
export interface Noscript {
  before: Image | undefined;
  images: Image[];
}

/** What the scanner finds on a page, in the page's order. */
export interface Scanned {
  images: Image[];
  noscripts: Noscript[];
  /** Texts of the scripts that are JSON-LD. */
  jsonLd: string[];
  base: string | undefined;
  metas: Attributes[];
  licence: string | undefined;
}

const IMG = tagId("img");
const SOURCE = tagId("source");
const BASE = tagId("base");
const META = tagId("meta");
const LINK = tagId("link");
const A = tagId("a");
const FIGURE = tagId("figure");
const FIGCAPTION = tagId("figcaption");
const PICTURE = tagId("picture");
const TITLE = tagId("title");
const SCRIPT = tagId("script");
const NOSCRIPT = tagId("noscript");
const P = tagId("p");
const BR = tagId("br");
/** Elements whose content is text up to their end tag. */
const RAW = new Map(["script", "style", "title", "textarea", "xmp"].map((name) => [tagId(name), name] as const));

const WANTED = new Map<number, ReadonlySet<string>>([
  [IMG, new Set([...["src", "alt", "title", "type", "width", "height", ...LAZY_ADDRESSES, ...LAZY_SRCSETS]])],
  [SOURCE, new Set(["type", ...LAZY_SRCSETS])],
  [BASE, new Set(["href"])],
  [META, new Set(["name", "property", "content"])],
  [SCRIPT, new Set(["type"])],
]);
const LONGEST_NAME = Math.max(...[...WANTED.values()].flatMap((names) => [...names]).map((name) => name.length));
const LICENCE_ATTRIBUTES: ReadonlySet<string> = new Set(["rel", "href"]);
const MAX_DEPTH = 100_000;

const COMMENT_END = Buffer.from("-->");
const CDATA_END = Buffer.from("]]>");

/** The next `byte` from `at` on. Mostly it is near: then a loop is done before a native search would have begun. */
function find(bytes: Buffer, byte: number, at: number): number {
  const near = Math.min(at + 48, bytes.length);
  for (let i = at; i < near; i++) if (bytes[i] === byte) return i;
  return near === bytes.length ? -1 : bytes.indexOf(byte, near);
}

const isSpace = (c: number) => c === 32 || c === 10 || c === 9 || c === 12 || c === 13;

/**
 * Finds pictures and what belongs to them in the bytes of a page, in one pass without a tree, following htmlparser2 in
 * what it takes for a tag, what it leaves as text, and what it closes: the same pictures as the crawler's extraction.
 * @param encoding one in which ASCII bytes are ASCII between the marks of tags, see encodingOf.
 */
export function scanHtml(body: Buffer, encoding: string): Scanned {
  return new Scanner(body, encoding).run();
}

class Scanner {
  readonly #bytes: Buffer;
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  readonly #result: Scanned = {
    images: [],
    noscripts: [],
    jsonLd: [],
    base: undefined,
    metas: [],
    licence: undefined,
  };
  #stack: number[] = [];
  #figures: Figure[] = [];
  #pictures: Picture[] = [];
  #noscripts: Noscript[] = [];
  /** By depth, the last child so far, if it is an img. */
  #lastChild: (Image | undefined)[] = [undefined];
  /** Captions that are open; text goes to all of them. */
  #captions: string[][] = [];
  #foreign: boolean[] = [false];
  /** Whether the last tag has a rel that mentions a licence. */
  #licenceSeen = false;
  #at = 0;

  constructor(bytes: Buffer, encoding: string) {
    this.#bytes = bytes;
    this.#decoder = encoding === "utf-8" ? undefined : new TextDecoder(encoding);
  }

  run(): Scanned {
    const bytes = this.#bytes;
    const end = bytes.length;
    while (this.#at < end) {
      const open = find(bytes, 60, this.#at);
      if (this.#captions.length > 0) this.#text(this.#at, open < 0 ? end : open, true);
      if (open < 0) break;
      this.#at = open + 1;
      const c = bytes[this.#at] as number;
      if (c === 33) this.#declaration();
      else if (c === 63) this.#skipTo(62);
      else if (c === 47) this.#endTag();
      else if ((c | 32) >= 97 && (c | 32) <= 122) this.#startTag();
      else if (this.#captions.length > 0) this.#text(open, this.#at, true);
    }
    return this.#result;
  }

  #skipTo(byte: number): void {
    const found = find(this.#bytes, byte, this.#at);
    this.#at = found < 0 ? this.#bytes.length : found + 1;
  }

  /** Behind "<!": a comment, or anything up to ">". */
  #declaration(): void {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes[at + 1] === 45 && bytes[at + 2] === 45) {
      // "<!-->" and "<!--->" are comments, too.
      if (bytes[at + 3] === 62) {
        this.#at = at + 4;
        return;
      }
      const end = bytes.indexOf(COMMENT_END, at + 2);
      this.#at = end < 0 ? bytes.length : end + 3;
    } else if (latin1(bytes, at + 1, at + 8) === "[CDATA[") {
      const end = bytes.indexOf(CDATA_END, at + 8);
      this.#at = end < 0 ? bytes.length : end + 3;
    } else {
      this.#skipTo(62);
    }
  }

  #endTag(): void {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    while (isSpace(bytes[at] as number)) at++;
    const first = bytes[at] as number;
    if (first === 62) {
      // "</>" stays in the text.
      if (this.#captions.length > 0) this.#text(this.#at - 1, at + 1, true);
      this.#at = at + 1;
      return;
    }
    const letter = (first | 32) >= 97 && (first | 32) <= 122;
    let id = 0x811c9dc5;
    for (; at < bytes.length; at++) {
      const c = bytes[at] as number;
      if (c === 62 || isSpace(c)) break;
      id = Math.imul(id ^ (c >= 65 && c <= 90 ? c | 32 : c), 0x01000193);
    }
    if (at >= bytes.length) {
      this.#at = at;
      return;
    }
    this.#at = at;
    this.#skipTo(62);
    if (letter) this.#close(id);
  }

  #close(id: number): void {
    const rules = TAG_RULES.get(id);
    if (rules?.foreign !== undefined) this.#foreign.pop();
    const stack = this.#stack;
    if (stack[stack.length - 1] === id) {
      this.#pop();
    } else if (!rules?.empty) {
      const place = stack.lastIndexOf(id);
      if (place >= 0) while (stack.length > place) this.#pop();
      // "</p>" alone makes an empty one.
      else if (id === P) this.#lastChild[stack.length] = undefined;
    } else if (id === BR) {
      this.#lastChild[stack.length] = undefined;
    }
  }

  #pop(): void {
    const id = this.#stack.pop();
    if (id === FIGURE) this.#figures.pop();
    else if (id === PICTURE) this.#pictures.pop();
    else if (id === FIGCAPTION) this.#captions.pop();
    else if (id === NOSCRIPT) this.#noscripts.pop();
  }

  #push(id: number): void {
    if (this.#stack.length >= MAX_DEPTH) return;
    const depth = this.#stack.length;
    if (id === NOSCRIPT) {
      const noscript = { before: this.#lastChild[depth], images: [] };
      this.#noscripts.push(noscript);
      this.#result.noscripts.push(noscript);
    }
    this.#lastChild[depth] = undefined;
    this.#lastChild[depth + 1] = undefined;
    this.#stack.push(id);
    if (id === FIGURE) this.#figures.push({ caption: undefined });
    else if (id === PICTURE) this.#pictures.push({ sources: [] });
    else if (id === FIGCAPTION) {
      const caption: string[] = [];
      this.#captions.push(caption);
      for (const figure of this.#figures) figure.caption ??= caption;
    }
  }

  #startTag(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let id = 0x811c9dc5;
    for (; at < bytes.length; at++) {
      const c = bytes[at] as number;
      if (c === 62 || c === 47 || isSpace(c)) break;
      id = Math.imul(id ^ (c >= 65 && c <= 90 ? c | 32 : c), 0x01000193);
    }
    const wanted = WANTED.get(id);
    this.#at = at;
    let attributes = wanted ? new Map<string, string>() : undefined;
    this.#licenceSeen = false;
    const selfClosing = this.#attributes(wanted, attributes);
    // A tag that is cut off by the end of the page is none.
    if (selfClosing === undefined) return;
    if (this.#licenceSeen && (id === A || id === LINK) && this.#result.licence === undefined) {
      attributes = new Map();
      this.#at = at;
      this.#attributes(LICENCE_ATTRIBUTES, attributes);
    }
    this.#open(id, selfClosing);
    if (attributes) this.#element(id, attributes);
    const raw = RAW.get(id);
    if (raw !== undefined && !selfClosing) {
      const from = this.#at;
      const to = this.#rawText(id, raw);
      if (id === SCRIPT && /^application\/ld\+json$/i.test(attributes?.get("type") ?? ""))
        this.#result.jsonLd.push(this.#decode(from, to));
    }
  }

  #open(id: number, selfClosing: boolean): void {
    const rules = TAG_RULES.get(id);
    const closes = rules?.closes;
    if (closes) while (this.#stack.length > 0 && closes.has(this.#stack.at(-1) as number)) this.#pop();
    if (rules?.empty) {
      this.#lastChild[this.#stack.length] = undefined;
      return;
    }
    this.#push(id);
    if (rules?.foreign !== undefined) this.#foreign.push(rules.foreign);
    if (selfClosing && this.#foreign.at(-1)) this.#pop();
  }

  /**
   * Reads to the end of a start tag, taking the wanted attributes down.
   * @returns whether it ends in "/>"; undefined when it does not end.
   */
  #attributes(wanted: ReadonlySet<string> | undefined, into: Attributes | undefined): boolean | undefined {
    const bytes = this.#bytes;
    const end = bytes.length;
    let at = this.#at;
    for (;;) {
      let c = bytes[at] as number;
      while (isSpace(c)) c = bytes[++at] as number;
      if (at >= end) break;
      if (c === 62) {
        this.#at = at + 1;
        return false;
      }
      if (c === 47) {
        do c = bytes[++at] as number;
        while (isSpace(c));
        if (c === 62) {
          this.#at = at + 1;
          return true;
        }
        continue;
      }
      const name = at++;
      c = bytes[at] as number;
      while (at < end && c !== 61 && c !== 62 && c !== 47 && !isSpace(c)) c = bytes[++at] as number;
      const nameEnd = at;
      while (isSpace(c)) c = bytes[++at] as number;
      let from = at;
      let to = at;
      if (c === 61) {
        do c = bytes[++at] as number;
        while (isSpace(c));
        if (at >= end) break;
        if (c === 34 || c === 39) {
          from = at + 1;
          to = find(bytes, c, from);
          if (to < 0) break;
          at = to + 1;
        } else {
          from = at;
          while (at < end && c !== 62 && !isSpace(c)) c = bytes[++at] as number;
          to = at;
        }
      }
      // "rel" with a licence: worth a second look at the tag, which others are not.
      if (nameEnd - name === 3 && ((bytes[name] as number) | 32) === 114 && to - from >= 7) {
        if (/license/i.test(latin1(bytes, from, to))) this.#licenceSeen = true;
      }
      if (wanted && into && at < end) this.#take(wanted, into, name, nameEnd, from, to);
    }
    this.#at = end;
    return undefined;
  }

  #take(wanted: ReadonlySet<string>, into: Attributes, from: number, to: number, value: number, end: number): void {
    if (to - from > LONGEST_NAME) return;
    const name = latin1(this.#bytes, from, to).toLowerCase();
    if (!wanted.has(name) || into.has(name)) return;
    const text = this.#decode(value, end);
    into.set(name, text.includes("&") ? decodeHTMLAttribute(text) : text);
  }

  #element(id: number, attributes: Attributes): void {
    const result = this.#result;
    if (id === IMG) {
      const image = { attributes, figure: this.#figures.at(-1), picture: this.#pictures.at(-1) };
      result.images.push(image);
      this.#lastChild[this.#stack.length] = image;
      for (const noscript of this.#noscripts) noscript.images.push(image);
    } else if (id === SOURCE) {
      if (this.#stack.at(-1) === PICTURE) this.#pictures.at(-1)?.sources.push(attributes);
    } else if (id === BASE) {
      result.base ??= attributes.get("href");
    } else if (id === META) {
      result.metas.push(attributes);
    } else if (id !== SCRIPT) {
      const rel = attributes.get("rel");
      if (rel !== undefined && /(?:^|\s)license(?:\s|$)/i.test(rel)) result.licence ??= attributes.get("href");
    }
  }

  /** The text of an element that holds nothing else, up to its end tag; returns where it ends. */
  #rawText(id: number, name: string): number {
    const bytes = this.#bytes;
    const from = this.#at;
    for (let open = bytes.indexOf(60, from); ; open = bytes.indexOf(60, open + 1)) {
      const after = open + 2 + name.length;
      if (open < 0 || after >= bytes.length) {
        this.#text(from, bytes.length, id === TITLE);
        this.#at = bytes.length;
        return bytes.length;
      }
      const c = bytes[after] as number;
      if (bytes[open + 1] !== 47 || !(c === 62 || isSpace(c))) continue;
      if (latin1(bytes, open + 2, after).toLowerCase() !== name) continue;
      this.#text(from, open, id === TITLE);
      this.#at = open + 1;
      this.#endTag();
      return open;
    }
  }

  #text(from: number, to: number, entities: boolean): void {
    if (to <= from || this.#captions.length === 0) return;
    const raw = this.#decode(from, to);
    const text = entities && raw.includes("&") ? decodeHTML(raw) : raw;
    for (const caption of this.#captions) caption.push(text);
  }

  #decode(from: number, to: number): string {
    return this.#decoder ? this.#decoder.decode(this.#bytes.subarray(from, to)) : utf8(this.#bytes, from, to);
  }
}
