import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import pLimit, { type LimitFunction } from "p-limit";
import type { Database } from "../../store/database.ts";
import { normaliseUrl } from "../../store/pair-id.ts";
import type { DownloadReason } from "../../store/reasons.ts";
import { ExtractPool } from "../extract-pool.ts";
import { FetchError, Stopped } from "../fetch-error.ts";
import { hostOf } from "../hosts.ts";
import { BodyMemory, Holding } from "../memory.ts";
import type { Net } from "../net.ts";
import { Frontier, type PageRow } from "./frontier.ts";
import { merge } from "./merge.ts";
import { candidatesOf, dropsOf, fetchDocument } from "./page.ts";
import type { Batch } from "./source.ts";

/** How far a crawl of pages goes. */
export interface WebOptions {
  /** Pages the crawl starts from; it stays on their sites. */
  seeds: readonly string[];
  /** Links followed from a seed. */
  depth: number;
  /** Pages fetched in all runs together. */
  maxPages: number;
  /** The same for one site: a calendar without end shall not use up what is meant for all. */
  maxPagesPerSite?: number | undefined;
}

const MAX_ATTEMPTS = 3;
/** Before another attempt so long is waited, twice as long each time, give or take a half. */
const FIRST_BACKOFF_MS = 2_000;
/** Requests for pages at the same time, over all sites. */
const IN_FLIGHT = 128;
/** Sites that are crawled side by side. Waiting for a polite moment costs a site nothing but a place here ... */
const SITES_AT_ONCE = 4_096;
/** ... which it gives up after so many pages when others wait. */
const TURN_PAGES = 50;
/** Candidates or links of a page that are judged and written in one go. */
const PART = 1_000;

interface Crawl {
  db: Database;
  net: Net;
  frontier: Frontier;
  pool: ExtractPool;
  options: WebOptions;
  stop: AbortSignal;
  inFlight: LimitFunction;
  memory: BodyMemory;
  budget: { left: number };
  /** Sites that had no turn yet, the first one last. */
  sites: string[];
  /** Those that gave theirs up. */
  again: AsyncGenerator<Batch>[];
}

/**
 * Crawls the sites of the seeds, each site one page after the other. The frontier is the table `page`; a page's
 * candidates, its links and its own state are written together.
 * @param ready is waited for before the first page is fetched.
 * @throws Error naming a seed that is no http(s) address.
 */
export async function* crawlPages(
  db: Database,
  net: Net,
  options: WebOptions,
  stop: AbortSignal,
  ready: () => Promise<unknown>,
): AsyncGenerator<Batch> {
  const frontier = new Frontier(db);
  db.transaction(() => {
    for (const seed of options.seeds) {
      const url = normaliseUrl(seed);
      if (!url) throw new Error(`${seed} is no http(s) address`);
      frontier.add(url, hostOf(new URL(url)), 0);
    }
  })();
  const pool = new ExtractPool();
  const budget = { left: options.maxPages - frontier.fetched() };
  const [inFlight, memory] = [pLimit(IN_FLIGHT), new BodyMemory()];
  const sites = frontier.sites().reverse();
  const crawl: Crawl = { db, net, frontier, pool, options, stop, budget, inFlight, memory, sites, again: [] };
  const next = () => {
    if (stop.aborted) return undefined;
    const host = sites.pop();
    return host === undefined ? crawl.again.shift() : crawlSite(crawl, host, new Map());
  };
  try {
    if (sites.length > 0) await ready();
    yield* merge(next, SITES_AT_ONCE);
  } finally {
    await pool.close();
  }
}

