import { keyBytes } from "./byte-table.ts";
import { entity, isLetter, putCodePoint } from "./entities.ts";
import type { Case } from "./terms.ts";

/**
 * Wikitext to prose in one pass over bytes, straight from the XML of a dump (so `<` stands as `&lt;`). Templates, tables,
 * references, comments, formulas and link targets go; link texts, captions and headings stay. It keeps no tree: a page is
 * read once, left to right, and what turns out to be unwanted is cut off the end of the output.
 *
 * What it loses against a full parser: text that templates would have produced, and everything behind a `{{` or `{|`
 * that is never closed (up to the end of its paragraph, so that one slip does not cost the page).
 */

const [
  TAB,
  LF,
  SPACE,
  QUOTE,
  HASH,
  AMP,
  APOSTROPHE,
  ASTERISK,
  COLON,
  SEMICOLON,
  EQUALS,
  OPEN,
  CLOSE,
  UNDERSCORE,
  LBRACE,
  PIPE,
  RBRACE,
] = [9, 10, 32, 34, 35, 38, 39, 42, 58, 59, 61, 91, 93, 95, 123, 124, 125] as const;

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const LT = ascii("&lt;");
const GT = ascii("&gt;");
const CLOSING = ascii("&lt;/");
const COMMENT_END = ascii("--&gt;");

/** Elements whose content is no prose. */
const SKIPPED = new Set([
  "ref",
  "math",
  "chem",
  "ce",
  "code",
  "source",
  "syntaxhighlight",
  "pre",
  "gallery",
  "timeline",
  "score",
  "imagemap",
  "hiero",
  "graph",
  "mapframe",
  "maplink",
  "templatedata",
  "inputbox",
  "categorytree",
  "ol-list",
]);
/** Elements that do not end a word. */
const INLINE = new Set(["sub", "sup", "b", "i", "u", "em", "strong", "span", "small", "big", "s", "nowiki", "abbr"]);
/** Words of a picture's options that are no caption. */
const FILE_OPTION =
  /^\s*(?:thumb(?:nail)?|frame(?:d|less)?|border|left|right|center|none|upright(?:=.*)?|baseline|middle|sub|super|top|text-top|bottom|text-bottom|\d*x?\d+ ?px|(?:alt|link|lang|page|class|thumbtime|start|end)=.*)\s*$/i;

/**
 * Of four bytes at once, the high bit of each that is a letter of ASCII. A byte plus 128 - n has its high bit set when it is n
 * or more, so a range takes two sums, for all four.
 */
function letters(four: number): number {
  const small = (four & 0x7f7f7f7f) | 0x20202020;
  return (small + 0x1f1f1f1f) & ~(small + 0x05050505) & ~four & 0x80808080;
}

/** The same for what means nothing in wikitext: beyond ASCII, spaces, digits and ( ) * + , - . / */
function plain(four: number): number {
  const low = four & 0x7f7f7f7f;
  return (((low + 0x58585858) & ~(low + 0x46464646)) | ~((low ^ 0x20202020) + 0x7f7f7f7f) | four) & 0x80808080;
}

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder();

/** A page may be looked through so many times for ends that are not there; after that, only so many bytes each time. */
const PATIENCE = 20;
const SHORT_LOOK = 10_000;

/** A link or picture that is open: where its text began in the output, and what it is. */
interface Open {
  output: number;
  /** A bar came: what stood before it was a target or an option. */
  barred: boolean;
  kind: "link" | "file" | "hidden" | "external";
}

/** Names of the namespaces that links treat apart, beside the English ones that every wiki knows. */
export interface LinkNames {
  files: readonly string[];
  categories: readonly string[];
}

