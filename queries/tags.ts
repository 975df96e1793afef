import type { KeyBytes } from "./byte-table.ts";
import { isLetter } from "./entities.ts";
import { bytesBefore, equal } from "./four-bytes.ts";
import { Remembered } from "./remembered.ts";

/**
 * Tags as they stand in the XML of a dump: `&lt;ref&gt;`. Eight bytes of XML must follow the text, as `</text>` does.
 */

/** "&lt;" and "&gt;" as integers. */
const [LT, GT] = [0x3b746c26, 0x3b746726] as const;
const AMPS = 0x26262626;
const [SPACE, EXCLAMATION, HYPHEN, SLASH] = [32, 33, 45, 47] as const;
/** A tag with its attributes is no longer. */
const LONGEST = 2_000;

/** What an element is to prose: its content is none, it does not end a word, or it does. */
const [OTHER, INLINE, SKIPPED] = [0, 1, 2] as const;
const KINDS = new Map<string, number>([
  ...["ref", "math", "chem", "ce", "code", "source", "syntaxhighlight", "pre", "gallery", "timeline", "score"].map(
    (name): [string, number] => [name, SKIPPED],
  ),
  ...["imagemap", "hiero", "graph", "mapframe", "maplink", "templatedata", "inputbox", "categorytree", "ol-list"].map(
    (name): [string, number] => [name, SKIPPED],
  ),
  ...["sub", "sup", "b", "i", "u", "em", "strong", "span", "small", "big", "s", "nowiki", "abbr"].map(
    (name): [string, number] => [name, INLINE],
  ),
]);
const kinds = new Remembered((name) => KINDS.get(name.toLowerCase()) ?? OTHER);

/** Whether `&lt;` stands at `at`. */
export function isTag(xml: KeyBytes, at: number): boolean {
  return xml.view.getInt32(at, true) === LT;
}

/** How far a tag that is left out reaches, and how. */
export interface TagEnd {
  at: number;
  /** It may stand inside a word, as in H<sub>2</sub>O. */
  inline: boolean;
  /** Bytes that were looked through in vain for the end of the element. */
  wasted: number;
}

/**
 * Past the tag or comment at `start`, or past an element whose content is no prose; one that is not closed costs only itself.
 * @param far the end of an element is not looked for beyond.
 */
export function skipTag(xml: KeyBytes, start: number, end: number, far: number, into: TagEnd): void {
  const { bytes } = xml;
  let at = start + 4;
  into.wasted = 0;
  into.inline = false;
  if (bytes[at] === EXCLAMATION && bytes[at + 1] === HYPHEN) {
    into.at = commentEnd(xml, at, end);
    into.inline = true;
    return;
  }
  const closing = bytes[at] === SLASH;
  if (closing) at++;
  const name = at;
  while (at < end && (isLetter(bytes[at] as number) || bytes[at] === HYPHEN)) at++;
  if (at === name) {
    into.at = start + 4; // A less-than sign.
    return;
  }
  const kind = kinds.of(xml, name, at);
  into.inline = kind === INLINE;
  const after = tagEnd(xml, at, Math.min(end, at + LONGEST));
  if (after < 0) {
    into.at = at;
    return;
  }
  into.at = after;
  if (closing || kind !== SKIPPED || bytes[after - 5] === SLASH) return;
  const finish = closingTag(xml, name, at - name, after, far);
  if (finish >= 0) into.at = finish;
  else into.wasted = far - after;
}

/** The first ampersand at or after `from`; `end` when there is none before it. */
function nextAmp(xml: KeyBytes, from: number, end: number): number {
  for (let at = from; at < end; at += 4) {
    const hit = equal(xml.view.getInt32(at, true), AMPS);
    if (hit !== 0) return Math.min(end, at + bytesBefore(hit));
  }
  return end;
}

/** Behind the next `&gt;`; -1 when there is none. */
function tagEnd(xml: KeyBytes, from: number, end: number): number {
  for (let at = nextAmp(xml, from, end); at + 4 <= end; at = nextAmp(xml, at + 1, end))
    if (xml.view.getInt32(at, true) === GT) return at + 4;
  return -1;
}

/** Behind the next `--&gt;`; the end of the text when there is none. */
function commentEnd(xml: KeyBytes, from: number, end: number): number {
  const { bytes } = xml;
  let at = from;
  for (;;) {
    at = tagEnd(xml, at, end);
    if (at < 0) return end;
    if (bytes[at - 5] === HYPHEN && bytes[at - 6] === HYPHEN) return at;
  }
}

/** Behind the next closing tag of the name that stands at `name`, in any case; -1 when there is none before `end`. */
function closingTag(xml: KeyBytes, name: number, length: number, from: number, end: number): number {
  const { bytes, view } = xml;
  for (let at = nextAmp(xml, from, end); at + 9 + length <= end; at = nextAmp(xml, at + 1, end)) {
    if (view.getInt32(at, true) !== LT || bytes[at + 4] !== SLASH) continue;
    let same = 0;
    while (same < length && ((bytes[at + 5 + same] as number) | 32) === ((bytes[name + same] as number) | 32)) same++;
    if (same < length) continue;
    let close = at + 5 + length;
    while (close < end && (bytes[close] as number) <= SPACE) close++;
    if (view.getInt32(close, true) === GT) return close + 4;
  }
  return -1;
}
