import { decodeHTML, decodeHTMLAttribute } from "entities";
import { LAZY_ADDRESSES, LAZY_SRCSETS } from "../../extract.ts";
import type { SrcsetCandidate } from "../../srcset.ts";
import { attributesOf, NAME_FACTOR, NAME_SEED, rulesOf, type TagRules, tagId, wantAttributes } from "./html-tags.ts";
import { latin1, utf8 } from "./text.ts";

/** Attributes of an element by name, the first of each name, as far as the scanner was asked for them. */
export type Attributes = Map<string, string>;

/** A picture element's sources, and what their srcsets offer once somebody asked: it is the same for all its images. */
export interface Picture {
  sources: Attributes[];
  candidates?: SrcsetCandidate[];
}
/** A figure's first caption. */
export interface Figure {
  caption: Caption | undefined;
}

/** Where the texts of a figcaption begin among all, and where they end. */
interface Caption {
  from: number;
  to: number;
  text: string | undefined;
}

/** An img element with what surrounds it. */
export interface Image {
  attributes: Attributes;
  figure: Figure | undefined;
  picture: Picture | undefined;
}

/** A noscript element, the img right before it, and where those in it begin among all images, and where they end. */
export interface Noscript {
  before: Image | undefined;
  from: number;
  to: number;
}

/** What the scanner finds on a page, in the page's order. */
export interface Scanned {
  images: Image[];
  noscripts: Noscript[];
  /** All text inside figcaptions, see {@link captionOf}. */
  texts: string[];
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
const FIGURE = tagId("figure");
const FIGCAPTION = tagId("figcaption");
const PICTURE = tagId("picture");
const TITLE = tagId("title");
const SCRIPT = tagId("script");
const NOSCRIPT = tagId("noscript");
const P = tagId("p");
const BR = tagId("br");
const WANTED: Record<string, string[]> = {
  img: ["src", "alt", "title", "type", "width", "height", ...LAZY_ADDRESSES, ...LAZY_SRCSETS],
  source: ["type", ...LAZY_SRCSETS],
  base: ["href"],
  meta: ["name", "property", "content"],
};
for (const [name, attributes] of Object.entries(WANTED)) wantAttributes(name, attributes);
const LICENCE_ATTRIBUTES = attributesOf(["rel", "href"]);
const SCRIPT_ATTRIBUTES = attributesOf(["type"]);
const REL = tagId("rel");
const MAX_DEPTH = 100_000;
/** The crawler's bound: what follows on the page is left. */
const MAX_ELEMENTS = 200_000;
/** Of a picture element so many sources are looked at. */
const MAX_SOURCES = 100;
/** Elements that are looked at in search of those that end tags name: only a page made to keep us busy needs more. */
const MAX_SEARCHED = 50_000_000;
/** Of a longer caption this much is enough to see that it is too long. */
const MAX_CAPTION = 10_000;

const COMMENT_END = Buffer.from("-->");
const CDATA_END = Buffer.from("]]>");

/** How far a byte is searched for four at a time before a native search, which is faster but takes longer to begin. */
const NEAR = 128;

/** The next `byte` from `at` on, -1 when there is none. Mostly it is near. */
function find(bytes: Buffer, view: DataView, byte: number, at: number): number {
  const near = Math.min(at + NEAR, bytes.length);
  const four = Math.imul(byte, 0x01010101);
  for (; at + 4 <= near; at += 4) {
    const differing = view.getInt32(at, true) ^ four;
    // The highest bit of each byte that is zero, of the lowest such one for certain.
    const zeros = (differing - 0x01010101) & ~differing & 0x80808080;
    if (zeros !== 0) return at + ((31 - Math.clz32(zeros & -zeros)) >> 3);
  }
  for (; at < near; at++) if (bytes[at] === byte) return at;
  return near === bytes.length ? -1 : bytes.indexOf(byte, near);
}

function enlarged(full: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * full.length);
  larger.set(full);
  return larger;
}

