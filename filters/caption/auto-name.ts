import { type CaptionRule, drop, KEEP } from "../rule.ts";
import {
  APPS,
  BESIDE_IDENTIFIER,
  FILLER,
  GENERIC,
  HOLLOW,
  IDENTIFIER,
  MAKERS,
  PROGRAM_NAME,
  plain,
  WEAK,
} from "./auto-name-words.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * Names made by cameras, phones, scanners, programs and servers: "20160716_113957.JPG", "DSC_0123", "image001".
 *
 * A name is taken apart into runs of letters and runs of digits. A run of letters is a maker's prefix, a generic noun or a
 * filler of `auto-name-words.ts`; else a word, when the dictionary has it or it can be spoken; else a code. One word means
 * that somebody named the picture ("IMG Arena logo", "B-52 bomber"), and it stays. Without one, a maker's prefix or a
 * generic noun with a number, a hash, or a code with an identifier makes it an automatic name.
 */

const EXTENSION =
  /[.\s_-]+(?:jpe?g|png|gif|webp|bmp|tiff?|heic|heif|svg|avif|jfif|raw|cr2|nef|arw|dng|psd|pdf)(?=[\s.,;)_-]*$|-\d+x\d+$|@\dx$)/i;
/** Also in the older form with three dashes, and with the letters of a maker before it. */
const UUID = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-?[\da-f]{12}|[\da-f]{32}(?![\da-f])/i;
/** What servers append to one: "_w268_r1_cx33". */
const CUT = /(?<![a-z])[a-z]{1,2}\d+/gi;
/** So many words beside a UUID are a program's; none beside one without dashes, which build tools append: "ornament-78dc6d". */
const BESIDE_UUID = 2;
/**
 * Capitals no list knows, in the forms that cameras and agencies use: "_MG_1234", "ABC_0123", "KIF12345", "EOSM0123",
 * "_T6A9012", "5D3_1234"; "RTS1ABCD", "AFP_1A2B3C", "p01abcde"; Windows' recycled "$RQ7LAXT"; Twitter's "kJ-sErZ8_normal".
 */
const CAMERA_FORM = new RegExp(
  [
    "_?[A-Z]{1,4}_\\d{3,8}(?:[\\s_-]*(?:\\(\\d+\\)|\\d{1,2}|[A-Za-z]))?",
    "_?[A-Z]{3,4}\\d{5,8}",
    "_?[A-Z]{1,2}\\d{6,8}",
    "_(?=\\d*[A-Z])[A-Z\\d]{3}\\d{4}",
    "(?=\\d*[A-Z])[A-Z\\d]{2,4}_(?!19|20)\\d{4}",
    "(?:RT[RSX]|AFP_)(?=[A-Z]*\\d)[A-Z\\d]{5,8}",
    "rt[rsx](?=[a-z]*\\d)[a-z\\d]{4,6}",
    "\\$[RI][A-Z\\d]{6}",
    "1x1\\b.{0,8}",
    ".{0,30}_Fig\\d+_HTML",
    "(?=.*\\d)(?=.*[a-z])(?=.*[A-Z])[\\w-]{8}_(?:normal|bigger|mini)",
    "p0[\\da-z]{6}",
  ]
    .map((form) => `^${form}$`)
    .join("|"),
);
/** "EOSM0123", unless the letters are a word or a known abbreviation: "NATO2010". */
const FOUR_AND_FOUR = /^([A-Z]{4})\d{4}$/;
/** Catalogues, standards and makes whose numbers name a thing: "NGC_6543". */
const DESIGNATOR = /^(?:ngc|iso|ieee|din|rfc|ic|bmw|utc|gmt|uss|hms|hd)[\d_]/i;
/** "DC-3", "B52", "M16", "A380", "XC90", "WH-1000XM4": short, and a type more often than a counter. */
const TYPE = /^(?:[A-Z]{1,3}-?\d{1,4}(?:[A-Z]{1,2}\d?)?|[a-z]\d{2,4})$/;
/** Makers' prefixes that are also types: "DSC-H9" is a camera, "DCP-7080DN" a printer. */
const MAKERS_TYPE = /^(?:DSC-[A-Z]{1,3}\d+[A-Z]*|DCP-[A-Z]?\d+[A-Z]*)$/;
/** Olympus and Panasonic: P, the month in hexadecimal, the day, a counter. */
const MONTH_DAY = /^P[1-9A-C][0-3]\d{5}(?![\d])/;
/** What publishing tools append: "-300x225", "_fill_270x180". */
const SIZE =
  /(?:(?<=[a-z])\d{2,4}x\d{2,4}|[-_](?:\d{2,4}x{1,2}\d{2,4}(?:[-_]c)?|fill|fit|crop(?:ped)?|resized?\d?|edit(?:ed)?|scaled))+$/;
