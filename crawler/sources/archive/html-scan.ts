import { decodeHTML, decodeHTMLAttribute } from "entities";
import { type Attributes, PageBuilder, type Scanned } from "./html-page.ts";
import { attributesOf, NAME_FACTOR, NAME_SEED, rulesOf, tagId } from "./html-tags.ts";
import { latin1, utf8 } from "./text.ts";

const TITLE = tagId("title");
const SCRIPT = tagId("script");
const REL = tagId("rel");
const LICENCE_ATTRIBUTES = attributesOf(["rel", "href"]);
const SCRIPT_ATTRIBUTES = attributesOf(["type"]);
/** The crawler's bound: what follows on the page is left. */
const MAX_ELEMENTS = 200_000;

/** `<` */
const OPEN = 0x3c;
/** `>`: none of the bytes that end a name or a value is above it. */
const CLOSE = 0x3e;
const SLASH = 0x2f;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const EXCLAMATION = 0x21;
const QUESTION = 0x3f;
const DASH = 0x2d;
const PLUS = 0x2b;
const AMPERSAND = 0x26;
/** The bit that makes letters small ones. */
const SMALL = 0x20;
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

/** Whether "license" may stand in the value of a rel. */
function mentionsLicence(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    // An "l" and a "c" with one letter between them.
    const found = ((bytes[i] as number) | SMALL) === 108 && ((bytes[i + 2] as number) | SMALL) === 99;
    if (found && /license/i.test(latin1(bytes, from, to))) return true;
  }
  return false;
}

const isSpace = (c: number) => c === 32 || c === 10 || c === 9 || c === 12 || c === 13;
const isLetter = (c: number) => (c | SMALL) >= 97 && (c | SMALL) <= 122;

/**
 * Finds pictures and what belongs to them in the bytes of a page, in one pass without a tree, following htmlparser2 in
 * what it takes for a tag, what it leaves as text, and what it closes: the same pictures as the crawler's extraction.
 * @param encoding one in which ASCII bytes are ASCII between the marks of tags, as archived-page.ts lists them.
 */
export function scanHtml(body: Buffer, encoding: string): Scanned {
  return new Scanner(body, encoding).run();
}

class Scanner {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  readonly #page = new PageBuilder();
  /** Whether the last tag has a rel that mentions a licence. */
  #licenceSeen = false;
  #elements = 0;
  /** The next byte to look at. */
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
      const open = find(bytes, this.#view, OPEN, this.#at);
      if (this.#page.inCaption) this.#text(this.#at, open < 0 ? end : open, true);
      if (open < 0) break;
      this.#at = open + 1;
      const c = bytes[this.#at] as number;
      if (c === EXCLAMATION) this.#declaration();
      else if (c === QUESTION) this.#skipTag();
      else if (c === SLASH) this.#endTag();
      else if (isLetter(c)) this.#startTag();
      else if (this.#page.inCaption) this.#text(open, this.#at, true);
    }
    return this.#page.result;
  }

  /** On behind the next ">". */
  #skipTag(): void {
    const found = find(this.#bytes, this.#view, CLOSE, this.#at);
    this.#at = found < 0 ? this.#bytes.length : found + 1;
  }

  /** Behind "<!": a comment, or anything up to ">". */
  #declaration(): void {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes[at + 1] === DASH && bytes[at + 2] === DASH) {
      // "<!-->" and "<!--->" are comments, too.
      if (bytes[at + 3] === CLOSE) {
        this.#at = at + 4;
        return;
      }
      const end = bytes.indexOf(COMMENT_END, at + 2);
      this.#at = end < 0 ? bytes.length : end + 3;
    } else if (latin1(bytes, at + 1, at + 8) === "[CDATA[") {
      const end = bytes.indexOf(CDATA_END, at + 8);
      this.#at = end < 0 ? bytes.length : end + 3;
    } else {
      this.#skipTag();
    }
  }

