import { type KeyBytes, keyBytes } from "./byte-table.ts";
import { ENTITY_BYTES, ENTITY_SHIFT, entity, isLetter, putCodePoint } from "./entities.ts";
import { braces, bytesBefore, letters, spacesAndDigits } from "./four-bytes.ts";
import { Remembered } from "./remembered.ts";
import { isTag, skipTag, type TagEnd } from "./tags.ts";
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

/** Words of a picture's options that are no caption. */
const FILE_OPTION =
  /^\s*(?:thumb(?:nail)?|frame(?:d|less)?|border|left|right|center|none|upright(?:=.*)?|baseline|middle|sub|super|top|text-top|bottom|text-bottom|\d*x?\d+ ?px|(?:alt|link|lang|page|class|thumbtime|start|end)=.*)\s*$/i;

const latin1 = new TextDecoder("latin1");

/** A page may be looked through so many times for ends that are not there; after that, only so many bytes each time. */
const PATIENCE = 20;
const SHORT_LOOK = 10_000;

/** What two brackets or one open. */
const [LINK, FILE, HIDDEN, EXTERNAL] = [0, 1, 2, 3] as const;

/** A link or picture that is open: where its text began in the output, and what it is. */
interface Open {
  output: number;
  /** A bar came: what stood before it was a target or an option. */
  barred: boolean;
  kind: number;
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
  /** What a link is by what stands before its colon. */
  readonly #kinds: Remembered;
  /** Bytes that may yet be looked at for an end that is not there. */
  #patience = 0;
  /** What makes four letters small, or zero when they keep their case. */
  readonly #small: number;
  /** The XML that was read last. */
  #xml: KeyBytes = keyBytes(0);
  readonly #tag: TagEnd = { at: 0, inline: false, wasted: 0 };