/**
 * A moment to the second, by which programs name what they save: "2021-01-10 11.53.03", "20231202185730", "10 42 27 PM",
 * "2013-June-3-20-59-45", "03-06-2013_20-59-45". Words between date and time ("at", "um", "上午") may be of any script.
 */
const YEAR = "(?:19|20)\\d\\d";
const MONTH = "(?:0\\d|1[0-2])";
const DATES = [
  `${YEAR}[-_.]?${MONTH}[-_.]?[0-3]\\d`,
  `${YEAR}[-_. ]\\p{L}{3,10}[-_. ][0-3]?\\d`,
  `[0-3]\\d[-_.](?:${MONTH}|\\p{L}{3,10})[-_.]${YEAR}`,
];
const MOMENT = new RegExp(
  `(?:${DATES.join("|")})(?:[\\s_T-]*\\p{L}{1,8}){0,2}[\\s_T.-]*[012]?\\d[\\s.:_-]*[0-5]\\d[\\s.:_-]*[0-5]\\d`,
  "u",
);
/** So many words beside a moment may be the program's or a window's name. */
const BESIDE_MOMENT = 4;
/** Two or more numbers that a clock, a counter or a server joined: "20160716_113957", "100_0123", "1 (2)". */
const NUMBERS = /^[a-z]?[\d\s_.,:()x+~-]{6,}[a-z]?$/i;

/** Beside so many digits two letters are no word: "_12345678_hi012345678". */
const LONG_IDENTIFIER = 7;

/** "361d6", "7746b", "ea592", not "face2". */
const SHORT_HASH = /^(?=[a-f]*\d[a-f]*\d)(?=\d*[a-f])[\da-f]{5,7}$/;
/** "image-1364780-thumbflex-tiyv": what stands behind a generic noun's identifier is a server's. */
const GENERIC_ID = /^([a-z]{3,10})[-_]\d{6,}(?=[-_])/i;

/** "1387179240_view_hot_picture_image_0": and so is what stands behind a server's time. */
const TIME_FIRST = /^1\d{9}[-_]/;

/** Agencies' numbers, also with a space: "GTY 456535992". */
const AGENCY_ID = /^[A-Z]{2,5}[ _-]\d{8,}$/;

/** What the runs of letters in a name are. */
interface Parts {
  makers: number;
  generic: number;
  weak: number;
  hollow: number;
  filler: number;
  /** Hashes and random identifiers. */
  opaque: number;
  /** Letters that no dictionary has and nobody could speak: "gp", "rtr", "GFHKMW". */
  codes: number;
  words: number;
}

function takeApart(stem: string, digits: number, words: Vocabulary): Parts {
  const isIdentified = digits >= IDENTIFIER || (stem.match(/[a-z\d]+/gi)?.some(isOpaque) ?? false);
  const longest = Math.max(0, ...(stem.match(/\d+/g) ?? []).map((run) => run.length));
  const parts: Parts = { makers: 0, generic: 0, weak: 0, hollow: 0, filler: 0, opaque: 0, codes: 0, words: 0 };
  for (const chunk of stem.match(/[\p{L}\p{N}]+/gu) ?? []) {
    if ((isOpaque(chunk) && !holdsWord(chunk, words)) || isRandom(chunk, words)) {
      parts.opaque++;
      continue;
    }
    if (chunk !== stem && SHORT_HASH.test(chunk) && !countWords(chunk, words)) {
      parts.opaque++;
      continue;
    }
    // "Grafik: D115"
    if (stem.includes(" ") && /^[A-Z]\d{2,4}$/.test(chunk)) {
      parts.words++;
      continue;
    }
    const runs = chunk.match(/\p{L}+/gu) ?? [];
    for (const run of runs.flatMap((run) => (isListed(run) || isScrambled(run) ? [run] : splitCase(run)))) {
      const word = run.toLowerCase();
      if (MAKERS.has(word) || (isIdentified && APPS.has(word))) parts.makers++;
      else if (GENERIC.has(word)) parts.generic++;
      else if (WEAK.has(word)) parts.weak++;
      else if (HOLLOW.has(word)) parts.hollow++;
      else if (FILLER.has(word) || word.length === 1 || (isIdentified && BESIDE_IDENTIFIER.has(word))) parts.filler++;
      else if (!isScrambled(run) && isSpoken(word, longest, words)) parts.words++;
      else parts.codes++;
    }
  }
  return parts;
}