/** Reduces pages to prose; one a worker, since it reuses its memory. */
export class Prose {
  text = keyBytes(1 << 20);
  length = 0;
  /** Namespaces whose links show a picture with a caption, in lower case. */
  readonly #files: ReadonlySet<string>;
  /** Those whose links show nothing. */
  readonly #hidden: ReadonlySet<string>;
  /** Bytes that may yet be looked at for an end that is not there. */
  #patience = 0;
  /** What makes four letters small, or zero when they keep their case. */
  readonly #small: number;
  /** The XML that was read last, and the same to read four bytes at a time from. */
  #xml: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  /** @param letters "fold" makes letters of ASCII small, which costs nothing here and a pass over the text later. */
  constructor(names: LinkNames, letters: Case = "keep") {
    this.#small = letters === "fold" ? 0x20202020 : 0;
    this.#files = new Set(["file", "image", ...names.files.map((name) => name.toLowerCase())]);
    this.#hidden = new Set(["category", ...names.categories.map((name) => name.toLowerCase())]);
  }

  /**
   * The prose of the wikitext between `start` and `end` of `xml`, left in `text` up to `length`: UTF-8 whose words are the
   * page's words; spaces and line ends are not exact.
   */
  read(xml: Uint8Array, start: number, end: number): void {
    if (this.text.bytes.length < end - start + 16) this.text = keyBytes((end - start) * 2);
    if (this.#xml !== xml) this.#view = new DataView(xml.buffer, xml.byteOffset, xml.length);
    this.#xml = xml;
    const view = this.#view;
    const out = this.text.bytes;
    const outView = this.text.view;
    const small = this.#small;
    const open: Open[] = [];
    this.#patience = PATIENCE * (end - start);
    let length = 0;
    let at = start;
    while (at < end) {
      while (at + 4 <= end) {
        const four = view.getInt32(at, true);
        const isLetter = letters(four);
        outView.setInt32(length, four | ((isLetter >>> 2) & small), true);
        const stop = (isLetter | plain(four)) ^ 0x80808080;
        if (stop === 0) {
          at += 4;
          length += 4;
          continue;
        }
        const before = (31 - Math.clz32(stop & -stop)) >> 3;
        at += before;
        length += before;
        break;
      }
      if (at === end) break;
      const byte = xml[at] as number;
      switch (byte) {
        case LBRACE: {
          const next = xml[at + 1];
          if (next === LBRACE) {
            at = this.#skipBraces(xml, at, end);
            out[length++] = SPACE;
            continue;
          }
          if (next === PIPE && atLineStart(xml, at, start)) {
            at = this.#skipTable(xml, at, end);
            out[length++] = LF;
            continue;
          }
          break;
        }
        case OPEN: {
          if (xml[at + 1] === OPEN) {
            const kind = this.#linkKind(xml, at + 2, end);
            open.push({ output: length, barred: false, kind });
            at += 2;
            continue;
          }
          const text = externalText(xml, at + 1, end);
          if (text > 0) {
            open.push({ output: length, barred: false, kind: "external" });
            at = text;
            continue;
          }
          break;
        }
        case PIPE: {
          const link = open.at(-1);
          if (link && link.kind !== "external") {
            if (link.kind !== "hidden") length = link.output;
            link.barred = true;
            at++;
            continue;
          }
          break;
        }
        case CLOSE: {
          const link = open.at(-1);
          if (link?.kind === "external") {
            open.pop();
            at++;
            continue;
          }
          if (link && xml[at + 1] === CLOSE) {
            open.pop();
            if (link.kind === "hidden") length = link.output;
            else if (link.kind === "file") {
              if (
                !link.barred ||
                FILE_OPTION.test(latin1.decode(out.subarray(link.output, Math.min(length, link.output + 60))))
              )
                length = link.output;
              out[length++] = LF;
            }
            at += 2;
            continue;
          }
          break;
        }
        case APOSTROPHE: {
          if (xml[at + 1] !== APOSTROPHE) break;
          // Two, three or five apostrophes are italics and bold.
          while (xml[at] === APOSTROPHE) at++;
          continue;
        }
        case EQUALS: {
          // Headings keep their words; a single sign is part of the text, or of a picture's option.
          if (xml[at + 1] !== EQUALS) break;
          while (xml[at] === EQUALS) at++;
          out[length++] = SPACE;
          continue;
        }
        case LF: {
          out[length++] = LF;
          at++;
          // A link that is still open at the end of a paragraph was never one.
          if (xml[at] === LF) open.length = 0;
          for (
            let mark = xml[at];
            mark === ASTERISK || mark === HASH || mark === COLON || mark === SEMICOLON;
            mark = xml[at]
          )
            at++;
          continue;
        }
        case UNDERSCORE: {
          if (xml[at + 1] !== UNDERSCORE) break;
          // __NOTOC__ and its like.
          let word = at + 2;
          while (word < end && isCapital(xml[word] as number)) word++;
          if (word > at + 2 && xml[word] === UNDERSCORE && xml[word + 1] === UNDERSCORE) {
            at = word + 2;
            continue;
          }
          break;
        }
        case AMP: {
          if (isAt(xml, at, LT, end)) {
            const after = this.#skipTag(xml, at, end);
            if (!isInline(xml, at, end)) out[length++] = SPACE;
            at = after;
            continue;
          }
          const [code, after] = entity(xml, at, end);
          if (code > 0) {
            length = putCodePoint(out, length, small !== 0 && isCapital(code) ? code | 32 : code);
            at = after;
            continue;
          }
          break;
        }
        case COLON: {
          // A bare address: its letters are no words.
          if (xml[at + 1] === 47 && xml[at + 2] === 47 && length > 0) {
            while (length > 0 && isLetter(out[length - 1] as number)) length--;
            while (at < end && !endsAddress(xml[at] as number)) at++;
            continue;
          }
          break;
        }
      }
      out[length++] = small !== 0 && isCapital(byte) ? byte | 32 : byte;
      at++;
    }
    this.length = length;
  }

  /** How far an end is looked for. */
  #look(start: number, end: number): number {
    return this.#patience > 0 ? end : Math.min(end, start + SHORT_LOOK);
  }