/** One turn of a site. `notBefore` holds the pages that wait for another attempt, on the monotonic clock. */
async function* crawlSite(crawl: Crawl, host: string, notBefore: Map<string, number>): AsyncGenerator<Batch> {
  const { frontier, budget, stop, options } = crawl;
  const most = options.maxPagesPerSite;
  let left = most === undefined ? Number.POSITIVE_INFINITY : most - frontier.fetched(host);
  for (let pages = 0; budget.left > 0 && left > 0 && !stop.aborted; pages++) {
    if (pages >= TURN_PAGES && crawl.sites.length + crawl.again.length > 0) {
      crawl.again.push(crawlSite(crawl, host, notBefore));
      return;
    }
    const page = await nextPage(frontier, host, notBefore, stop);
    if (!page) return;
    budget.left--;
    left--;
    // Till the last of what is in the page was taken: else sitemaps would pile up before the judges.
    const holding = new Holding(crawl.memory);
    try {
      yield* crawlPage(crawl, holding, host, page);
    } catch (error) {
      if (error instanceof Stopped) return;
      if (!(error instanceof FetchError)) throw error;
      const attempts = page.attempts + 1;
      if (error.again && attempts < MAX_ATTEMPTS) {
        budget.left++;
        left++;
        const jitter = 0.5 + Math.random();
        notBefore.set(page.url, performance.now() + FIRST_BACKOFF_MS * 2 ** page.attempts * jitter);
        yield batch(() => frontier.retry(page.url, attempts, error.status));
      } else {
        yield dropped(crawl, page, error.reason, error.status);
      }
    } finally {
      holding.release();
    }
  }
}

/** The site's next page, after waiting for one that needs another attempt when there is nothing else to do. */
async function nextPage(frontier: Frontier, host: string, notBefore: Map<string, number>, stop: AbortSignal) {
  for (;;) {
    const now = performance.now();
    for (const [url, at] of notBefore) if (at <= now) notBefore.delete(url);
    const page = frontier.next(host, [...notBefore.keys()]);
    if (page || notBefore.size === 0) return page;
    const ms = Math.min(...notBefore.values()) - now;
    await sleep(ms, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return undefined;
  }
}

/**
 * What a page gives, in parts: a sitemap may have 50,000 pictures and as many links, and requests under way shall not wait till all
 * of them are judged and written. Links that are known change nothing; of the candidates it is noted how many were written.
 */
async function* crawlPage(crawl: Crawl, holding: Holding, host: string, page: PageRow): AsyncGenerator<Batch> {
  const { net, pool, frontier, options } = crawl;
  const document = await crawl.inFlight(() => fetchDocument(net, pool, holding, page.url));
  const { reading, url, status } = document;
  if (reading.error !== undefined) return yield dropped(crawl, page, "hostile_page", status);
  const candidates = candidatesOf(document);
  const sitemaps = page.depth === 0 ? (await net.robots.of(new URL(page.url))).sitemaps : [];
  const follow = (found: readonly string[], depth: number) => {
    for (const link of found)
      if (depth <= options.depth && hostOf(new URL(link)) === host) frontier.add(link, host, depth);
  };
  // A site's sitemaps, and the pages of a sitemap, are entries to the site like the seeds: they cost no depth.
  const links: [string[], depth: number][] = [
    [sitemaps.map((sitemap) => normaliseUrl(sitemap)).filter((link) => link !== undefined), 0],
    [reading.sitemap?.links ?? [], page.depth],
    [reading.page?.links ?? [], page.depth + 1],
  ];
  for (const [found, depth] of links) {
    while (found.length > PART) {
      const part = found.splice(0, PART);
      yield batch(() => follow(part, depth));
      await nextTurn();
    }
  }
  let from = page.found ?? 0;
  for (; candidates.length - from > PART; from += PART) {
    const part = candidates.slice(from, from + PART);
    yield { candidates: part, drops: [], done: () => frontier.written(page.url, part.length) };
    await nextTurn();
  }
  yield {
    candidates: candidates.slice(from),
    drops: reading.page ? dropsOf(reading.page) : [],
    done: () => {
      for (const [found, depth] of links) follow(found, depth);
      for (const same of sameDocument(page.url, url, reading.page?.canonical))
        frontier.addDone(same, hostOf(new URL(same)));
      frontier.done(page.url, page.attempts + 1, status, candidates.length);
    },
  };
}

/** Other addresses under which this very page need not be fetched: where it was redirected to, and its own name for itself. */
function sameDocument(asked: string, url: string, canonical: string | undefined): string[] {
  const same = url === asked ? [] : [url];
  // Only if it differs in the query: a site that names one page as canonical for all would else be done with that one.
  const [own, named] = [new URL(url), canonical === undefined ? undefined : new URL(canonical)];
  if (named && named.href !== url && named.host === own.host && named.pathname === own.pathname) same.push(named.href);
  return same;
}

function dropped({ frontier }: Crawl, page: PageRow, reason: DownloadReason, status: number | undefined): Batch {
  return batch(() => frontier.drop(page.url, page.attempts + 1, reason, status));
}

function batch(done: () => void): Batch {
  return { candidates: [], drops: [], done };
}
