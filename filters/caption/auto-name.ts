import { type CaptionRule, drop, KEEP } from "../rule.ts";

/**
 * Names made by cameras, phones, scanners, programs and servers: "20160716_113957.JPG", "DSC_0123", "image001".
 *
 * A name is taken apart into runs of letters and runs of digits; each run of letters is looked up in the lists below. One
 * word that is in none of them means that somebody named the picture ("IMG Arena logo", "B-52 bomber"), and it stays.
 * Without such a word, a maker's prefix or a generic noun with a number, or a hash, makes it an automatic name.
 */

function list(words: string): ReadonlySet<string> {
  return new Set(plain(words).split(" "));
}

/** Letters without accents, full-width forms as ASCII, so that "Capture d'écran" is looked up like the rest. */
function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "");
}

/** Prefixes of cameras, phones, scanners and apps, and stock agencies: with any number they are an automatic name. */
const MAKERS = list(
  "img dsc dscn dscf dscs dsci dsch dscx dcim sdc pxl mvimg mvi gopr gopro dji cimg imgp pict picx hpim kif sany dcp dcf fdsc fuji mvc imag imga imgl imgs imgn imgc imgi imgr imgx " +
    "snc msg vid mov movie rimg simg himg kimg cam cimage pano burst wa fb whatsapp telegram snapchat viber mmexport wechat weixin kakaotalk messenger received inbound inshot picsart photogrid snapseed " +
    "psx lrm vsco beautyplus meitu faceapp facetune photoroom prisma canva capcut tumblr instagram insta igdownloader ig pinterest twitter imgur ebay " +
    "shutterstock istock istockphoto gettyimages getty adobestock depositphotos dreamstime alamy fotolia bigstock bigstockphoto canstock canstockphoto pexels pixabay unsplash freepik rawpixel stocksnap stockphoto vecteezy " +
    "screenshot screenshots scrnshot cleanshot bildschirmfoto schermafbeelding schermata skjermbilde skarmavbild skarmbild zrzut fullsizerender fullsizeoutput lightbox epson hpscan scansnap twain maxresdefault hqdefault wp ecran pantalla ekranu " +
    "снимок экрана скриншот знімок екрана 截屏 截图 截圖 屏幕截图 屏幕快照 螢幕截圖 螢幕快照 微信图片 微信截图 qq图片 qq截图 스크린샷 화면 캡처 スクリーンショット",
);

/** Nouns that programs put before a number ("image001", "Photo 2"), also with a space. */
const GENERIC = list(
  "image images photo photos picture pictures pic pics foto fotos bild bilder imagen imagem immagine slide scan scanned untitled unnamed snapshot attachment thumbnail screencap picsum",
);

/** Nouns that are automatic with a number only in file-name spelling: "banner_01", "product-123", but not "Banner 2". */
const WEAK = list(
  "banner header footer slider carousel logo icon bg background gallery page file fig figure product item frame video camera capture document doc layer artboard collage thumb cover hero portrait default test temp tmp upload uploads download media project section block post entry content main home sample asset graphic button sprite placeholder avatar profile featured preview desktop mobile tablet",
);

/** Runs of letters that say nothing in a name which is otherwise automatic. */
const FILLER = list(
  "jpg jpeg png gif webp bmp tif tiff heic heif svg avif jfif raw cr nef arw dng psd ai pdf at am pm on of from by to the and with no nr num id via ios android copy kopie copie copia edit edited final new old min web hires lowres res orig original resize resized crop cropped scaled scale rotated optimized compressed enhanced kb mb clip full half large medium small big xl xxl px dpi ver version rev hdr comp bokeh mp hq sd uhd ac sl sx sy ul ux cr fmt fit " +
    "jan january feb february mar march apr april may jun june jul july aug august sep sept september oct october nov november dec december mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday uhr " +
    "screen shot capture captura tela de pro wx preview window main time date export output editor design render unknown random shared timeline scanned thumb stock photo photos img image picture cover night panorama selfie",
);

const EXTENSION =
  /[.\s_-]+(?:jpe?g|png|gif|webp|bmp|tiff?|heic|heif|svg|avif|jfif|raw|cr2|nef|arw|dng|psd|pdf)(?=[\s.,;)_-]*$|-\d+x\d+$|@\dx$)/i;
const UUID = /^[{(]?[\da-f]{8}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{12}[)}]?/i;
/** "_MG_1234", "ABC_0123", "KIF12345": capitals no list knows, in the form cameras use. */
const CAMERA_FORM =
  /^_?[A-Z]{1,4}_\d{3,8}(?:[\s_-]*(?:\(\d+\)|\d{1,2}|[A-Za-z]))?$|^_?[A-Z]{2,4}\d{5,8}$|^[A-Z]{1,2}\d{7,8}$/;
