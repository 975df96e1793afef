import { load } from "cheerio";

/** Nothing to repair: printable ASCII without an ampersand and with single spaces; most captions. */
const CLEAN = /^(?:[!-%'-~](?: ?[!-%'-~])*)?$/;
/** Of a longer text only the beginning is looked at: regular expressions overflow the stack at a few millions. */
const MOST_CHARACTERS = 65_536;
const ENTITY = /&(?:[a-z][a-z0-9]{1,30}|#\d{1,7}|#x[\da-f]{1,6});/i;

/**
 * The text of a caption as every later stage sees it: character references decoded (also those encoded twice), UTF-8 that
 * was read as windows-1252 repaired, invisible and control characters removed, white space collapsed, NFC, well formed.
 * Cleaning a clean caption changes nothing.
 */
export function cleanCaption(raw: string): string {
  const beginning = raw.length > MOST_CHARACTERS ? raw.slice(0, MOST_CHARACTERS) : raw;
  if (CLEAN.test(beginning)) return beginning;
  let text = beginning.toWellFormed();
  // A repair may uncover the next one: "&amp;amp;", mojibake of mojibake. Five deep is more than any page has.
  for (let round = 0; round < 5; round++) {
    const next = tidy(repairMojibake(decodeEntities(text)));
    if (next === text) break;
    text = next;
  }
  return text;
}

function decodeEntities(text: string): string {
  if (!ENTITY.test(text)) return text;
  // The HTML parser knows all 2,231 names and what browsers do with wrong numbers; "<" must not open a tag for it.
  return load(text.replaceAll("<", "&lt;"), null, false).text();
}

/** Bytes 0x80 to 0x9f as windows-1252 shows them; the five it leaves open stay control characters. */
const CP1252_HIGH = new Map<string, number>(
  [...new TextDecoder("windows-1252").decode(Uint8Array.from({ length: 32 }, (_, i) => 128 + i))].map((c, i) => [
    c,
    128 + i,
  ]),
);
/** What UTF-8's lead bytes of common letters, dashes, quotes and emoji look like, before a continuation byte. */
const MOJIBAKE =
  /[ÂÃÐÑâð][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]/;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * "cafÃ©" -> "café". Only when every character fits windows-1252 and the bytes are valid UTF-8 throughout, which text that
 * was never broken hardly ever is.
 */
function repairMojibake(text: string): string {
  if (!MOJIBAKE.test(text)) return text;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const byte = code < 128 || (code > 159 && code < 256) ? code : CP1252_HIGH.get(text.charAt(i));
    if (byte === undefined) return text;
    bytes[i] = byte;
  }
  try {
    return utf8.decode(bytes);
  } catch {
    return text;
  }
}

/** Soft hyphens, zero-width spaces, marks of direction, byte order marks; not the joiners, which build emoji and scripts. */
const INVISIBLE = /[\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g;

function tidy(text: string): string {
  return text
    .replace(/[\u2028\u2029]/g, " ")
    .replace(INVISIBLE, "")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim()
    .normalize("NFC");
}
