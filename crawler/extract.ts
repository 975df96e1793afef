import { isUtf8 } from "node:buffer";
import { type CheerioAPI, loadBuffer } from "cheerio";
import { cleanCaption } from "../filters/caption/clean.ts";
import { normaliseUrl } from "../store/pair-id.ts";
import type { CaptionKind } from "../store/types.ts";
import { metaOptOut } from "./opt-out.ts";

/** One picture of a page with one of its texts. */
export interface Found {
  imageUrl: string;
  caption: string;
  kind: CaptionKind;
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
  licence?: string;
  optOut: string[];
}

/** A page with more pairs than this is a trap or an index of everything; the rest is left. */
const MAX_PAIRS = 2_000;
/** Of a srcset, the smallest candidate with at least this long side is enough for training and costs the fewest bytes. */
const ENOUGH_PIXELS = 1024;
const LAZY_ADDRESSES = ["data-src", "data-original", "data-lazy-src", "data-lazy"];
const LAZY_SRCSETS = ["data-srcset", "data-lazy-srcset", "srcset"];

/**
 * Pairs, links and signals of an HTML page. cheerio runs on htmlparser2: its default parser leaves pictures inside
 * noscript unparsed and can be kept busy for a minute by a hostile page.
 * @param charset the label from the Content-Type header, if any; a byte order mark wins over it, it wins over meta.
 */
export function extractPage(body: Buffer, address: string, charset: string | undefined, agent: string): Extracted {
  const encoding = {
    defaultEncoding: isUtf8(body) ? "utf-8" : "windows-1252",
    ...(charset ? { transportLayerEncodingLabel: charset } : {}),
  };
  const $ = loadBuffer(body, { xml: { xmlMode: false }, encoding });
  const base = URL.parse($("base[href]").first().attr("href") ?? "", address)?.href ?? address;
  const result: Extracted = {
    found: [],
    noText: { count: 0, example: "" },
    badUrl: { count: 0, example: "" },
    links: linksOf($, base),
    optOut: metaOptOut(
      $("meta[name]")
        .toArray()
        .map((meta) => ({ name: $(meta).attr("name") ?? "", content: $(meta).attr("content") ?? "" })),
      agent,
    ),
  };
  const licence = $("link[rel~=license][href], a[rel~=license][href]").first().attr("href");
  const licenceUrl = licence === undefined ? undefined : normaliseUrl(licence, base);
  if (licenceUrl) result.licence = licenceUrl;

  const pictures = new Map<string, Map<string, CaptionKind>>();
  for (const img of $("img").toArray()) {
    const source = addressOf($, img);
    const imageUrl = source === undefined ? undefined : normaliseUrl(source, base);
    if (!imageUrl) {
      result.badUrl.count++;
      result.badUrl.example ||= (source ?? "no address").slice(0, 200);
      continue;
    }
    let texts = pictures.get(imageUrl);
    if (!texts) {
      texts = new Map();
      pictures.set(imageUrl, texts);
    }
    const figure = $(img).closest("figure");
    const candidates: [CaptionKind, string][] = [
      ["figcaption", figure.find("figcaption").first().text()],
      ["alt", $(img).attr("alt") ?? ""],
      ["title", $(img).attr("title") ?? ""],
    ];
    for (const [kind, text] of candidates) {
      const caption = cleanCaption(text);
      if (caption !== "" && !texts.has(caption)) texts.set(caption, kind);
    }
  }
  for (const [imageUrl, texts] of pictures) {
    if (texts.size === 0) {
      result.noText.count++;
      result.noText.example ||= imageUrl;
    }
    for (const [caption, kind] of texts) {
      if (result.found.length < MAX_PAIRS) result.found.push({ imageUrl, caption, kind });
    }
  }
  return result;
}

type Element = Parameters<CheerioAPI["contains"]>[0];