/** Olympus and Panasonic: P, the month in hexadecimal, the day, a counter. */
const MONTH_DAY = /^P[1-9A-C][0-3]\d{5}\b/;
/** A size that a publishing tool appended: "-300x225". */
const SIZE = /[-_]\d{2,4}x\d{2,4}(?:[-_]c)?$/;
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
  `(?:${DATES.join("|")})(?:[\\s_T-]*\\p{L}{0,8}[\\s_.-]*)[012]?\\d[\\s.:_-]*[0-5]\\d[\\s.:_-]*[0-5]\\d`,
  "u",
);
/** So many words beside a moment may be the program's or a window's name. */
const BESIDE_MOMENT = 4;
/** Two or more numbers that a clock, a counter or a server joined: "20160716_113957", "100_0123", "1 (2)". */
const NUMBERS = /^[a-z]?[\d\s_.,:()x+~-]{6,}[a-z]?$/i;

/** The reason a name is automatic, or undefined. */
function automatic(caption: string): string | undefined {
  const text = plain(caption).trim();
  const file = text.replace(/^\S*\//, "");
  const stem = file.replace(EXTENSION, "").replace(SIZE, "").trim();
  const hasExtension = stem !== file;
  if (UUID.test(stem)) return "UUID";
  if (CAMERA_FORM.test(stem) || MONTH_DAY.test(stem)) return "camera name";
  const beside = stem.replace(MOMENT, " ");
  if (beside !== stem && (beside.match(/\p{L}{2,}/gu)?.length ?? 0) <= BESIDE_MOMENT) return "moment";
  const digits = stem.replace(/\D/g, "").length;
  if (NUMBERS.test(stem) && digits >= 6) return "numbers";

  let makers = 0;
  let generic = 0;
  let weak = 0;
  let filler = 0;
  let opaque = 0;
  let words = 0;
  for (const chunk of stem.match(/[\p{L}\p{N}]+/gu) ?? []) {
    if (isOpaque(chunk)) {
      opaque++;
      continue;
    }
    for (const run of chunk.match(/\p{L}+/gu) ?? []) {
      const word = run.toLowerCase();
      if (MAKERS.has(word)) makers++;
      else if (GENERIC.has(word)) generic++;
      else if (WEAK.has(word)) weak++;
      else if (FILLER.has(word) || word.length === 1) filler++;
      else words++;
    }
  }
  const spelledAsFile = hasExtension || !stem.includes(" ");
  // "pexels-jane-doe-1234567", "jane-doe-AbC12dEf-unsplash": the agency's name makes the others names of people.
  if (spelledAsFile && digits >= 1 && /^pexels-|-unsplash(?:[_-]\d*x?\d*)?$/i.test(stem)) return "stock name";
  // "Screenshot 2021-09-14 at 10.22 Firefox": a program adds the window's title.
  if (/^screen[\s_-]?shot\b/i.test(stem.replaceAll("_", " ")) && digits >= 6 && words <= 3) return "screenshot";
  // "DJI_0644_boxes", "GettyImages-157678123-blog-min": what was done with it stands behind the number.
  const [, maker = ""] = /^_?([a-z]{2,14})[-_]?\d{4,}/i.exec(stem) ?? [];
  if (spelledAsFile && words <= 2 && MAKERS.has(maker.toLowerCase())) return "camera or program name";
  if (words > 0) return undefined;
  if (opaque > 0) return "hash";
  if (makers > 0 && (digits > 0 || hasExtension)) return "camera or program name";
  if (/^screen ?shot\b/i.test(stem)) return "screenshot";
  if (generic > 0 && (digits > 0 || hasExtension)) return "generic name";
  if (weak > 0 && spelledAsFile && (digits > 0 || hasExtension)) return "generic file name";
  if (hasExtension && digits > 0 && filler <= 2 && weak === 0) return "numbers";
  return /^(?:untitled|unnamed|fullsizerender|maxresdefault|hqdefault|screenshot|new project)\b/i.test(stem)
    ? "program name"
    : undefined;
}

/** Hashes and random identifiers: letters and digits, or capitals and small ones, alternate as in no word. */
function isOpaque(chunk: string): boolean {
  if (chunk.length < 8 || !/^[a-z0-9]+$/i.test(chunk) || !/\d/.test(chunk) || !/[a-z]/i.test(chunk)) return false;
  let changes = 0;
  for (let i = 1; i < chunk.length; i++) {
    const before = kind(chunk.charCodeAt(i - 1));
    const after = kind(chunk.charCodeAt(i));
    // A capital before a small letter begins a word: "iPhone12ProMax" has four changes in fourteen characters.
    if (before !== after && !(before === UPPER && after === LOWER)) changes++;
  }
  return /^[\da-f]+$/i.test(chunk) ? changes >= 2 : chunk.length >= 10 && changes / chunk.length >= 0.33;
}

const DIGIT = 0;
const UPPER = 1;
const LOWER = 2;

function kind(code: number): number {
  return code < 58 ? DIGIT : code < 91 ? UPPER : LOWER;
}

/** The longest automatic names are those of stock agencies and screenshots. */
const LONGEST = 120;

export const autoName: CaptionRule = {
  name: "auto_name",
  help: "a name made by a camera, phone, scanner, program or server",
  check(caption) {
    // Nearly all captions end here: no digit, no extension and not one of the few names without either.
    if (caption.length > LONGEST || !/\d|\.[a-z]{3,4}\b|^(?:untitled|unnamed|screen|full|max|hq)/i.test(caption))
      return KEEP;
    const reason = automatic(caption);
    return reason ? drop(reason) : KEEP;
  },
};