  /** The end of a `{{`: braces are counted; one that is never closed costs only its paragraph. */
  #skipBraces(xml: Uint8Array, start: number, end: number): number {
    const stop = this.#look(start, end);
    let depth = 0;
    for (let at = start; at < stop; at++) {
      const byte = xml[at];
      if (byte === LBRACE && xml[at + 1] === LBRACE) {
        depth++;
        at++;
      } else if (byte === RBRACE && xml[at + 1] === RBRACE) {
        at++;
        // A parameter has three braces.
        if (--depth === 0) return xml[at + 1] === RBRACE ? at + 2 : at + 1;
      }
    }
    this.#patience -= stop - start;
    return paragraphEnd(xml, start, end);
  }

  #skipTable(xml: Uint8Array, start: number, end: number): number {
    const stop = this.#look(start, end);
    let depth = 0;
    for (let at = start; at < stop; at++) {
      const byte = xml[at];
      if (byte === LBRACE && xml[at + 1] === LBRACE) at = this.#skipBraces(xml, at, end) - 1;
      else if (byte === LBRACE && xml[at + 1] === PIPE && atLineStart(xml, at, start)) depth++;
      else if (byte === PIPE && xml[at + 1] === RBRACE && xml[at + 2] !== RBRACE) {
        if (--depth === 0) return at + 2;
      }
    }
    this.#patience -= stop - start;
    return paragraphEnd(xml, start, end);
  }

  /** Past a tag, a comment, or an element whose content is no prose; an unclosed one costs only itself. */
  #skipTag(xml: Uint8Array, start: number, end: number): number {
    let at = start + LT.length;
    if (xml[at] === 33 && xml[at + 1] === 45) {
      const close = indexOf(xml, COMMENT_END, at, end);
      return close < 0 ? end : close + COMMENT_END.length;
    }
    const closing = xml[at] === 47;
    if (closing) at++;
    const name = at;
    while (at < end && (isLetter(xml[at] as number) || xml[at] === 45)) at++;
    if (at === name) return start + LT.length; // A less-than sign.
    const tag = latin1.decode(xml.subarray(name, at)).toLowerCase();
    const close = indexOf(xml, GT, at, Math.min(end, at + 2_000));
    if (close < 0) return at;
    const after = close + GT.length;
    if (closing || xml[close - 1] === 47 || !SKIPPED.has(tag)) return after;
    const stop = this.#look(after, end);
    const finish = indexOfClosing(xml, tag, after, stop);
    if (finish >= 0) return finish;
    this.#patience -= stop - after;
    return after;
  }

  /** What a `[[` opens: by its namespace; short prefixes in lower case are other languages' Wikipedias. */
  #linkKind(xml: Uint8Array, start: number, end: number): Open["kind"] {
    let at = start;
    const stop = Math.min(end, start + 40);
    while (at < stop && xml[at] !== COLON && xml[at] !== CLOSE && xml[at] !== PIPE && xml[at] !== LF) at++;
    if (xml[at] !== COLON || at === start) return "link";
    const name = utf8.decode(xml.subarray(start, at)).trim();
    const lower = name.toLowerCase();
    if (this.#files.has(lower)) return "file";
    if (this.#hidden.has(lower) || /^(?:[a-z]{2,3}|[a-z]{2,3}-[a-z-]{2,8}|simple)$/.test(name)) return "hidden";
    return "link";
  }
}