/** The address to fetch for an img: from srcsets (its own and its picture's sources), else lazy-loading attributes, else src. */
function addressOf($: CheerioAPI, img: Element): string | undefined {
  const elements = [...$(img).closest("picture").children("source").toArray(), img];
  const candidates = elements.flatMap((element) => {
    if ($(element).attr("type")?.includes("svg")) return [];
    const srcset = LAZY_SRCSETS.map((name) => $(element).attr(name)).find((value) => value);
    return srcset ? parseSrcset(srcset) : [];
  });
  const best = chooseCandidate(candidates);
  if (best !== undefined) return best;
  for (const name of LAZY_ADDRESSES) {
    const value = $(img).attr(name);
    if (value) return value;
  }
  return $(img).attr("src");
}

interface SrcsetCandidate {
  url: string;
  /** Width in pixels, or the density times one thousandth when only densities are given. */
  size: number;
}

/** The candidates of a srcset attribute (HTML standard, 4.8.4.2); addresses may hold commas, so spaces end them. */
export function parseSrcset(srcset: string): SrcsetCandidate[] {
  const candidates: SrcsetCandidate[] = [];
  for (const [, address = "", descriptor = ""] of srcset.matchAll(
    /([^\s,]\S*[^\s,]|[^\s,])(?:\s+([\d.]+[wxh]))?\s*(?:,|$)/g,
  )) {
    if (address.startsWith("data:")) continue;
    const figure = Number.parseFloat(descriptor) || 1;
    candidates.push({ url: address, size: descriptor.endsWith("w") ? figure : figure / 1000 });
  }
  return candidates;
}

/** The smallest candidate that is large enough, else the largest. */
export function chooseCandidate(candidates: SrcsetCandidate[]): string | undefined {
  let best: SrcsetCandidate | undefined;
  for (const candidate of candidates) {
    if (!best) best = candidate;
    else if (
      best.size >= ENOUGH_PIXELS
        ? candidate.size >= ENOUGH_PIXELS && candidate.size < best.size
        : candidate.size > best.size
    )
      best = candidate;
  }
  return best?.url;
}

/** Files that are no pages: asking for them as pages would load every linked picture twice. */
const FILE =
  /\.(?:jpe?g|png|gif|webp|avif|svgz?|bmp|tiff?|heic|ico|pdf|docx?|xlsx?|pptx?|zip|gz|tgz|bz2|xz|7z|rar|tar|exe|dmg|apk|iso|mp[34]|m4[av]|webm|mov|avi|mkv|ogg|wav|flac|css|js|json|xml|rss|txt|csv|woff2?|ttf|eot)$/i;

function linksOf($: CheerioAPI, base: string): string[] {
  const robots = $('meta[name="robots" i]').attr("content") ?? "";
  if (/\b(nofollow|none)\b/i.test(robots)) return [];
  const links = new Set<string>();
  for (const link of $("a[href], area[href]").toArray()) {
    if (/\bnofollow\b/i.test($(link).attr("rel") ?? "")) continue;
    const url = normaliseUrl($(link).attr("href") ?? "", base);
    if (url && !isTrap(url) && !FILE.test(new URL(url).pathname)) links.add(url);
  }
  return [...links];
}

/** Addresses that grow for ever: too long, too deep, or with a path segment three times over. */
function isTrap(url: string): boolean {
  if (url.length > 2_083) return true;
  const segments = new URL(url).pathname.split("/").filter((segment) => segment !== "");
  if (segments.length > 20) return true;
  return segments.some((segment) => segments.filter((other) => other === segment).length >= 3);
}

/** The addresses in a sitemap or sitemap index (sitemaps.org); undefined when the body is neither. */
export function extractSitemap(body: Buffer): string[] | undefined {
  const head = body.subarray(0, 2_000).toString("latin1");
  if (!/<(?:urlset|sitemapindex)[\s>]/i.test(head)) return undefined;
  const $ = loadBuffer(body, { xml: true, encoding: { defaultEncoding: "utf-8" } });
  return $("url > loc, sitemap > loc")
    .toArray()
    .map((loc) => normaliseUrl($(loc).text()))
    .filter((url) => url !== undefined);
}
