import { load } from "cheerio";
import type { CaptionKind } from "../../store/types.ts";

/** What of a list's row becomes what; columns by their own names. */
export interface ListSchema {
  /** The published list, for the log. */
  name: string;
  url: string;
  captions: { column: string; kind: CaptionKind }[];
  page?: string;
  licence?: string;
  author?: string;
  language?: string;
  date?: string;
  sha256?: string;
  md5?: string;
  /** Makes text of what the list has. */
  decode?: (text: string) => string;
  /** Whether the row is of a picture. */
  isPicture?: { column: string; value: string };
}

/** Column names in use for the address and the caption, first match wins, whatever their case. */
const URL_NAMES = ["url", "image_url", "imageurl", "img_url", "image_urls", "link"];
const CAPTION_NAMES = ["caption", "text", "alt", "alt_text", "captions", "description", "title"];

/** YFCC100M's 23 columns; a newer copy has a line number before and a hash behind the photo's id. */
const YFCC = [
  "photo_id user_id nick date_taken date_uploaded camera title description user_tags machine_tags longitude latitude",
  "accuracy page_url download_url license license_url server farm secret secret_original extension marker",
].flatMap((line) => line.split(" "));
const YFCC_HASHED = ["line", "photo_id", "hash", ...YFCC.slice(1)];

/** Published lists that need more than the address and one caption; the columns that tell them apart come first. */
const PUBLISHED: (Omit<ListSchema, "url" | "captions"> & Pick<ListSchema, "captions" | "url"> & { tell: string[] })[] =
  [
    {
      name: "Google WIT",
      tell: ["image_url", "caption_reference_description", "caption_alt_text_description"],
      url: "image_url",
      captions: [
        { column: "caption_reference_description", kind: "figcaption" },
        { column: "caption_alt_text_description", kind: "alt" },
        { column: "caption_attribution_description", kind: "list" },
      ],
      page: "page_url",
      language: "language",
    },
    {
      name: "LAION-COCO",
      tell: ["url", "text", "top_caption"],
      url: "url",
      captions: [
        { column: "text", kind: "alt" },
        { column: "top_caption", kind: "list" },
      ],
    },
    {
      name: "DataComp",
      tell: ["uid", "url", "text", "sha256"],
      url: "url",
      captions: [{ column: "text", kind: "alt" }],
      sha256: "sha256",
    },
    {
      name: "LAION",
      tell: ["url", "text", "similarity"],
      url: "url",
      captions: [{ column: "text", kind: "alt" }],
      licence: "license",
      language: "language",
      md5: "md5",
    },
    {
      name: "COYO-700M",
      tell: ["url", "text", "image_phash"],
      url: "url",
      captions: [{ column: "text", kind: "alt" }],
    },
    {
      name: "RedCaps",
      tell: ["url", "caption", "subreddit", "permalink"],
      url: "url",
      captions: [{ column: "caption", kind: "list" }],
      page: "permalink",
      author: "author",
    },
    {
      name: "YFCC100M",
      tell: ["photo_id", "download_url", "marker"],
      url: "download_url",
      captions: [
        { column: "description", kind: "list" },
        { column: "title", kind: "title" },
      ],
      page: "page_url",
      licence: "license_url",
      author: "nick",
      date: "date_taken",
      decode: (text) => plainText(decodeForm(text)),
      isPicture: { column: "marker", value: "0" },
    },
  ];

/**
 * What the columns of a list mean.
 * @param asked columns the user named; they win.
 * @throws Error naming the list and the columns it has.
 */
export function schemaOf(
  names: readonly string[],
  asked: { urlColumn?: string | undefined; captionColumn?: string | undefined },
  list: string,
): ListSchema {
  const find = (wanted: string) =>
    names.find((name) => name === wanted) ?? names.find((name) => name.toLowerCase() === wanted.toLowerCase());
  const need = (wanted: readonly string[], option: string) => {
    const found = wanted.map(find).find((name) => name !== undefined);
    if (found !== undefined) return found;
    throw new Error(`${list}: no column ${wanted.join(" or ")}; it has ${names.join(", ")}: name one with ${option}`);
  };
  const published = PUBLISHED.find(({ tell }) => tell.every((name) => find(name) !== undefined));
  const { tell, ...known } = published ?? { tell: [] };
  const schema: ListSchema = {
    name: published?.name ?? "list",
    url: need(
      asked.urlColumn === undefined ? (published ? [published.url] : URL_NAMES) : [asked.urlColumn],
      "--url-col",
    ),
    captions:
      published && asked.captionColumn === undefined
        ? published.captions.map(({ column, kind }) => ({ column: need([column], "--caption-col"), kind }))
        : [
            {
              column: need(asked.captionColumn === undefined ? CAPTION_NAMES : [asked.captionColumn], "--caption-col"),
              kind: "list",
            },
          ],
  };
  const { decode, isPicture } = known as Partial<ListSchema>;
  if (decode) schema.decode = decode;
  if (isPicture) schema.isPicture = isPicture;
  for (const key of ["page", "licence", "author", "language", "date", "sha256", "md5"] as const) {
    const column = find((known as Partial<ListSchema>)[key] ?? GENERIC[key] ?? "");
    if (column !== undefined) schema[key] = column;
  }
  return schema;
}

/** Columns of any list that mean what they say. */
const GENERIC: Partial<Record<keyof ListSchema, string>> = {
  page: "page_url",
  licence: "license",
  sha256: "sha256",
  md5: "md5",
  author: "author",
};

/**
 * The columns of a list whose first line, this one, is no header because it holds an address; undefined when it is one.
 * @throws Error when the shape is of no list we know.
 */
export function headerless(first: readonly string[], list: string): string[] | undefined {
  const address = first.findIndex((field) => /^https?:\/\//i.test(field.trim()));
  if (address < 0) return undefined;
  if (first.length === YFCC.length) return YFCC;
  if (first.length === YFCC_HASHED.length) return YFCC_HASHED;
  // Conceptual 12M has the address first, Conceptual Captions (CC3M) the caption.
  if (first.length === 2) return address === 0 ? ["url", "caption"] : ["caption", "url"];
  throw new Error(
    `${list}: the first line holds an address, and ${first.length} columns are those of no list that is published without a header: add a line with the columns' names`,
  );
}

/** Text of a web form: percent-encoded UTF-8 with plus signs for spaces; what is no valid encoding stays. */
function decodeForm(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

/** The text of an HTML fragment, as descriptions on Flickr and Commons are; text without tags stays as it is. */
export function plainText(html: string): string {
  if (!html.includes("<")) return html;
  return load(html.replace(/<br\s*\/?>|<\/(?:p|div|li)>/gi, "$& "), null, false).text();
}
