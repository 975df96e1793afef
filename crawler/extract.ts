import { type CheerioAPI, load } from "cheerio/slim";
import { cleanCaption } from "../filters/caption/clean.ts";
import { normaliseUrl, resolver } from "../store/pair-id.ts";
import type { CaptionKind } from "../store/types.ts";
import { parseBounded } from "./bounded-dom.ts";
import { decodePage } from "./charset.ts";
import { collectLinks, ofUsualLength } from "./links.ts";
import { metaOptOut, tdmMeta } from "./opt-out.ts";
import { chooseCandidate, parseSrcset } from "./srcset.ts";
import { type Described, imageObjects, previewImages } from "./structured.ts";

/** One picture of a page with one of its texts. */
export interface Found {
  imageUrl: string;
  caption: string;
  kind: CaptionKind;
  /** The picture's own licence; the page's is {@link Extracted.licence}. */
  licence?: string;
}

/** What a page holds for us. */
export interface Extracted {
  found: Found[];
  /** Pictures without any text, and the first one's address. */
  noText: { count: number; example: string };
  /** Pictures whose address is none that can be fetched. */
  badUrl: { count: number; example: string };
  /** http(s) addresses the page links to, without repeats; empty when it asks not to follow. */
  links: string[];
  /** The address the page gives as its own (`link rel=canonical`). */
  canonical?: string;
  licence?: string;
  optOut: string[];
  /** Whether its meta elements reserve it from text and data mining; missing when they do not say. */
  tdm?: boolean;
}

/** A page with more pairs than this is a trap or an index of everything; the rest is left. */
const MAX_PAIRS = 2_000;
const MAX_PICTURES = 10_000;
/** The same in characters of addresses and texts: thousands of pictures may share a long base, or the caption of a figure. */
const MAX_CHARACTERS = 1_000_000;
/** Longer texts are no captions; the rule `too_long` sees that from a part. */
const MAX_TEXT = 10_000;
const MAX_IMAGE_URL = 4_096;
/** Attributes in which pages that load lazily keep the address, and the srcset; in this order. */
export const LAZY_ADDRESSES = [
  "data-src",
  "data-original",
  "data-lazy-src",
  "data-lazy",
  "data-hi-res-src",
  "data-actualsrc",
];
/** The same for srcsets, the standard one last. */
export const LAZY_SRCSETS = ["data-srcset", "data-lazy-srcset", "data-original-set", "srcset"];

type Element = Parameters<CheerioAPI["contains"]>[0];

/**
 * Pairs, links and signals of an HTML page.
 * @param charset the label from the Content-Type header, if any; see {@link decodePage}.
 * @param agent the name by which meta elements may address us.
 */
export function extractPage(body: Uint8Array, address: string, charset: string | undefined, agent: string): Extracted {
  const $ = load(parseBounded(decodePage(body, charset)));
  const base = baseOf($, address);
  const metas = $("meta")
    .toArray()
    .map((meta) => ({
      name: $(meta).attr("name") ?? $(meta).attr("property") ?? "",
      content: $(meta).attr("content") ?? "",
    }));
  const pictures = new Pictures(base);
  for (const img of withoutTwins($)) {
    const source = addressOf($, img);
    const figure = $(img).closest("figure");
    pictures.add(source, [
      ["figcaption", figure.length > 0 ? figure.find("figcaption").first().text() : ""],
      ["alt", $(img).attr("alt") ?? ""],
      ["title", $(img).attr("title") ?? ""],
    ]);
    if (pictures.full) break;
  }
  for (const script of $('script[type="application/ld+json" i]').toArray())
    for (const described of imageObjects($(script).text())) pictures.addDescribed(described, "json-ld");
  for (const described of previewImages(metas)) pictures.addDescribed(described, "preview");

  const result: Extracted = {
    ...pictures.result(),
    links: follows(metas, agent) ? collectLinks(hrefs($), base) : [],
    optOut: metaOptOut(metas, agent),
  };
  const tdm = tdmMeta(metas);
  if (tdm !== undefined) result.tdm = tdm;
  const canonical = linkTo($, "link[rel~=canonical i][href]", base);
  if (canonical) result.canonical = canonical;
  const licence = linkTo($, "link[rel~=license i][href], a[rel~=license i][href]", base);
  if (licence) result.licence = licence;
  return result;
}

/** The pictures of a page as they are found, with their texts. */
export class Pictures {
  readonly #resolve: (address: string) => string | undefined;
  readonly #pictures = new Map<string, { texts: Map<string, CaptionKind> | undefined; licence?: string }>();
  readonly #badUrl = { count: 0, example: "" };
  #pairs = 0;
  #characters = 0;

  constructor(base: string) {
    this.#resolve = resolver(base);
  }

  get full(): boolean {
    return this.#pairs >= MAX_PAIRS || this.#pictures.size >= MAX_PICTURES || this.#characters >= MAX_CHARACTERS;
  }

