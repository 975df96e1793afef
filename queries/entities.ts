import { decodeHTMLStrict } from "entities";
import type { KeyBytes } from "./byte-table.ts";
import { Remembered } from "./remembered.ts";

const [SPACE, HASH, AMP, SEMICOLON] = [32, 35, 38, 59] as const;
const NO_BREAK_SPACE = 0xa0;

/** The code point of a named entity, or of a numbered one ("#x3b1"); 0 for a name that HTML does not know. */
const codePoints = new Remembered((name) => {
  const number = /^#(?:(\d+)|[xX]([\da-fA-F]+))$/.exec(name);
  if (number) {
    const code = number[1] === undefined ? Number.parseInt(number[2] ?? "", 16) : Number(number[1]);
    if (code === NO_BREAK_SPACE) return SPACE;
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? code : 0;
  }
  const text = `&${name};`;
  const decoded = decodeHTMLStrict(text);
  const code = decoded === text ? 0 : (decoded.codePointAt(0) ?? 0);
  return code === NO_BREAK_SPACE ? SPACE : code;
});

/** The bits of {@link entity} that tell its length. */
export const ENTITY_BYTES = 63;
/** What {@link entity} shifts its code point by. */
export const ENTITY_SHIFT = 6;
/** The longest name in use is &CounterClockwiseContourIntegral;. */
const LONGEST = 32;

/**
 * An entity at `at`, also one escaped twice (`&amp;eacute;`): its code point and its length in bytes, packed in one number;
 * 0 when it is none. Eight bytes must follow `end`.
 */
export function entity(xml: KeyBytes, at: number, end: number): number {
  const { bytes } = xml;
  const from = at + 1;
  if (bytes[from] === 97 && bytes[from + 1] === 109 && bytes[from + 2] === 112 && bytes[from + 3] === SEMICOLON) {
    const inner = bytes[from + 4] === AMP ? 0 : named(xml, from + 4, end);
    return inner > 0 ? inner + from + 3 - at : (AMP << ENTITY_SHIFT) | 5;
  }
  return named(xml, from, end);
}

/** The entity whose name begins at `from`, with its length from the ampersand before it. */
function named(xml: KeyBytes, from: number, end: number): number {
  const { bytes } = xml;
  const most = Math.min(end, from + LONGEST);
  let stop = from;
  while (stop < most && isEntityByte(bytes[stop] as number)) stop++;
  if (bytes[stop] !== SEMICOLON || stop === from || stop === end) return 0;
  const code = codePoints.of(xml, from, stop);
  return code === 0 ? 0 : (code << ENTITY_SHIFT) | (stop + 2 - from);
}

/** Whether a byte is a letter of ASCII. */
export function isLetter(byte: number): boolean {
  const small = byte | 32;
  return small >= 97 && small <= 122;
}

const isEntityByte = (byte: number) => isLetter(byte) || (byte >= 48 && byte <= 57) || byte === HASH;

/** Appends a code point as UTF-8. */
export function putCodePoint(out: Uint8Array, length: number, code: number): number {
  let at = length;
  if (code < 0x80) out[at++] = code;
  else if (code < 0x800) {
    out[at++] = 0xc0 | (code >> 6);
    out[at++] = 0x80 | (code & 63);
  } else if (code < 0x10000) {
    out[at++] = 0xe0 | (code >> 12);
    out[at++] = 0x80 | ((code >> 6) & 63);
    out[at++] = 0x80 | (code & 63);
  } else {
    out[at++] = 0xf0 | (code >> 18);
    out[at++] = 0x80 | ((code >> 12) & 63);
    out[at++] = 0x80 | ((code >> 6) & 63);
    out[at++] = 0x80 | (code & 63);
  }
  return at;
}