function isListed(run: string): boolean {
  const word = run.toLowerCase();
  return [MAKERS, APPS, GENERIC, WEAK, HOLLOW, FILLER].some((list) => list.has(word));
}

/** "rawImage" is raw and image; "McDonald" and "iPhone" stay, as no piece of one or two letters is a word. */
function splitCase(run: string): string[] {
  const pieces = run.match(/\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})/gu) ?? [];
  return pieces.length > 1 && pieces.join("") === run && pieces.every((piece) => piece.length > 2) ? pieces : [run];
}

function countWords(text: string, words: Vocabulary): number {
  return text.match(/\p{L}{3,}/gu)?.filter((run) => words.isWord(run.toLowerCase())).length ?? 0;
}

/** "mp3player2go"; a hexadecimal number holds words by chance only. */
function holdsWord(chunk: string, words: Vocabulary): boolean {
  if (/^[\da-f]+$/i.test(chunk)) return false;
  const runs = chunk.toLowerCase().match(/[a-z]{2,}/g) ?? [];
  const isWord = (run: string) => run.length > 2 && words.isWord(run);
  return runs.some((run) => run.length > 3 && isWord(run)) || (runs.length > 1 && runs.every(isWord));
}

/** A word of English texts, or letters that could be one of another language. */
function isSpoken(word: string, longest: number, words: Vocabulary): boolean {
  if (/[^a-z]/.test(word)) return true;
  if (word.length === 2 && longest >= LONG_IDENTIFIER) return false;
  if (words.isWord(word)) return true;
  if (word.length >= 4 && words.isName(word)) return true;
  return word.length >= 5 && /[aeiouy]/.test(word) && !/[^aeiouy]{6}/.test(word);
}

/** Capitals and small letters mixed as in no CamelCase: "rBVaVF". */
function isScrambled(run: string): boolean {
  const pieces = run.match(/\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})/gu)?.length ?? 0;
  return pieces >= 3 && run.length / pieces < 2.5;
}