  #endTag(): void {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    while (isSpace(bytes[at] as number)) at++;
    const first = bytes[at] as number;
    if (first === CLOSE) {
      // "</>" stays in the text.
      if (this.#page.inCaption) this.#text(this.#at - 1, at + 1, true);
      this.#at = at + 1;
      return;
    }
    const letter = isLetter(first);
    let id = NAME_SEED;
    let c = 0;
    for (; at < bytes.length; at++) {
      c = bytes[at] as number;
      if (c <= CLOSE && (c === CLOSE || isSpace(c))) break;
      id = Math.imul(id ^ (c | SMALL), NAME_FACTOR);
    }
    this.#at = at;
    if (at >= bytes.length) return;
    if (c === CLOSE) this.#at++;
    else this.#skipTag();
    if (letter && !this.#page.end(id)) this.#at = bytes.length;
  }

  #startTag(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let id = NAME_SEED;
    let c = 0;
    for (; at < bytes.length; at++) {
      c = bytes[at] as number;
      if (c <= CLOSE && (c === CLOSE || c === SLASH || isSpace(c))) break;
      id = Math.imul(id ^ (c | SMALL), NAME_FACTOR);
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
    if (c === CLOSE) this.#at++;
    else if (attributes) selfClosing = this.#attributes(rules?.wanted, attributes);
    else selfClosing = this.#passAttributes();
    // A tag that is cut off by the end of the page is none.
    if (selfClosing === undefined || at >= bytes.length) return;
    if (this.#licenceSeen && rules?.links && this.#page.result.licence === undefined) {
      attributes = new Map();
      this.#at = at;
      this.#attributes(LICENCE_ATTRIBUTES, attributes);
    }
    this.#page.start(id, rules, selfClosing, attributes);
    const raw = rules?.raw;
    if (raw !== undefined && !selfClosing) {
      const from = this.#at;
      const to = this.#rawText(id, raw);
      if (id === SCRIPT && to > from && this.#isJsonLd(at, from)) this.#page.result.jsonLd.push(this.#decode(from, to));
    }
  }

  /** Whether a script's type is JSON-LD's; few others have a plus sign, or one in disguise, among their attributes. */
  #isJsonLd(from: number, to: number): boolean {
    const bytes = this.#bytes;
    let at = from;
    while (at < to && bytes[at] !== PLUS && bytes[at] !== AMPERSAND) at++;
    if (at === to) return false;
    const attributes = new Map<string, string>();
    const behind = this.#at;
    this.#at = from;
    this.#attributes(SCRIPT_ATTRIBUTES, attributes);
    this.#at = behind;
    return /^application\/ld\+json$/i.test(attributes.get("type") ?? "");
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
      if (c > CLOSE) {
        at++;
        continue;
      }
      if (c === CLOSE) {
        this.#at = at + 1;
        return false;
      }
      if (c === SLASH) {
        do c = bytes[++at] as number;
        while (isSpace(c));
        if (c !== CLOSE) continue;
        this.#at = at + 1;
        return true;
      }
      if (c !== EQUALS) {
        at++;
        continue;
      }
      const before = bytes[at - 1] as number;
      // Here it may be a name's first letter: the other way can tell.
      if (before <= 32 || before === SLASH || before === QUOTE || before === APOSTROPHE)
        return this.#attributes(undefined, undefined);
      const nameEnd = at;
      do c = bytes[++at] as number;
      while (isSpace(c));
      let from = at;
      let to: number;
      if (c === QUOTE || c === APOSTROPHE) {
        to = find(bytes, this.#view, c, ++from);
        if (to < 0) break;
        at = to + 1;
      } else {
        while (at < end && c !== CLOSE && !isSpace(c)) c = bytes[++at] as number;
        to = at;
      }
      // "rel", and not "href".
      if (
        ((bytes[nameEnd - 1] as number) | SMALL) === 108 &&
        to - from >= 7 &&
        ((bytes[nameEnd - 3] as number) | SMALL) === 114
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
      if (c === CLOSE) {
        this.#at = at + 1;
        return false;
      }
      if (c === SLASH) {
        do c = bytes[++at] as number;
        while (isSpace(c));
        if (c === CLOSE) {
          this.#at = at + 1;
          return true;
        }
        continue;
      }
      let id = NAME_SEED;
      do {
        id = Math.imul(id ^ (c | SMALL), NAME_FACTOR);
        c = bytes[++at] as number;
      } while (at < end && c !== EQUALS && c !== CLOSE && c !== SLASH && !isSpace(c));
      while (isSpace(c)) c = bytes[++at] as number;
      let from = at;
      let to = at;
      if (c === EQUALS) {
        do c = bytes[++at] as number;
        while (isSpace(c));
        if (at >= end) break;
        if (c === QUOTE || c === APOSTROPHE) {
          from = at + 1;
          to = find(bytes, this.#view, c, from);
          if (to < 0) break;
          at = to + 1;
        } else {
          from = at;
          while (at < end && c !== CLOSE && !isSpace(c)) c = bytes[++at] as number;
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

  /** The text of an element that holds nothing else, up to its end tag; returns where it ends. */
  #rawText(id: number, name: string): number {
    const bytes = this.#bytes;
    const from = this.#at;
    for (let open = bytes.indexOf(OPEN, from); ; open = bytes.indexOf(OPEN, open + 1)) {
      const after = open + 2 + name.length;
      if (open < 0 || after >= bytes.length) {
        this.#text(from, bytes.length, id === TITLE);
        this.#at = bytes.length;
        return bytes.length;
      }
      const c = bytes[after] as number;
      if (bytes[open + 1] !== SLASH || !(c === CLOSE || isSpace(c))) continue;
      if (latin1(bytes, open + 2, after).toLowerCase() !== name) continue;
      this.#text(from, open, id === TITLE);
      this.#at = open + 1;
      this.#endTag();
      return open;
    }
  }

  /** Text between tags, if it is wanted. */
  #text(from: number, to: number, entities: boolean): void {
    if (to <= from || !this.#page.inCaption) return;
    const raw = this.#decode(from, to);
    this.#page.text(entities && raw.includes("&") ? decodeHTML(raw) : raw);
  }

  #decode(from: number, to: number): string {
    return this.#decoder ? this.#decoder.decode(this.#bytes.subarray(from, to)) : utf8(this.#bytes, from, to);
  }
}
