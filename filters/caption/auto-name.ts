import { type CaptionRule, drop, KEEP } from "../rule.ts";
import { isScattered } from "./auto-name-hashes.ts";
import { isLikelyIdentifier } from "./auto-name-odds.ts";
import { ENOUGH, type Parts, takeApart } from "./auto-name-parts.ts";
import { isPlainProgramName, isProgramName, withoutCopyOf } from "./auto-name-programs.ts";
import { APPS, GENERIC, IDENTIFIER, KINDS, MAKERS, plain } from "./auto-name-words.ts";
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
  /[.\s_-]+(?:jpe?g|png|gif|webp|bmp|tiff?|heic|heif|svg|avif|jfif|raw|cr[23]|crw|nef|arw|orf|rw2|raf|pef|x3f|iiq|3fr|mpo|thm|dng|psd|pdf)(?=[\s.,;)_-]*$|-\d+x\d+$|@\dx$)/i;
/** UUIDs and other 32 hexadecimal digits, wherever tools put dashes, and with what stands directly behind them. */
const UUID = /(?:(?<![a-z])[a-z]{1,4})?(?:[\da-f]{40,}|[\da-f](?:-?[\da-f]){31})(?![\da-f])[a-z]*/i;
/** A number that says as much; a word beside it says what is shown: "a2336937-a862-433f-909a-fbcd645f6c5b_kindle". */
const IN_ITS_PLACE = " 99999999 ";
/** Before what a document or a device called it: "64b6f0467e818a18c75b6fa0_Group 48105". */
const LEADING = /^(?:9{8} |[\da-f]{16,40})_+/;
/**
 * Capitals no list knows, in the forms that cameras and agencies use: "_MG_1234", "ABC_0123", "KIF12345", "EOSM0123",
 * "_T6A9012", "5D3_1234", "L0057"; "RTS1ABCD", "AFP_1A2B3C", "p01abcde"; Windows' recycled "$RQ7LAXT"; Twitter's "kJ-sErZ8_normal";
 * QQ's "J_P~%WWNUM%1I`1GVQ2_B"; Gfycat's "DarkStarchyNautilus-poster"; SoundCloud's "artworks-000043059944-9zwy8g-crop";
 * Vox's "157182638.0_cinema_153.0"; Quantcast's "p-hb53Y9c2XTh7v".
 */