/** The reason a name is automatic, or undefined. */
function automatic(caption: string, vocabulary: Vocabulary): string | undefined {
  const text = plain(caption).trim();
  const file = text.replace(/^\S*\//, "");
  const stem = file.replace(EXTENSION, "").replace(SIZE, "").trim();
  const hasExtension = EXTENSION.test(file);
  if (MAKERS_TYPE.test(stem)) return undefined;
  const besideId = stem.replace(UUID, " ");
  const mostWords = /[\da-f]{4}-[\da-f]{4}-/i.test(stem) ? BESIDE_UUID : 0;
  if (besideId !== stem && takeApart(besideId.replace(CUT, " "), IDENTIFIER, vocabulary).words <= mostWords)
    return "UUID";
  if (PROGRAM_NAME.test(stem)) return "program name";
  if ((CAMERA_FORM.test(stem) && !DESIGNATOR.test(stem)) || MONTH_DAY.test(stem)) return "camera name";
  const [, prefix = ""] = FOUR_AND_FOUR.exec(stem) ?? [];
  if (prefix !== "" && !vocabulary.isName(prefix.toLowerCase())) return "camera name";
  const beside = stem.replace(MOMENT, " ");
  if (beside !== stem && (beside.match(/\p{L}{2,}/gu)?.length ?? 0) <= BESIDE_MOMENT) {
    // "prepost_nikolett_20160403200535_fokep": a server's time beside what somebody wrote; "signal-2026-02-26-221956": a
    // program's name stands first.
    const { words, makers } = takeApart(beside, IDENTIFIER, vocabulary);
    const [first = ""] = /^\p{L}+/u.exec(stem) ?? [];
    const isFirst = /^\d{6}/.test(stem) || takeApart(first, IDENTIFIER, vocabulary).words > 0;
    if (stem.includes(" ") || words === 0 || makers > 0 || (words === 1 && isFirst)) return "moment";
  }
  const digits = stem.replace(/\D/g, "").length;
  if (NUMBERS.test(stem) && digits >= 6) return "numbers";

  const { makers, generic, weak, hollow, filler, opaque, codes, words } = takeApart(stem, digits, vocabulary);
  const spelledAsFile = hasExtension || !stem.includes(" ");
  // "pexels-jane-doe-1234567", "jane-doe-AbC12dEf-unsplash": the agency's name makes the others names of people.
  if (spelledAsFile && digits >= 1 && /^pexels-|-unsplash(?:[_-]\d*x?\d*)?$/i.test(stem)) return "stock name";
  // "Screenshot 2021-09-14 at 10.22 Firefox": a program adds the window's title.
  if (/^screen[\s_-]?shot\b/i.test(stem.replaceAll("_", " ")) && digits >= 6 && words + codes <= 3) return "screenshot";
  // "DJI_0644_boxes", "GettyImages-157678123-blog-min": what was done with it stands behind the number.
  const [, maker = ""] = /^_?([a-z]{2,14})[-_]?\d{4,}/i.exec(stem) ?? [];
  if (spelledAsFile && words <= 2 && (MAKERS.has(maker.toLowerCase()) || APPS.has(maker.toLowerCase())))
    return "camera or program name";
  const [, noun = ""] = GENERIC_ID.exec(stem) ?? [];
  if (words <= 2 && GENERIC.has(noun.toLowerCase())) return "generic name";
  if (words <= 1 && generic > 0 && TIME_FIRST.test(stem)) return "generic name";
  if (words > 0) return undefined;
  if (codes > 0) {
    if (AGENCY_ID.test(stem)) return "code";
    if (!spelledAsFile || TYPE.test(stem) || DESIGNATOR.test(stem)) return undefined;
    const numbers = stem.replace(/\d+x\d+/g, " ").match(/\d+/g) ?? [];
    const isNumbered = numbers.join("").length >= IDENTIFIER && numbers.some((number) => number.length > 3);
    // "tr.0719.001-e441b3e979daad18", "n690525583_4260656": letters with an identifier. Fewer digits are a type's or a
    // version's: "msp430", "gplv3".
    return opaque > 0 || makers > 0 || (isNumbered && weak === 0) ? "code" : undefined;
  }
  if (opaque > 0) return "hash";
  if (makers > 0 && (digits > 0 || (hasExtension && weak === 0))) return "camera or program name";
  if (/^screen ?shot\b/i.test(stem)) return "screenshot";
  if (generic > 0 && (digits > 0 || hasExtension)) return "generic name";
  if (weak > 0 && spelledAsFile && digits > 0) return "generic file name";
  if (hollow > 0 && spelledAsFile && (digits > 0 || (hasExtension && filler === 0)) && weak === 0)
    return "generic file name";
  if (hasExtension && digits > 0 && filler <= 2 && weak === 0) return TYPE.test(stem) ? undefined : "numbers";
  return undefined;
}

/** Hashes and random identifiers: letters and digits, or capitals and small ones, alternate as in no word. */
function isOpaque(chunk: string): boolean {
  if (chunk.length < 6 || !/^[a-z0-9]+$/i.test(chunk) || !/\d/.test(chunk) || !/[a-z]/i.test(chunk)) return false;
  let changes = 0;
  for (let i = 1; i < chunk.length; i++) {
    const before = kind(chunk.charCodeAt(i - 1));
    const after = kind(chunk.charCodeAt(i));
    // A capital before a small letter begins a word: "iPhone12ProMax" has four changes in fourteen characters.
    if (before !== after && !(before === UPPER && after === LOWER)) changes++;
  }
  if (chunk.length < 8) return changes >= 4 && /^\d/.test(chunk);
  return /^[\da-f]+$/i.test(chunk) ? changes >= 2 : changes >= 3 && changes / chunk.length >= 0.33;
}

/** "ijlQfWWIyhl8", not "iPhone12ProMax": pieces of CamelCase too many and too short, none of them a word. */
function isRandom(chunk: string, words: Vocabulary): boolean {
  if (chunk.length < 8 || !/[a-z][A-Z]/.test(chunk) || /[^a-z\d]/i.test(chunk)) return false;
  const pieces = chunk.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g) ?? [];
  if (pieces.length < 4 || chunk.length / pieces.length >= 2.8) return false;
  return !pieces.some((piece) => piece.length > 3 && words.isWord(piece.toLowerCase()));
}

const DIGIT = 0;
const UPPER = 1;
const LOWER = 2;

function kind(code: number): number {
  return code < 58 ? DIGIT : code < 91 ? UPPER : LOWER;
}

/** The longest automatic names are those of stock agencies and screenshots. */
const LONGEST = 120;

/** And those without a digit or an extension: "Microsoft Word - report". */
const LONGEST_UNTITLED = 40;

/** The rule; the dictionary tells words from codes. */
export function autoName(words: Vocabulary): CaptionRule {
  return {
    name: "auto_name",
    help: "a name made by a camera, phone, scanner, program or server",
    check(caption) {
      // Nearly all captions end here: no digit, no extension and not a program's word for "untitled".
      if (caption.length > LONGEST) return KEEP;
      if (
        !/\d|\.[a-z]{3,4}\b/i.test(caption) &&
        (caption.length > LONGEST_UNTITLED || !PROGRAM_NAME.test(plain(caption)))
      )
        return KEEP;
      const reason = automatic(caption, words);
      return reason ? drop(reason) : KEEP;
    },
  };
}
