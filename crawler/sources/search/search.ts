import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../../../store/database.ts";
import { pairId } from "../../../store/pair-id.ts";
import { refreshQueryCounts } from "../../../store/query-counts.ts";
import type { Candidate } from "../../../store/types.ts";
import { FetchError, toFetchError } from "../../fetch-error.ts";
import { type CaptionJudges, judgeCaption } from "../../judges.ts";
import type { Net } from "../../net.ts";
import type { Batch } from "../source.ts";
import type { SearchApi, SearchPage } from "./api.ts";
import { LeastFilled } from "./least-filled.ts";

const MAX_ANSWER = 32 * 1024 * 1024;
/** Tries of one page before the run ends: with doubling waits, or those the server asks for. */
const TRIES = 6;

interface Query {
  id: number;
  term: string;
  matched: number;
  cursor: string | null;
  pages: number | null;
  found: number | null;
  state: "open" | "full" | "exhausted" | "refused" | null;
}

/**
 * Asks a search for each query of the list, the one with the fewest pairs first, and pages through until the query has
 * `cap` pairs or the search has no more. This is how CLIP's pairs were collected ("we search for pairs whose text
 * includes one of a set of 500,000 queries", section 2.2). How far each query came is in the table `search`: a run that
 * was killed goes on at the query and page it was at.
 *
 * An API is asked under its own terms, one request at a time under the host's limits; robots.txt is about crawling.
 * @throws Error when the server stays busy or refuses everything.
 */
export async function* searchByQuery(
  db: Database,
  net: Net,
  api: SearchApi,
  options: { cap: number; judges: CaptionJudges },
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  refreshQueryCounts(db);
  const queries = db
    .prepare<[string], Query>(
      `SELECT q.id, q.term, q.matched, s.cursor, s.pages, s.found, s.state FROM query q
       LEFT JOIN search s ON s.source = ? AND s.term = q.term
       WHERE s.state IS NULL OR s.state IN ('open', 'full') ORDER BY q.id`,
    )
    .all(api.name);
  const size = 1 + (db.prepare<[], { id: number | null }>("SELECT max(id) AS id FROM query").get()?.id ?? -1);
  const counts = new Uint32Array(size);
  for (const { id, matched } of queries) counts[id] = matched;
  const byId = new Map(queries.map((query) => [query.id, query]));
  const order = new LeastFilled(
    queries.map(({ id }) => id),
    counts,
  );
  const begun = queries.filter(({ state }) => state === "open").map(({ id }) => id);
  const done = new Set<number>();
  for (let id = begun.shift() ?? order.take(); id !== undefined && !stop.aborted; id = begun.shift() ?? order.take()) {
    const query = byId.get(id);
    if (!query || done.has(id)) continue;
    done.add(id);
    if ((counts[id] ?? 0) >= options.cap) continue;
    yield* searchOne(db, net, api, query, { ...options, counts }, stop);
  }
}

async function* searchOne(
  db: Database,
  net: Net,
  api: SearchApi,
  query: Query,
  options: { cap: number; judges: CaptionJudges; counts: Uint32Array },
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  const save = db.prepare("INSERT OR REPLACE INTO search VALUES (?, ?, ?, ?, ?, ?)");
  const known = db.prepare<[string]>("SELECT 1 FROM pair WHERE id = ?");
  const { id, term } = query;
  let { pages, found } = { pages: query.pages ?? 0, found: query.found ?? 0 };
  // Of a query that was full under a smaller cap, the cursor tells where to go on.
  let cursor = query.cursor ?? undefined;
  while (!stop.aborted) {
    let page: SearchPage;
    try {
      page = await ask(net, api, term, cursor, stop);
    } catch (error) {
      if (stop.aborted) return;
      if (!(error instanceof FetchError) || error.again) throw error;
      const at = cursor ?? null;
      yield { candidates: [], drops: [], done: () => void save.run(api.name, term, at, pages, found, "refused") };
      return;
    }
    pages++;
    found += page.candidates.length;
    for (const candidate of page.candidates) countNew(candidate, options, known);
    cursor = page.next;
    const full = (options.counts[id] ?? 0) >= options.cap;
    const state = cursor === undefined ? "exhausted" : full ? "full" : "open";
    const row = [api.name, term, cursor ?? null, pages, found, state];
    yield { candidates: page.candidates, drops: page.drops, done: () => void save.run(...row) };
    if (state !== "open") return;
  }
}

/** Counts a pair for all the queries its caption contains, unless it was found before. */
function countNew(
  { imageUrl, caption }: Candidate,
  { judges, counts }: { judges: CaptionJudges; counts: Uint32Array },
  known: { get: (id: string) => unknown },
): void {
  if (known.get(pairId(imageUrl, caption)) !== undefined) return;
  for (const query of judgeCaption(judges, caption).queries ?? []) counts[query] = (counts[query] ?? 0) + 1;
}

/** One page, asked for again while the server is busy. */
async function ask(
  net: Net,
  api: SearchApi,
  term: string,
  cursor: string | undefined,
  stop: AbortSignal,
): Promise<SearchPage> {
  const url = api.request(term, cursor);
  for (let attempt = 1; ; attempt++) {
    const started = performance.now();
    try {
      return await net.hosts.page(url, undefined, async () => {
        const { body, headers, ms, status } = await net.http.get(url.href, {
          maxBytes: MAX_ANSWER,
          accept: "application/json",
        });
        const page = api.parse(parseJson(body), term, cursor, String(headers["retry-after"] ?? "") || undefined);
        await net.hosts.record(url, ms, body.length, status);
        return page;
      });
    } catch (error) {
      if (error instanceof Error && !(error instanceof FetchError) && !("code" in error)) throw error;
      const failure = toFetchError(error);
      await net.hosts.record(url, performance.now() - started, 0, failure.status, failure);
      const ours = failure.reason === "host_down" || failure.reason === "private_address";
      if (!failure.again && !ours && failure.status !== 401 && failure.status !== 403) throw failure;
      if (!failure.again || attempt >= TRIES)
        throw new Error(`${api.name} (${url.host}): ${failure.message}: run the same command again to go on later`);
      if (failure.retryAfterMs === undefined)
        await sleep(500 * 2 ** attempt, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) throw failure;
    }
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new FetchError("protocol", "the answer is no JSON", { kind: "retry later" });
  }
}