  add(source: string | undefined, texts: readonly (readonly [CaptionKind, string])[], licence?: string): void {
    const imageUrl = source === undefined || source.length > MAX_IMAGE_URL ? undefined : this.#resolve(source);
    if (!imageUrl || imageUrl.length > MAX_IMAGE_URL) {
      this.#badUrl.count++;
      this.#badUrl.example ||= (source ?? "no address").slice(0, 200);
      return;
    }
    let picture = this.#pictures.get(imageUrl);
    if (!picture) {
      picture = { texts: undefined };
      this.#pictures.set(imageUrl, picture);
    }
    if (licence !== undefined) picture.licence = licence;
    for (const [kind, text] of texts) {
      if (text === "") continue;
      const caption = cleanCaption(text.slice(0, MAX_TEXT));
      // What could not be decoded says something else than it did.
      if (caption === "" || caption.includes("\ufffd") || picture.texts?.has(caption)) continue;
      picture.texts ??= new Map();
      picture.texts.set(caption, kind);
      this.#pairs++;
      this.#characters += imageUrl.length + caption.length;
    }
  }

  addDescribed({ url, text, licence }: Described, kind: CaptionKind): void {
    if (!this.full) this.add(url, [[kind, text]], licence === undefined ? undefined : this.#resolve(licence));
  }

  result(): Pick<Extracted, "found" | "noText" | "badUrl"> {
    const found: Found[] = [];
    const noText = { count: 0, example: "" };
    for (const [imageUrl, { texts, licence }] of this.#pictures) {
      if (!texts) {
        noText.count++;
        noText.example ||= imageUrl;
        continue;
      }
      for (const [caption, kind] of texts) {
        if (found.length >= MAX_PAIRS) break;
        found.push(licence === undefined ? { imageUrl, caption, kind } : { imageUrl, caption, kind, licence });
      }
    }
    return { found, noText, badUrl: this.#badUrl };
  }
}

/** A base that is no http(s) address is none, nor is one of more than the usual length. */
function baseOf($: CheerioAPI, address: string): string {
  return ofUsualLength(normaliseUrl($("base[href]").first().attr("href") ?? "", address)) ?? address;
}

function linkTo($: CheerioAPI, selector: string, base: string): string | undefined {
  const href = $(selector).first().attr("href");
  return href === undefined ? undefined : ofUsualLength(normaliseUrl(href, base));
}

/**
 * The img elements, without those that only stand in until a script runs: pages that load lazily put the real one into
 * a noscript right behind. Texts that only the stand-in has go over to the real one.
 */
function withoutTwins($: CheerioAPI): Element[] {
  const standIns = new Set<Element>();
  for (const noscript of $("noscript").toArray()) {
    const real = $(noscript).find("img");
    const standIn = $(noscript).prev();
    if (real.length !== 1 || !standIn.is("img")) continue;
    const [alt, realAlt] = [standIn.attr("alt") ?? "", real.attr("alt") ?? ""];
    if (alt !== "" && realAlt !== "" && alt !== realAlt) continue;
    for (const name of ["alt", "title"]) {
      const text = standIn.attr(name);
      if (text && !real.attr(name)) real.attr(name, text);
    }
    for (const element of standIn.toArray()) standIns.add(element);
  }
  return $("img")
    .toArray()
    .filter((img) => !standIns.has(img));
}

/** The address to fetch for an img: from srcsets (its own and its picture's sources), else lazy-loading attributes, else src. */
function addressOf($: CheerioAPI, img: Element): string | undefined {
  const elements = [...$(img).closest("picture").children("source").toArray(), img];
  const candidates = elements.flatMap((element) => {
    if ($(element).attr("type")?.includes("svg")) return [];
    const srcset = LAZY_SRCSETS.map((name) => $(element).attr(name)).find((value) => value);
    return srcset ? parseSrcset(srcset) : [];
  });
  const best = chooseCandidate(candidates, {
    width: pixels($(img).attr("width")),
    height: pixels($(img).attr("height")),
  });
  if (best !== undefined) return best;
  for (const name of LAZY_ADDRESSES) {
    const value = $(img).attr(name);
    if (value) return value;
  }
  return $(img).attr("src");
}

/** A width or height attribute; 0 for none, and for shares of the window. */
export function pixels(attribute: string | undefined): number {
  return /^\s*\d{1,5}(?:px)?\s*$/.test(attribute ?? "") ? Number.parseInt(attribute ?? "", 10) : 0;
}

function follows(metas: readonly { name: string; content: string }[], agent: string): boolean {
  return !metas.some(
    ({ name, content }) =>
      ["robots", agent].includes(name.trim().toLowerCase()) && /\b(?:nofollow|none)\b/i.test(content),
  );
}

function* hrefs($: CheerioAPI): Generator<string> {
  for (const link of $("a[href], area[href]").toArray())
    if (!/\bnofollow\b/i.test($(link).attr("rel") ?? "")) yield $(link).attr("href") ?? "";
}
