import { decodeHTMLStrict } from "entities";

const [SPACE, HASH, AMP, SEMICOLON] = [32, 35, 38, 59] as const;
const latin1 = new TextDecoder("latin1");

/** The code point of each named entity met so far; 0 for a name that HTML does not know. */
const NAMED = new Map<string, number>();

function namedEntity(name: string): number {
  let code = NAMED.get(name);
  if (code === undefined) {
    const text = `&${name};`;
    const decoded = decodeHTMLStrict(text);
    code = decoded === text ? 0 : decoded.codePointAt(0) === 0xa0 ? SPACE : (decoded.codePointAt(0) ?? 0);
    NAMED.set(name, code);
  }
  return code;
}

/** An entity at `at`, also one escaped twice (`&amp;eacute;`): its code point and the position behind it; [0, 0] when it is none. */
export function entity(xml: Uint8Array, at: number, end: number): [number, number] {
  let from = at + 1;
  if (xml[from] === 97 && xml[from + 1] === 109 && xml[from + 2] === 112 && xml[from + 3] === SEMICOLON) {
    const [code, after] = entity(xml, from + 3, end);
    if (code > 0 && xml[from + 4] !== AMP) return [code, after];
    return [AMP, from + 4];
  }
  let stop = from;
  // The longest name in use is &CounterClockwiseContourIntegral;.
  while (stop < end && stop < from + 32 && isEntityByte(xml[stop] as number)) stop++;
  if (xml[stop] !== SEMICOLON || stop === from) return [0, 0];
  if (xml[from] === HASH) {
    from++;
    const hex = (xml[from] as number) === 120 || (xml[from] as number) === 88;
    const code = Number.parseInt(latin1.decode(xml.subarray(hex ? from + 1 : from, stop)), hex ? 16 : 10);
    if (code === 0xa0) return [SPACE, stop + 1];
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? [code, stop + 1] : [0, 0];
  }
  const code = namedEntity(latin1.decode(xml.subarray(from, stop)));
  return code === 0 ? [0, 0] : [code, stop + 1];
}

/** Whether a byte is a letter of ASCII. */
export function isLetter(byte: number): boolean {
  const capital = byte & 0xdf;
  return capital >= 65 && capital <= 90;
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