  /** @param letters "fold" makes letters of ASCII small, which costs nothing here and a pass over the text later. */
  constructor(names: LinkNames, letters: Case = "keep") {
    this.#small = letters === "fold" ? 0x20202020 : 0;
    const files = new Set(["file", "image", ...names.files.map((name) => name.toLowerCase())]);
    const hidden = new Set(["category", ...names.categories.map((name) => name.toLowerCase())]);
    this.#kinds = new Remembered((prefix) => {
      const name = prefix.trim();
      if (files.has(name.toLowerCase())) return FILE;
      // Short prefixes in lower case are other languages' Wikipedias.
      return hidden.has(name.toLowerCase()) || /^(?:[a-z]{2,3}|[a-z]{2,3}-[a-z-]{2,8}|simple)$/.test(name)
        ? HIDDEN
        : LINK;
    });
  }

  /**
   * The prose of the wikitext between `start` and `end` of `xml`, left in `text` up to `length`: UTF-8 whose words are the
   * page's words; spaces and line ends are not exact. Eight bytes of XML must stand behind `end`, as `</text>` does.
   */
  read(xml: Uint8Array, start: number, end: number): void {
    if (this.text.bytes.length < end - start + 16) this.text = keyBytes((end - start) * 2);
    if (this.#xml.bytes !== xml) this.#xml = { bytes: xml, view: new DataView(xml.buffer, xml.byteOffset, xml.length) };
    const source = this.#xml;
    const { view } = source;
    const out = this.text.bytes;
    const outView = this.text.view;
    const small = this.#small;
    const open: Open[] = [];
    this.#patience = PATIENCE * (end - start);
    let length = 0;
    let at = start;
    while (at < end) {
      // Bytes that mean nothing in wikitext, four at a time. A `<` follows the text, so this stops at its end.
      for (;;) {
        const four = view.getInt32(at, true);
        const letter = letters(four);
        outView.setInt32(length, four | ((letter >>> 2) & small), true);
        const marks = (letter | spacesAndDigits(four)) ^ 0x80808080;
        const passed = marks === 0 ? 4 : bytesBefore(marks);
        at += passed;
        length += passed;
        if (passed < 4) break;
      }
      if (at >= end) break;
      const byte = xml[at] as number;
      switch (byte) {
        case LBRACE: {
          const next = xml[at + 1];
          if (next === LBRACE) {
            at = this.#skipBraces(source, at, end);
            out[length++] = SPACE;
            continue;
          }
          if (next === PIPE && atLineStart(xml, at, start)) {
            at = this.#skipTable(source, at, start, end);
            out[length++] = LF;
            continue;
          }
          break;
        }
        case OPEN: {
          if (xml[at + 1] === OPEN) {
            const kind = this.#linkKind(source, at + 2, end);
            open.push({ output: length, barred: false, kind });
            at += 2;
            continue;
          }
          const text = externalText(xml, at + 1, end);
          if (text > 0) {
            open.push({ output: length, barred: false, kind: EXTERNAL });
            at = text;
            continue;
          }
          break;
        }
        case PIPE: {
          const link = open.at(-1);
          if (link && link.kind !== EXTERNAL) {
            if (link.kind !== HIDDEN) length = link.output;
            link.barred = true;
            at++;
            continue;
          }
          break;
        }
        case CLOSE: {
          const link = open.at(-1);
          if (link?.kind === EXTERNAL) {
            open.pop();
            at++;
            continue;
          }
          if (link && xml[at + 1] === CLOSE) {
            open.pop();
            if (link.kind === HIDDEN) length = link.output;
            else if (link.kind === FILE) {
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
          // Two, three or five apostrophes are italics and bold; of the three in ''Iliad'''s the last is one.
          const from = at;
          while (xml[at] === APOSTROPHE) at++;
          if (at - from === 3 && endsGenitive(xml, from, at)) out[length++] = APOSTROPHE;
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
          if (isTag(source, at)) {
            const tag = this.#tag;
            skipTag(source, at, end, this.#look(at, end), tag);
            this.#patience -= tag.wasted;
            if (!tag.inline) out[length++] = SPACE;
            at = tag.at;
            continue;
          }
          const found = entity(source, at, end);
          if (found > 0) {
            const code = found >> ENTITY_SHIFT;
            length = putCodePoint(out, length, small !== 0 && isCapital(code) ? code | 32 : code);
            at += found & ENTITY_BYTES;
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
  #skipBraces(xml: KeyBytes, start: number, end: number): number {
    const { bytes } = xml;
    const stop = this.#look(start, end);
    let depth = 0;
    for (let at = start; ; at++) {
      at = nextBrace(xml, at, stop);
      if (at >= stop) break;
      const byte = bytes[at];
      if (byte === LBRACE && bytes[at + 1] === LBRACE) {
        depth++;
        at++;
      } else if (byte === RBRACE && bytes[at + 1] === RBRACE) {
        at++;
        // A parameter has three braces.
        if (--depth === 0) return bytes[at + 1] === RBRACE ? at + 2 : at + 1;
      }
    }
    this.#patience -= stop - start;
    return paragraphEnd(bytes, start, end);
  }

  /** The same for the `{|` of a table. */
  #skipTable(xml: KeyBytes, start: number, page: number, end: number): number {
    const { bytes } = xml;
    const stop = this.#look(start, end);
    let depth = 0;
    for (let at = start; ; at++) {
      at = nextBrace(xml, at, stop);
      if (at >= stop) break;
      const byte = bytes[at];
      if (byte === LBRACE && bytes[at + 1] === LBRACE) at = this.#skipBraces(xml, at, end) - 1;
      else if (byte === LBRACE && bytes[at + 1] === PIPE && atLineStart(bytes, at, page)) depth++;
      else if (byte === PIPE && bytes[at + 1] === RBRACE && bytes[at + 2] !== RBRACE) {
        if (--depth === 0) return at + 2;
      }
    }
    this.#patience -= stop - start;
    return paragraphEnd(bytes, start, end);
  }

  /** What a `[[` opens. */
  #linkKind(xml: KeyBytes, start: number, end: number): number {
    const { bytes } = xml;
    let at = start;
    const stop = Math.min(end, start + 40);
    while (at < stop && bytes[at] !== COLON && bytes[at] !== CLOSE && bytes[at] !== PIPE && bytes[at] !== LF) at++;
    return bytes[at] !== COLON || at === start || at === stop ? LINK : this.#kinds.of(xml, start, at);
  }
}

/** The first of `{|}` at or after `from`; `end` when there is none before it. */
function nextBrace(xml: KeyBytes, from: number, end: number): number {
  for (let at = from; at < end; at += 4) {
    const hit = braces(xml.view.getInt32(at, true));
    if (hit !== 0) return Math.min(end, at + bytesBefore(hit));
  }
  return end;
}

function atLineStart(bytes: Uint8Array, at: number, start: number): boolean {
  let before = at - 1;
  while (before >= start && (bytes[before] === SPACE || bytes[before] === COLON || bytes[before] === TAB)) before--;
  return before < start || bytes[before] === LF;
}

/** Whether an s and no other letter follows at `at`, and a letter stands before `from`. */
function endsGenitive(xml: Uint8Array, from: number, at: number): boolean {
  return xml[at] === 115 && isLetter(xml[from - 1] as number) && !isLetter(xml[at + 1] as number);
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
