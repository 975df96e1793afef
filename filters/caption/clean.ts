import { decodeHTMLAttribute } from "entities";

/** Nothing to repair: printable ASCII without & and <, with single spaces; most captions. */
const CLEAN = /^(?:[!-%'-;=-~](?: ?[!-%'-;=-~])*)?$/;
/** Of a longer text only the beginning is looked at: regular expressions overflow the stack at a few millions. */
const MOST_CHARACTERS = 65_536;

/**
 * The text of a caption as every later stage sees it: character references decoded (also those encoded twice), UTF-8 that
 * was read as windows-1252 repaired, formatting tags taken out, letters in disguise made plain, invisible and control characters removed, white space
 * collapsed, NFC, well formed. Cleaning a clean caption changes nothing.
 */
export function cleanCaption(raw: string): string {
  const beginning = raw.length > MOST_CHARACTERS ? raw.slice(0, MOST_CHARACTERS) : raw;
  if (CLEAN.test(beginning)) return beginning;
  let text = beginning.toWellFormed();
  // A repair may uncover the next one: "&amp;amp;", mojibake of mojibake. Five deep is more than any page has.
  for (let round = 0; round < 5; round++) {
    // Decoded as in an attribute: "?a=1&copy=2" is an address there, "&eacute" at a word's end is not.
    const decoded = text.includes("&") ? decodeHTMLAttribute(text) : text;
    const next = tidy(plainLetters(repairMojibake(withoutFormatting(decoded))));
    if (next === text) break;
    text = next;
  }
  return text;
}

/** With attributes or without; not "a<b and b>c". */
const ATTRIBUTES = String.raw`(?:\s+[\w-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+))*\s*`;
const BREAK = new RegExp(`<(?:br|wbr|/?p)${ATTRIBUTES}/?>`, "gi");
const FORMATTING = new RegExp(`</?(?:b|i|u|em|strong|cite|q|small|big|sup|sub|mark|span|font)${ATTRIBUTES}>`, "gi");

/** "Last of Us</cite>" is the title of a game; headlines become alt texts with their tags. Other tags are left to the rule. */
function withoutFormatting(text: string): string {
  return text.includes("<") ? text.replace(BREAK, " ").replace(FORMATTING, "") : text;
}

/** Bytes 0x80 to 0x9f as windows-1252 shows them; the five it leaves open stay control characters. */
const CP1252_HIGH = new Map<string, number>(
  [...new TextDecoder("windows-1252").decode(Uint8Array.from({ length: 32 }, (_, i) => 128 + i))].map((c, i) => [
    c,
    128 + i,
  ]),
);
/** UTF-8's continuation bytes as windows-1252 shows them. */
const NEXT =
  "[\\u0080-\\u00bf\\u0152\\u0153\\u0160\\u0161\\u0178\\u017d\\u017e\\u0192\\u02c6\\u02dc\\u2013-\\u203a\\u20ac\\u2122]";
/**
 * What UTF-8's lead bytes of common letters, dashes, quotes and emoji look like, before a continuation byte. "MALMÅ–" and
 * "CAFÉ®" were never broken.
 */
const MOJIBAKE = new RegExp(`[ÂÃÐÑ]${NEXT}|[ÄÅ](?![–—®])${NEXT}|[à-ï]${NEXT}{2}|ð${NEXT}{3}`);
/** Those that nobody writes: also beside characters that are right, or that windows-1252 does not have. */
const SURE = new RegExp(`[ÂÃ]${NEXT}|[âï]${NEXT}{2}|ð${NEXT}{3}`, "g");
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** "cafÃ©" -> "café": the whole text when its bytes are UTF-8 throughout, else the sequences that are surely broken. */
function repairMojibake(text: string): string {
  if (!/[\u00c2-\u00f4]/.test(text)) return text;
  const whole = MOJIBAKE.test(text) ? decodeUtf8(text) : undefined;
  if (whole !== undefined) return whole;
  return (
    text
      .replace(SURE, (sequence) => decodeUtf8(sequence) ?? sequence)
      // The byte that windows-1252 does not have is lost: "â€œWallâ€" ends in a quotation mark.
      .replace(/â€(?![\u0080-\uffff])/g, "\u201d")
      // A space without break was collapsed before: "Â dog", "Ã la carte".
      .replace(/(?<!\S)Â(?!\S)/g, "")
      .replace(/(?<!\S)Ã(?=\s+\p{Ll})/gu, "à")
  );
}

/** Characters as the bytes that windows-1252 shows them for, read as UTF-8; undefined when they are none. */
function decodeUtf8(text: string): string | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const byte = code < 128 || (code > 159 && code < 256) ? code : CP1252_HIGH.get(text.charAt(i));
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Ligatures, bold and full-width letters and digits, and what strikes letters through: spelling for the eye only. */
const DISGUISED = /[\ufb00-\ufb06\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\u24b6-\u24e9\u{1d400}-\u{1d7ff}]/gu;
const STRUCK_THROUGH = /(?<=\p{Script=Latin}\p{M}{0,8})[\u0332-\u0338]/gu;

function plainLetters(text: string): string {
  return (
    text
      .replace(DISGUISED, (letter) => letter.normalize("NFKC"))
      .replace(STRUCK_THROUGH, "")
      // An apostrophe that no encoding kept: "it\ufffds", and MacRoman's "itÕs".
      .replace(/(?<=[a-z])[\ufffdÕ](?=(?:s|t|re|ve|ll|d|m)(?![a-z]))/g, "\u2019")
  );
}

/**
 * Soft hyphens, zero-width spaces, marks of direction, byte order marks, fillers, icons of private fonts, tags that belong to no
 * flag; the joiners and selectors only behind letters that need none, since they build emoji and scripts.
 */
const INVISIBLE =
  /\u034f|[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ue000-\uf8ff]|(?<=[\p{Script=Latin}\d\s]|^)[\u200c\u200d]|(?<=\p{L})\ufe0f|(?<!\u{1f3f4}[\u{e0020}-\u{e007f}]{0,16})[\u{e0000}-\u{e007f}]/gu;

/** White space and control characters, but for a space that stands alone: most of it, and right already. */
const SPACE = /(?! [^\s\p{Cc}])[\s\p{Cc}]+/gu;

function tidy(text: string): string {
  return text
    .replace(/[\u2028\u2029]/g, " ")
    .replace(INVISIBLE, "")
    .replace(SPACE, " ")
    .trim()
    .normalize("NFC");
}