function isAt(bytes: Uint8Array, at: number, text: Uint8Array, end: number): boolean {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

function indexOf(bytes: Uint8Array, text: Uint8Array, from: number, end: number): number {
  const first = text[0] as number;
  for (let at = bytes.indexOf(first, from); at >= 0 && at < end; at = bytes.indexOf(first, at + 1))
    if (isAt(bytes, at, text, end)) return at;
  return -1;
}

function atLineStart(bytes: Uint8Array, at: number, start: number): boolean {
  let before = at - 1;
  while (before >= start && (bytes[before] === SPACE || bytes[before] === COLON || bytes[before] === TAB)) before--;
  return before < start || bytes[before] === LF;
}

const isCapital = (byte: number) => byte >= 65 && byte <= 90;
const endsAddress = (byte: number) =>
  byte <= SPACE || byte === CLOSE || byte === PIPE || byte === RBRACE || byte === AMP || byte === QUOTE;

function paragraphEnd(xml: Uint8Array, start: number, end: number): number {
  for (let at = start + 2; at < end; at++) if (xml[at] === LF && xml[at + 1] === LF) return at;
  return end;
}

/** Where the text of `[http://address text]` begins; 0 when there is no address. */
function externalText(xml: Uint8Array, start: number, end: number): number {
  let at = start;
  if (xml[at] !== 47) {
    while (at < end && isLetter(xml[at] as number)) at++;
    if (at === start || xml[at] !== COLON) return 0;
    at++;
  }
  if (xml[at] !== 47 || xml[at + 1] !== 47) return 0;
  while (at < end && (xml[at] as number) > SPACE && xml[at] !== CLOSE) at++;
  return at;
}

/** Whether a tag may stand inside a word: H<sub>2</sub>O is one. */
function isInline(xml: Uint8Array, start: number, end: number): boolean {
  let at = start + LT.length;
  if (xml[at] === 33) return true; // A comment.
  if (xml[at] === 47) at++;
  const name = at;
  while (at < end && at < name + 8 && isLetter(xml[at] as number)) at++;
  return INLINE.has(latin1.decode(xml.subarray(name, at)).toLowerCase());
}

function indexOfClosing(xml: Uint8Array, tag: string, from: number, end: number): number {
  for (let at = indexOf(xml, CLOSING, from, end); at >= 0; at = indexOf(xml, CLOSING, at + 1, end)) {
    const name = at + CLOSING.length;
    if (latin1.decode(xml.subarray(name, name + tag.length)).toLowerCase() !== tag) continue;
    const close = indexOf(xml, GT, name, end);
    return close < 0 ? end : close + GT.length;
  }
  return -1;
}