const CAMERA_FORM = new RegExp(
  [
    "_?[A-Z]{1,4}_(?!(?:19|20)\\d\\d$)E?\\d{3,8}(?:[\\s_-]*(?:\\(\\d+\\)|\\d{1,2}|[A-Za-z]))?",
    "_?[A-Z]{3,4}\\d{5,14}",
    "[A-Z]0\\d{3}",
    "DP\\dQ\\d{4}",
    "(?:artworks|avatars)-[\\dA-Za-z]{12,16}-[\\dA-Za-z]{6}(?:-[a-z]+[\\dx]*)?",
    "\\d{6,}\\.0_[a-z]+_\\d+\\.0",
    "(?:[A-Z][a-z]+){3}-(?:small|mobile|poster|size_restricted|max-1mb)",
    "_?[A-Z]{1,2}\\d{6,8}(?:-\\d\\d[A-Z]?){0,2}(?:-[A-Z]{2,3})?",
    "_(?=\\d*[A-Z])[A-Z\\d]{3}\\d{4}",
    "(?=\\d*[A-Z])[A-Z\\d]{2,4}_(?!19|20)\\d{4}",
    "(?:RT[RSX]|AFP_)(?=[A-Z]*\\d)[A-Z\\d]{5,8}",
    "rt[rsx](?=[a-z]*\\d)[a-z\\d]{4,6}",
    "\\$[RI][A-Z\\d]{6}",
    "1x1\\b.{0,8}",
    ".{0,30}_Fig\\d+_HTML",
    "(?=.*\\d)(?=.*[a-z])(?=.*[A-Z])[\\w-]{8}_(?:normal|bigger|mini)",
    "p-(?=.*\\d)(?=.*[a-z])(?=.*[A-Z])[\\w-]{13}",
    "(?:_\\d{8,9}_)?p0[\\da-z]{6}",
    "[\\dA-Za-z+-]{10,11}\\._[A-Z]{2}.*",
    "(?=.*[~%`@$(){}\\[\\]])[A-Z\\d_~%`@$(){}\\[\\]]{16,}",
  ]
    .map((form) => `^${form}$`)
    .join("|"),
);
/** "EOSM0123", "crw_0123", unless the letters are a word or a known abbreviation: "NATO2010", "area_0051". */
const FOUR_AND_FOUR = /^_?(?:([A-Z]{3,4})\d{4}|([a-z]{3,4})[_-]?(?!19|20)\d{4,6})$/;
/** Catalogues, standards and makes whose numbers name a thing: "NGC_6543". */
const DESIGNATOR = /^(?:ngc|iso|ieee|din|rfc|ic|bmw|utc|gmt|uss|hms|hd)[\d_]/i;
const YEAR = "(?:19|20)\\d\\d";
const MONTH = "(?:0\\d|1[0-2])";
/** "vlc-130718", "20130709-OUYA": what has a day may be an abbreviation. */
const DATED = new RegExp(
  `^[a-z]{3,5}[-_](?:[12]\\d${MONTH}[0-3]\\d|${MONTH}[0-3]\\d[12]\\d)$|^${YEAR}${MONTH}[0-3]\\d[-_][A-Z]{3,5}(?:[-_]|$)`,
);
/** "2022.Q4", "V0.1 v4": a quarter or a version is what somebody looks for. */
const QUARTER_OR_VERSION = /^(?:(?:19|20)\d\d[._ -]?)?Q[1-4](?:[._ -]?(?:19|20)?\d\d)?$|^v\d+\.\d/i;
/** "DC-3", "B52", "M16", "A380", "XC90", "WH-1000XM4", "k9", "h1n1": short, and a type more often than a counter. */
const TYPE = /^(?:[A-Z]{1,3}-?\d{1,4}(?:[A-Z]{1,2}\d?)?|[a-z]{1,2}\d{1,4}(?:[a-z]\d)?|[a-z]-\d{2,3})$/;
/** Makers' prefixes that are also types: "DSC-H9" is a camera, "DCP-7080DN" a printer. */
const MAKERS_TYPE = /^(?:DSC-[A-Z]{1,3}\d+[A-Z]*|DCP-[A-Z]?\d+[A-Z]*)$/;
/** "2014-12-09ecb": a day with an abbreviation written to it. */
const DAY_OF = /^20\d\d-\d\d-\d\d[a-z]{2,6}$/;
/** "eifw", "edik": a server's counter in 36 digits, of those of today that have no digit. */
const COUNTED_IN_36 = /^e[a-j][a-z]{2}\.jpg$/;
/** Olympus and Panasonic: P, the month in hexadecimal, the day, a counter. */
const MONTH_DAY = /^P[1-9A-C][0-3]\d{5}(?![\d])/;
/** What systems append to a name that is taken: "IMG_1234 (1)". */
const COUNTER = /\s?\(\d{1,3}\)$/;
/** What servers append to the whole name: "a.jpg.50x50_q90_crop", "xa.jpg.pagespeed.ic.BTJbf_3xVf", "a_20130703140923437_0_0". */
const SERVED =
  /(?:\.(?:jpe?g|png|gif|webp)(?:[._]{1,2}\d+x\d+(?:[_-][\w-]+)?|\.pagespeed\.\w\w\.[\w-]{10,20})|_20\d{15}_\d{1,3}_\d{1,3}|_20\d{12}_0_0|\.0(?:_[a-z]+_\d+\.0)?)$/i;
/** What publishing tools append: "-300x225", "_fill_270x180". */
const SIZE =
  /(?:(?<=[a-z])\d{2,4}x\d{2,4}|(?<=[\da-f]{8})size\d{1,5}(?:_w\d+_h\d+)?|[-_](?:w\d{2,4}h\d{2,4}(?:c\d)?|\d{2,4}x{1,2}\d{2,4}(?:[-_]c|-no)?|size\d{1,5}(?:_w\d+_h\d+)?|transparent|fill|fit|crop(?:ped)?|resized?\d?|edit(?:ed)?|scaled|removebg-preview)|[-_ ]?\(\d{2,4}x\d{2,4}(?:-crop)?\))+$/;