/** Whether "license" may stand in the value of a rel. */
function mentionsLicence(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    // An "l" and a "c" with one letter between them.
    const found = ((bytes[i] as number) | 32) === 108 && ((bytes[i + 2] as number) | 32) === 99;
    if (found && /license/i.test(latin1(bytes, from, to))) return true;
  }
  return false;
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

/** The text of a figure's first figcaption. */
export function captionOf({ texts }: Scanned, figure: Figure | undefined): string {
  const caption = figure?.caption;
  if (!caption) return "";
  if (caption.text === undefined) {
    let text = "";
    const end = Math.min(caption.to, texts.length);
    for (let i = caption.from; i < end && text.length < MAX_CAPTION; i++) text += texts[i];
    caption.text = text;
  }
  return caption.text;
}

class Scanner {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  readonly #result: Scanned = {
    images: [],
    noscripts: [],
    texts: [],
    jsonLd: [],
    base: undefined,
    metas: [],
    licence: undefined,
  };
  /** Open elements by depth: their numbers, and the bits by which others may close them. */
  #open: Int32Array<ArrayBuffer> = new Int32Array(256);
  #bits: Int32Array<ArrayBuffer> = new Int32Array(256);
  #depth = 0;
  #figures: Figure[] = [];
  #pictures: Picture[] = [];
  #noscripts: Noscript[] = [];
  /** The img that is the last child so far of the element open at `#lastDepth`. */
  #last: Image | undefined;
  #lastDepth = 0;
  /** Captions that are open. */
  #captions: Caption[] = [];
  #foreign: boolean[] = [false];
  /** Whether the last tag has a rel that mentions a licence. */
  #licenceSeen = false;
  #elements = 0;
  #searched = 0;
  #at = 0;

  constructor(bytes: Buffer, encoding: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#decoder = encoding === "utf-8" ? undefined : new TextDecoder(encoding);
  }

  run(): Scanned {
    const bytes = this.#bytes;
    const end = bytes.length;
    while (this.#at < end) {
      const open = find(bytes, this.#view, 60, this.#at);
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
    const found = find(this.#bytes, this.#view, byte, this.#at);
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
    let id = NAME_SEED;
    let c = 0;
    for (; at < bytes.length; at++) {
      c = bytes[at] as number;
      if (c <= 62 && (c === 62 || isSpace(c))) break;
      id = Math.imul(id ^ (c | 32), NAME_FACTOR);
    }
    this.#at = at;
    if (at >= bytes.length) return;
    if (c === 62) this.#at++;
    else this.#skipTo(62);
    if (letter) this.#close(id);
  }

  #close(id: number): void {
    const rules = rulesOf(id);
    if (rules?.foreign !== undefined) this.#foreign.pop();
    const open = this.#open;
    let depth = this.#depth;
    if (depth > 0 && open[depth - 1] === id) {
      this.#pop();
    } else if (!rules?.empty) {
      while (depth > 0 && open[depth - 1] !== id) depth--;
      this.#searched += this.#depth - depth;
      if (this.#searched > MAX_SEARCHED) this.#at = this.#bytes.length;
      if (depth > 0) while (this.#depth >= depth) this.#pop();
      // "</p>" alone makes an empty one.
      else if (id === P) this.#last = undefined;
    } else if (id === BR) {
      this.#last = undefined;
    }
  }

  #pop(): void {
    const id = this.#open[--this.#depth];
    if (id === FIGURE) this.#figures.pop();
    else if (id === PICTURE) this.#pictures.pop();
    else if (id === FIGCAPTION) {
      const caption = this.#captions.pop();
      if (caption) caption.to = this.#result.texts.length;
    } else if (id === NOSCRIPT) {
      const noscript = this.#noscripts.pop();
      if (noscript) noscript.to = this.#result.images.length;
    }
  }

  #push(id: number, bit: number): void {
    const depth = this.#depth;
    if (depth >= MAX_DEPTH) return;
    if (depth === this.#open.length) {
      this.#open = enlarged(this.#open);
      this.#bits = enlarged(this.#bits);
    }
    this.#open[depth] = id;
    this.#bits[depth] = bit;
    this.#depth = depth + 1;
    if (id === NOSCRIPT) {
      const from = this.#result.images.length;
      const before = this.#lastDepth === depth ? this.#last : undefined;
      const noscript = { before, from, to: Number.POSITIVE_INFINITY };
      this.#noscripts.push(noscript);
      this.#result.noscripts.push(noscript);
    } else if (id === FIGURE) this.#figures.push({ caption: undefined });
    else if (id === PICTURE) this.#pictures.push({ sources: [] });
    else if (id === FIGCAPTION) {
      const caption = { from: this.#result.texts.length, to: Number.POSITIVE_INFINITY, text: undefined };
      this.#captions.push(caption);
      // All around a figure that has one have one, too.
      for (let i = this.#figures.length - 1; i >= 0; i--) {
        const figure = this.#figures[i];
        if (!figure || figure.caption) break;
        figure.caption = caption;
      }
    }
    this.#last = undefined;
  }

  #startTag(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let id = NAME_SEED;
    let c = 0;
    for (; at < bytes.length; at++) {
      c = bytes[at] as number;
      if (c <= 62 && (c === 62 || c === 47 || isSpace(c))) break;
      id = Math.imul(id ^ (c | 32), NAME_FACTOR);
    }
    if (++this.#elements > MAX_ELEMENTS) {
      this.#at = bytes.length;
      return;
    }
    const rules = rulesOf(id);
    this.#at = at;
    let attributes = rules?.wanted ? new Map<string, string>() : undefined;
    this.#licenceSeen = false;
    let selfClosing: boolean | undefined = false;
    if (c === 62) this.#at++;
    else if (attributes) selfClosing = this.#attributes(rules?.wanted, attributes);
    else selfClosing = this.#passAttributes();
    // A tag that is cut off by the end of the page is none.
    if (selfClosing === undefined || at >= bytes.length) return;
    if (this.#licenceSeen && rules?.links && this.#result.licence === undefined) {
      attributes = new Map();
      this.#at = at;
      this.#attributes(LICENCE_ATTRIBUTES, attributes);
    }
    this.#start(id, rules, selfClosing);
    if (attributes) this.#element(id, attributes);
    const raw = rules?.raw;
    if (raw !== undefined && !selfClosing) {
      const from = this.#at;
      const to = this.#rawText(id, raw);
      if (id === SCRIPT && to > from && this.#isJsonLd(at, from)) this.#result.jsonLd.push(this.#decode(from, to));
    }
  }

  /** Whether a script's type is JSON-LD's; few others have a plus sign, or one in disguise, among their attributes. */
  #isJsonLd(from: number, to: number): boolean {
    const bytes = this.#bytes;
    let at = from;
    while (at < to && bytes[at] !== 43 && bytes[at] !== 38) at++;
    if (at === to) return false;
    const attributes = new Map<string, string>();
    const behind = this.#at;
    this.#at = from;
    this.#attributes(SCRIPT_ATTRIBUTES, attributes);
    this.#at = behind;
    return /^application\/ld\+json$/i.test(attributes.get("type") ?? "");
  }

  #start(id: number, rules: TagRules | undefined, selfClosing: boolean): void {
    if (rules === undefined) {
      this.#push(id, 0);
      if (selfClosing && this.#foreign.at(-1)) this.#pop();
      return;
    }
    const { closes } = rules;
    if (closes !== 0) while (this.#depth > 0 && ((this.#bits[this.#depth - 1] as number) & closes) !== 0) this.#pop();
    if (rules.empty) {
      this.#last = undefined;
      return;
    }
    this.#push(id, rules.bit);
    if (rules.foreign !== undefined) this.#foreign.push(rules.foreign);
    if (selfClosing && this.#foreign.at(-1)) this.#pop();
  }

  /**
   * Reads to the end of a start tag of which no attribute is wanted: only what may hide its end is looked at.
   * @returns as {@link #attributes}.
   */
  #passAttributes(): boolean | undefined {
    const bytes = this.#bytes;
    const end = bytes.length;
    let at = this.#at;
    while (at < end) {
      let c = bytes[at] as number;
      if (c > 62) {
        at++;
        continue;
      }
      if (c === 62) {
        this.#at = at + 1;
        return false;
      }
      if (c === 47) {
        do c = bytes[++at] as number;
        while (isSpace(c));
        if (c !== 62) continue;
        this.#at = at + 1;
        return true;
      }
      if (c !== 61) {
        at++;
        continue;
      }
      const before = bytes[at - 1] as number;
      // Here it may be a name's first letter: the other way can tell.
      if (before <= 32 || before === 47 || before === 34 || before === 39)
        return this.#attributes(undefined, undefined);
      const nameEnd = at;
      do c = bytes[++at] as number;
      while (isSpace(c));
      let from = at;
      let to: number;
      if (c === 34 || c === 39) {
        to = find(bytes, this.#view, c, ++from);
        if (to < 0) break;
        at = to + 1;
      } else {
        while (at < end && c !== 62 && !isSpace(c)) c = bytes[++at] as number;
        to = at;
      }
      // "rel", and not "href".
      if (
        ((bytes[nameEnd - 1] as number) | 32) === 108 &&
        to - from >= 7 &&
        ((bytes[nameEnd - 3] as number) | 32) === 114
      )
        this.#licenceSeen ||= mentionsLicence(bytes, from, to);
    }
    this.#at = end;
    return undefined;
  }

  /**
   * Reads to the end of a start tag, taking the wanted attributes down.
   * @returns whether it ends in "/>"; undefined when it does not end.
   */
  #attributes(wanted: ReadonlyMap<number, string> | undefined, into: Attributes | undefined): boolean | undefined {
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
      let id = NAME_SEED;
      do {
        id = Math.imul(id ^ (c | 32), NAME_FACTOR);
        c = bytes[++at] as number;
      } while (at < end && c !== 61 && c !== 62 && c !== 47 && !isSpace(c));
      while (isSpace(c)) c = bytes[++at] as number;
      let from = at;
      let to = at;
      if (c === 61) {
        do c = bytes[++at] as number;
        while (isSpace(c));
        if (at >= end) break;
        if (c === 34 || c === 39) {
          from = at + 1;
          to = find(bytes, this.#view, c, from);
          if (to < 0) break;
          at = to + 1;
        } else {
          from = at;
          while (at < end && c !== 62 && !isSpace(c)) c = bytes[++at] as number;
          to = at;
        }
      }
      // A licence: worth a second look at the tag, which others are not.
      if (id === REL && to - from >= 7) this.#licenceSeen ||= mentionsLicence(bytes, from, to);
      const name = wanted?.get(id);
      if (name === undefined || at >= end || into?.has(name)) continue;
      const text = this.#decode(from, to);
      into?.set(name, text.includes("&") ? decodeHTMLAttribute(text) : text);
    }
    this.#at = end;
    return undefined;
  }

  #element(id: number, attributes: Attributes): void {
    const result = this.#result;
    if (id === IMG) {
      const image = { attributes, figure: this.#figures.at(-1), picture: this.#pictures.at(-1) };
      result.images.push(image);
      this.#last = image;
      this.#lastDepth = this.#depth;
    } else if (id === SOURCE) {
      if (this.#depth === 0 || this.#open[this.#depth - 1] !== PICTURE) return;
      const sources = this.#pictures.at(-1)?.sources;
      if (sources && sources.length < MAX_SOURCES) sources.push(attributes);
    } else if (id === BASE) {
      result.base ??= attributes.get("href");
    } else if (id === META) {
      result.metas.push(attributes);
    } else {
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
    this.#result.texts.push(text);
  }

  #decode(from: number, to: number): string {
    return this.#decoder ? this.#decoder.decode(this.#bytes.subarray(from, to)) : utf8(this.#bytes, from, to);
  }
}
