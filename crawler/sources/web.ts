import type { Database } from "../../store/database.ts";
import { normaliseUrl } from "../../store/pair-id.ts";
import type { Candidate } from "../../store/types.ts";
import { type Extracted, extractPage, extractSitemap } from "../extract.ts";
import { FetchError } from "../fetch-error.ts";
import { hostOf } from "../hosts.ts";
import type { Fetched } from "../http.ts";
import type { Net } from "../net.ts";
import { headerOptOut } from "../opt-out.ts";
import { merge } from "./merge.ts";
import type { Batch, EarlyDrop } from "./source.ts";

/** How far a crawl of pages goes. */
export interface WebOptions {
  /** Pages the crawl starts from; it stays on their sites. */
  seeds: readonly string[];
  /** Links followed from a seed. */
  depth: number;
  /** Pages fetched in all runs together. */
  maxPages: number;
}

const MAX_PAGE_BYTES = 5 * 1024 * 1024;
const MAX_ATTEMPTS = 3;
const HOSTS_AT_ONCE = 128;

interface PageRow {
  url: string;
  depth: number;
  attempts: number;
}

/**
 * Crawls the sites of the seeds, each site one page after the other. The frontier is the table `page`; a page's
 * candidates, its links and its own state are written together.
 * @throws Error naming a seed that is no http(s) address.
 */
export async function* crawlPages(
  db: Database,
  net: Net,
  options: WebOptions,
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  const addPage = db.prepare(
    "INSERT INTO page (url, host, depth, state) VALUES (?, ?, ?, 'waiting') ON CONFLICT DO NOTHING",
  );
  const sites = new Set<string>();
  db.transaction(() => {
    for (const seed of options.seeds) {
      const url = normaliseUrl(seed);
      if (!url) throw new Error(`${seed} is no http(s) address`);
      const host = hostOf(new URL(url));
      sites.add(host);
      addPage.run(url, host, 0);
    }
  })();
  for (const { host } of db
    .prepare<[], { host: string }>("SELECT DISTINCT host FROM page WHERE state = 'waiting'")
    .all())
    sites.add(host);
  const count = db.prepare<[], { n: number }>("SELECT count(*) AS n FROM page WHERE state <> 'waiting'");
  const budget = { left: options.maxPages - (count.get()?.n ?? 0) };
  yield* merge(
    [...sites].map((host) => crawlSite(db, net, host, options.depth, budget, stop)),
    HOSTS_AT_ONCE,
  );
}

async function* crawlSite(
  db: Database,
  net: Net,
  host: string,
  depth: number,
  budget: { left: number },
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  const next = db.prepare<[string], PageRow>(
    "SELECT url, depth, attempts FROM page WHERE state = 'waiting' AND host = ? ORDER BY depth, rowid LIMIT 1",
  );
  const addPage = db.prepare(
    "INSERT INTO page (url, host, depth, state) VALUES (?, ?, ?, 'waiting') ON CONFLICT DO NOTHING",
  );
  const setState = db.prepare(
    "UPDATE page SET state = ?, reason = ?, attempts = ?, status = ?, found = ? WHERE url = ?",
  );
  const sitemapsOf = new Set<string>();

  for (let page = next.get(host); page && budget.left > 0 && !stop.aborted; page = next.get(host)) {
    budget.left--;
    const { url, attempts } = page;
    const level = page.depth;
    const address = new URL(url);
    const follow = (links: readonly string[], to: number) => {
      for (const link of links) if (to <= depth && hostOf(new URL(link)) === host) addPage.run(link, host, to);
    };
    // A site's sitemaps stand for links from its front page, once an origin.
    const robots = await net.robots.of(address);
    const sitemaps = sitemapsOf.has(address.origin)
      ? []
      : robots.sitemaps.map((sitemap) => normaliseUrl(sitemap)).filter((link) => link !== undefined);
    sitemapsOf.add(address.origin);
    try {
      const fetched = await fetchPage(net, address, robots.crawlDelay);
      const links = fetched.sitemap ?? [];
      const extracted = fetched.page;
      const candidates = extracted ? candidatesOf(extracted, fetched.url, [...robots.optOut, ...fetched.optOut]) : [];
      yield {
        candidates,
        drops: extracted ? dropsOf(extracted) : [],
        done: () => {
          follow(sitemaps, 0);
          // Pages of a sitemap are entries to the site like the seeds; a sitemap itself costs no depth.
          follow(links, level);
          follow(extracted?.links ?? [], level + 1);
          setState.run("done", null, attempts + 1, fetched.status, candidates.length, url);
        },
      };
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      const again = error.next === "retry later" && attempts + 1 < MAX_ATTEMPTS;
      if (again) budget.left++;
      yield {
        candidates: [],
        drops: [],
        done: () => {
          follow(sitemaps, 0);
          setState.run(
            again ? "waiting" : "dropped",
            again ? null : error.reason,
            attempts + 1,
            error.status ?? null,
            null,
            url,
          );
        },
      };
    }
  }
}

interface FetchedPage {
  url: string;
  status: number;
  page?: Extracted;
  sitemap?: string[];
  optOut: string[];
}

async function fetchPage(net: Net, url: URL, crawlDelay: number | undefined): Promise<FetchedPage> {
  const response = await net.hosts.page(url, crawlDelay, () =>
    net.get(url, { maxBytes: MAX_PAGE_BYTES, accept: "text/html, application/xhtml+xml, application/xml;q=0.9" }),
  );
  const result: FetchedPage = {
    url: response.url,
    status: response.status,
    optOut: headerOptOut(response.headers, net.agent),
  };
  const type = String(response.headers["content-type"] ?? "");
  const sitemap = /html/i.test(type) ? undefined : extractSitemap(response.body);
  if (sitemap) result.sitemap = sitemap;
  else if (/html|^$/i.test(type))
    result.page = extractPage(response.body, response.url, charsetOf(response), net.agent);
  return result;
}

function charsetOf(response: Fetched): string | undefined {
  return /charset\s*=\s*["']?([^\s;"']+)/i.exec(String(response.headers["content-type"] ?? ""))?.[1];
}

function candidatesOf(page: Extracted, pageUrl: string, headerSignals: readonly string[]): Candidate[] {
  const optOut = [...headerSignals, ...page.optOut];
  return page.found.map(({ imageUrl, caption, kind }) => ({
    imageUrl,
    caption,
    kind,
    pageUrl,
    source: "web",
    ...(page.licence ? { licence: page.licence } : {}),
    ...(optOut.length > 0 ? { optOut } : {}),
  }));
}

function dropsOf(page: Extracted): EarlyDrop[] {
  const drops: EarlyDrop[] = [];
  if (page.noText.count > 0) drops.push({ reason: "no_text", pairs: page.noText.count, example: page.noText.example });
  if (page.badUrl.count > 0) drops.push({ reason: "bad_url", pairs: page.badUrl.count, example: page.badUrl.example });
  return drops;
}