/** How months begin in the languages whose dates programs write with letters. */
const MONTH_NAME =
  "(?:jan|fe[bv]|mar|apr|avr|ma[iyjg]|jui?[nl]|aug|ago|aou|sep|set|o[ckt]t|out|nov|de[czs]|dic|ene|abr|gen|giu|lug|[^\\x00-\\x7f])\\p{L}*";
const DATES = [
  `${YEAR}[-_. ]?${MONTH}[-_. ]?[0-3]\\d`,
  `${YEAR}[-_.]1?\\d[-_.][0-3]?\\d`,
  `${YEAR}[-_. ]${MONTH_NAME}[-_. ][0-3]?\\d`,
  `(?<!\\p{L})${MONTH_NAME}[-_. ][0-3]?\\d,?[-_. ]${YEAR},?`,
  `[0-3]?\\d[-_.](?:[01]?\\d|${MONTH_NAME})[-_.]${YEAR}`,
];
/**
 * A moment to the second, by which programs name what they save: "2021-01-10 11.53.03", "20231202185730", "10 42 27 PM",
 * "2013-June-3-20-59-45", "03-06-2013_20-59-45". Words between date and time ("at", "um", "上午") may be of any script.
 */
const MOMENT = new RegExp(
  `(?:${DATES.join("|")})(?:[\\s_T-]*\\p{L}{1,8}(?:\\(s\\))?){0,2}[\\s_T.-]*(?<![a-z]{4})[012]?\\d[\\s.:_h-]*[0-5]\\d[\\s.:_m-]*[0-5]\\d(?:[ _-][\\da-f]{8}$)?`,
  "iu",
);
/** So many words beside a moment may be the program's or a window's name. */
const BESIDE_MOMENT = 4;
/** Two or more numbers that a clock, a counter or a server joined: "20160716_113957", "100_0123", "1 (2)". */
const NUMBERS = /^[a-z]?[\d\s_.,:()%x+~-]{6,}[a-z]?$/i;

/** "image-1364780-thumbflex-tiyv": what stands behind a generic noun's identifier is a server's. */
const GENERIC_ID = /^([a-z]{3,10})[-_]\d{6,}(?=[-_])/i;

/** "1387179240_view_hot_picture_image_0": and so is what stands behind a server's time. */
const TIME_FIRST = /^1\d{9}[-_]/;

/** "lensit1447072651": a second behind letters that somebody may have chosen. */
const UPLOADED = /[a-z]{6}1\d{9}$/;

/** Agencies' numbers, also with a space: "GTY 456535992". */
const AGENCY_ID = /^[A-Z]{2,5}[ _-]\d{8,}$/;

/** What a caption is as a name: without folder, extension and the size that tools append. */
interface Name {
  stem: string;
  hasExtension: boolean;
  hasSize: boolean;
  /** With an extension, or no space: where people write captions, a word and a number are one. */
  isFile: boolean;
  digits: number;
}

