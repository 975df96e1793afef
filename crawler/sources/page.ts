import type { Candidate } from "../../store/types.ts";
import { release } from "../buffers.ts";
import type { Extracted } from "../extract.ts";
import type { ExtractPool, Reading } from "../extract-pool.ts";
import { FetchError } from "../fetch-error.ts";
import type { ResponseHeaders } from "../http.ts";
import type { Holding } from "../memory.ts";
import type { Net } from "../net.ts";
import { pageOptOut } from "../opt-out.ts";
import type { EarlyDrop } from "./source.ts";

const MAX_PAGE_BYTES = 5 * 1024 * 1024;
/** sitemaps.org allows 50 MB uncompressed. */
const MAX_SITEMAP_BYTES = 50 * 1024 * 1024;

/** A page or sitemap, read. */
export interface Document {
  /** The address after redirects. */
  url: string;
  status: number;
  reading: Reading;
  optOut: string[];
}

/** What an entry of a reading takes, as strings: two addresses and a text. */
const ENTRY_BYTES = 1_024;

/**
 * Fetches and reads a page or sitemap.
 * @param holding holds the memory of its body, then of its reading; to be released by the caller.
 * @throws FetchError (`not_a_page` as soon as the headers say so), Stopped
 */
export async function fetchDocument(net: Net, pool: ExtractPool, holding: Holding, address: string): Promise<Document> {
  const url = new URL(address);
  await holding.begin();
  const isSitemap = /sitemap|\.xml(?:\.gz)?$/i.test(url.pathname);
  const answer = await net.page(url, {
    maxBytes: isSitemap ? MAX_SITEMAP_BYTES : MAX_PAGE_BYTES,
    accept: "text/html, application/xhtml+xml, application/xml;q=0.9",
    room: holding.room,
    onHeaders: (headers) => {
      const type = typeOf(headers);
      if (!/^$|html|xml|text\/plain/i.test(type) && !(isSitemap && /gzip|octet-stream/i.test(type)))
        throw new FetchError("not_a_page", type.slice(0, 100));
    },
  });
  const { body, status, optOut } = answer;
  await holding.settle(body.buffer.byteLength);
  const reading = await pool.read({ body, url: answer.url, type: typeOf(answer.headers), agent: net.agent });
  release(body);
  const { page, sitemap } = reading;
  const entries = [page?.found, page?.links, sitemap?.images, sitemap?.links];
  await holding.settle(ENTRY_BYTES * entries.reduce((sum, list) => sum + (list?.length ?? 0), 0));
  return { url: answer.url, status, reading, optOut };
}

function typeOf(headers: ResponseHeaders): string {
  return String(headers["content-type"] ?? "");
}

/** The pairs of a document, each with the licence and the opt-out signals that apply to it. */
export function candidatesOf({ url, reading, optOut }: Document): Candidate[] {
  const signals = pageOptOut(optOut, reading.page);
  const common = { source: "web", ...(signals.length > 0 ? { optOut: signals } : {}) };
  const pageUrl = sameSite(reading.page?.canonical, url) ?? url;
  const ofPage = reading.page?.found.map(({ imageUrl, caption, kind, licence = reading.page?.licence }) => ({
    imageUrl,
    caption,
    kind,
    pageUrl,
    ...(licence ? { licence } : {}),
    ...common,
  }));
  const ofSitemap = reading.sitemap?.images.map((image) => ({ ...image, kind: "sitemap" as const, ...common }));
  return ofPage ?? ofSitemap ?? [];
}

/** A page may speak for its own host only. */
function sameSite(canonical: string | undefined, url: string): string | undefined {
  return canonical !== undefined && new URL(canonical).host === new URL(url).host ? canonical : undefined;
}

/** What of a page could not become a pair. */
export function dropsOf(page: Extracted): EarlyDrop[] {
  const drops: EarlyDrop[] = [];
  if (page.noText.count > 0) drops.push({ reason: "no_text", pairs: page.noText.count, example: page.noText.example });
  if (page.badUrl.count > 0) drops.push({ reason: "bad_url", pairs: page.badUrl.count, example: page.badUrl.example });
  return drops;
}