/** The reason a name is automatic, or undefined. */
function automatic(caption: string, vocabulary: Vocabulary): string | undefined {
  const file = plain(caption)
    .trim()
    .replace(/^\S*\//, "")
    .replace(/^(?:\d+x\d+)?x(?=.*\.pagespeed\.)/, "")
    .replace(/whats[ _-]app/i, "WhatsApp");
  const once = file.replace(EXTENSION, "");
  // "a.png.jpg"
  const withoutExtension = once === file ? file : once.replace(EXTENSION, "");
  const named = withoutExtension.replace(SERVED, "").replace(SIZE, "").trim();
  const withoutUuid = named.replace(UUID, IN_ITS_PLACE);
  const stem = withoutCopyOf(withoutUuid.trim());
  if (MAKERS_TYPE.test(stem) || DAY_OF.test(stem)) return undefined;
  const hasExtension = withoutExtension !== file;
  const digits = stem.replace(/\D/g, "").length;
  const hasSize = /\d+x\d+\W*$/.test(withoutExtension) && named !== withoutExtension;
  const name: Name = { stem, hasExtension, hasSize, isFile: hasExtension || !named.includes(" "), digits };
  const whole =
    wholeForm(stem.replace(LEADING, ""), hasExtension, vocabulary) ??
    (isMomentName(stem, vocabulary) ? "moment" : undefined);
  if (whole !== undefined) return whole;
  if (NUMBERS.test(stem) && digits >= 6) return "numbers";
  if (hasExtension && isScattered(stem, vocabulary)) return "hash";
  if (COUNTED_IN_36.test(file) && !vocabulary.isWord(stem) && !vocabulary.isName(stem)) return "code";
  const parts = takeApart(stem, digits, vocabulary);
  if (withoutUuid !== named) parts.opaque++;
  if (parts.words >= ENOUGH) return undefined;
  const reason = besideNumber(name, parts) ?? (parts.words > 0 ? undefined : withoutWords(name, parts));
  return reason ?? (hasExtension && isLikelyIdentifier(stem, vocabulary) ? "identifier" : undefined);
}

/** Names whose form tells, whatever the letters say. */
function wholeForm(stem: string, hasExtension: boolean, vocabulary: Vocabulary): string | undefined {
  if (isProgramName(stem)) return "program name";
  const first = stem.replace(COUNTER, "");
  if ((CAMERA_FORM.test(first) && !DESIGNATOR.test(first)) || MONTH_DAY.test(first)) return "camera name";
  const [, capitals, small] = FOUR_AND_FOUR.exec(first) ?? [];
  // "jhon7992" is somebody's name on a site, unlike "crw_7992" and "crw7992.jpg".
  const prefix = (capitals ?? (hasExtension || /[_-]/.test(first) ? small : undefined) ?? "").toLowerCase();
  return prefix !== "" && !vocabulary.isWord(prefix) && !vocabulary.isName(prefix) ? "camera name" : undefined;
}

/** A moment to the second, with the name of the program that saved it at most. */
function isMomentName(stem: string, vocabulary: Vocabulary): boolean {
  const sizeless = stem.replace(/\d{3,4}x\d{3,4}/g, " ");
  const beside = sizeless.replace(MOMENT, " ");
  if (beside === sizeless || (beside.match(/\p{L}{2,}/gu)?.length ?? 0) > BESIDE_MOMENT) return false;
  const { words, known, makers } = takeApart(beside, IDENTIFIER, vocabulary);
  if (stem.includes(" ") || words === 0) return true;
  // "Img_huawei20150917220151": a word written to the number, while programs part them.
  const [, written] = /([a-z]{4,})\d?20\d{12}$/i.exec(stem) ?? [];
  if (written && !KINDS.has(written.toLowerCase())) return false;
  // "20111101_064611_icon_Twitter": whose it is says a sign, not a program.
  if (/[_-](?:icon|logo)(?:[_-]|$)/i.test(stem)) return false;
  if (makers > 0) return true;
  // "prepost_nikolett_20160403200535_fokep" is a server's time beside what somebody wrote, and so is a word that English has
  // ("danica_20130110124048156") or that is as long, unless it stands first and the moment is parted, as programs do: "signal-2026-02-26-221956".
  const [first = ""] = /^\p{L}+/u.exec(stem) ?? [];
  if (words > 1 || /^[a-z]{5,}[-_]\d{14}/.test(stem)) return false;
  if (known === 0 && /^\d{6}/.test(stem)) return true;
  return (known === 0 || !/\d{14}/.test(stem)) && takeApart(first, IDENTIFIER, vocabulary).words > 0;
}

/** Names in which a word or two may stand beside the number of a maker, a program or a server. */
function besideNumber({ stem, isFile, digits }: Name, { words, known, codes, generic }: Parts): string | undefined {
  // "pexels-jane-doe-1234567", "jane-doe-AbC12dEf-unsplash": the agency's name makes the others names of people.
  if (isFile && digits >= 1 && /^pexels(?:-|\w*\d{6})|-unsplash(?:[_-]\d*x?\d*)?$/i.test(stem)) return "stock name";
  // "Screenshot 2021-09-14 at 10.22 Firefox": a program adds the window's title.
  if (/^screen[\s_-]?shot(?![a-z\d])/i.test(stem) && digits >= 6 && words + codes <= 3) return "screenshot";
  if (words > 2) return undefined;
  // "moremar190400023", "im-880822": letters of no known word are a user's or a server's.
  if (
    /^[a-z]{2}[_-]?\d{6,}$|^[a-z]{2,7}\d{6,}(?:_[a-z])+$/.test(stem) ||
    (known === 0 && /^(?:-?\w{0,4}-)?[a-z]{1,7}\d{7,}$/i.test(stem) && !UPLOADED.test(stem))
  )
    return "code";
  // "DJI_0644_boxes", "GettyImages-157678123-blog-min": what was done with it stands behind the number.
  const [, maker = ""] = /^_?([a-z]{2,14})[-_]?\d{4,}/i.exec(stem) ?? [];
  if (isFile && (MAKERS.has(maker.toLowerCase()) || APPS.has(maker.toLowerCase()))) return "camera or program name";
  const [, noun = ""] = GENERIC_ID.exec(stem) ?? [];
  const isGeneric = GENERIC.has(noun.toLowerCase()) || (words <= 1 && generic > 0 && TIME_FIRST.test(stem));
  return isGeneric ? "generic name" : undefined;
}

function withoutWords(name: Name, parts: Parts): string | undefined {
  return parts.codes > 0 ? ofCodes(name, parts) : ofGenericWords(name, parts);
}

/** Names of letters that are no words. */
function ofCodes({ stem, isFile }: Name, { opaque, makers, weak }: Parts): string | undefined {
  if (AGENCY_ID.test(stem)) return "code";
  if (!isFile || TYPE.test(stem) || DESIGNATOR.test(stem) || DATED.test(stem)) return undefined;
  const numbers = stem.replace(/\d+x\d+/g, " ").match(/\d+/g) ?? [];
  // "img_dagi2": few letters that are no word may still be somebody's name or abbreviation.
  if (opaque === 0 && makers > 0 && !/\d{3}/.test(stem)) return undefined;
  const isNumbered = numbers.join("").length >= IDENTIFIER && numbers.some((number) => number.length > 3);
  // "tr.0719.001-e441b3e979daad18", "n690525583_4260656": letters with an identifier. Fewer digits are a type's or a
  // version's: "msp430", "gplv3".
  return opaque > 0 || makers > 0 || (isNumbered && weak === 0) ? "code" : undefined;
}

/** Names of nothing but numbers, hashes and words of the lists. */
function ofGenericWords({ stem, hasExtension, hasSize, isFile, digits }: Name, parts: Parts): string | undefined {
  const { makers, generic, weak, hollow, filler, opaque } = parts;
  if (opaque > 0) return "hash";
  if (makers > 0) {
    // Cameras count with four digits and more, and few letters alone are an abbreviation: not "dsci573_banner", "mvc.png".
    const isCounted = digits > 0 && (weak === 0 || !/^[a-z]+\d{1,3}[_-]/i.test(stem));
    const isSpelled = digits === 0 && hasExtension && weak === 0 && !/^(?!img|dsc)[a-z]{2,4}$/i.test(stem);
    return isCounted || isSpelled ? "camera or program name" : undefined;
  }
  if (/^screen ?shot\b/i.test(stem)) return "screenshot";
  // "picture-frame" and "photo-gallery" say what is shown.
  if (generic > 0 && (digits > 0 || (hasExtension && weak === 0))) return "generic name";
  // "banner (2)": a counter in brackets is a system's.
  if (weak + hollow > 0 && COUNTER.test(stem)) return "generic file name";
  if (weak > 0) return isFile && (digits > 0 || hasSize) ? "generic file name" : undefined;
  if (hollow > 0 && isFile && (digits > 0 || (hasExtension && filler === 0))) return "generic file name";
  if (QUARTER_OR_VERSION.test(stem)) return undefined;
  const isNumber = hasExtension && digits > 0 && (filler <= 2 || digits >= IDENTIFIER);
  return isNumber && !TYPE.test(stem) ? "numbers" : undefined;
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
      if (caption.length > LONGEST && caption.length - caption.lastIndexOf("/") > LONGEST) return KEEP;
      if (
        !/\d|\.[a-z]{3,4}\b/i.test(caption) &&
        (caption.length > LONGEST_UNTITLED || !isPlainProgramName(plain(caption)))
      )
        return KEEP;
      const reason = automatic(caption, words);
      return reason ? drop(reason) : KEEP;
    },
  };
}
