import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PictureOptions } from "../filters/image/picture.ts";
import { CACHE_MB, type Database, getMeta, setCache, setMeta } from "../store/database.ts";
import { makeIndices, putOffIndices } from "../store/indices.ts";
import { Progress } from "../store/progress.ts";
import { refreshQueryCounts } from "../store/query-counts.ts";
import { type ShardCounts, writeShards } from "../store/shards.ts";
import { Spool } from "../store/spool.ts";
import { discover, rejudge } from "./discover.ts";
import { download } from "./download.ts";
import { dropDuplicates, reportNearDuplicates } from "./duplicates.ts";
import { JudgePool } from "./judge-pool.ts";
import { type JudgeSettings, matcherTable } from "./judges.ts";
import { Net, type NetOptions } from "./net.ts";
import { type SelectOptions, select } from "./select.ts";
import { type BulkSources, bulkSources } from "./sources/bulk.ts";
import { crawlPages } from "./sources/web.ts";
import { listWanted, spareNow } from "./wanted.ts";
import { SMALL_CACHE_MB, type Workspace } from "./workspace.ts";

/** Where candidates come from; remembered, so that a run that was cut goes on without being told again. */
export interface Sources extends BulkSources {
  seeds: string[];
  depth: number;
  maxPages: number;
  maxPagesPerSite?: number | undefined;
}

/** Everything a crawl can be told. */
export interface CrawlOptions extends SelectOptions, PictureOptions {
  sources: Sources;
  net: NetOptions;
  shardSize: number;
  quiet: boolean;
  judging: JudgeSettings;
  /** Ends the crawl early; what is in flight is finished and written. */
  stop: AbortSignal;
}

/** Discover: reads the sources to their end, or to where they were left. */
export async function runDiscover(workspace: Workspace, options: CrawlOptions, net: Net): Promise<number> {
  const { db, data, queries } = workspace;
  setCache(db, SMALL_CACHE_MB);
  const progress = new Progress("discover", options.quiet);
  const pool = new JudgePool(() => matcherTable(data, queries, options.judging.match), options.judging);
  const judgedWith = JSON.stringify(options.judging);
  if (workspace.queriesChanged || (getMeta(db, "judging") ?? judgedWith) !== judgedWith)
    rejudge(db, await pool.judges());
  setMeta(db, "judging", judgedWith);
  const note = pagesSoFar(db);
  let total: number;
  try {
    total = await readSources(db, options, net, pool, (seen) => progress.update(seen, undefined, note));
  } finally {
    await pool.close();
  }
  // A run that is stopped shall end soon: the next one makes them, or goes on without.
  if (!options.stop.aborted) makeIndices(db);
  net.hosts.save(db);
  refreshQueryCounts(db);
  setCache(db, CACHE_MB);
  endStage(db, "discover", progress, total, `${total.toLocaleString("en")} pairs found`);
  return total;
}

/** Counting millions of pages takes long: so many times as long is waited before it is done again. */
const COUNTING_REST = 20;

/** What is said beside the number of pairs. */
function pagesSoFar(db: Database): () => string {
  const pages = db.prepare<[], { done: number | null; n: number }>(
    "SELECT sum(state <> 'waiting') AS done, count(*) AS n FROM page",
  );
  let text = "pairs";
  let next = 0;
  return () => {
    const started = performance.now();
    if (started < next) return text;
    const { done, n = 0 } = pages.get() ?? {};
    next = started + COUNTING_REST * (performance.now() - started);
    text = n > 0 ? `pairs on ${done ?? 0} of ${n} pages` : "pairs";
    return text;
  };
}

/**
 * Reads the sources, or a rank's share of them, into the database.
 * @param progress called with the pairs found so far.
 * @param share which inputs are read; the database of a rank has no indices of `pair`.
 * @returns how many pairs were found.
 */
export async function readSources(
  db: Database,
  options: CrawlOptions,
  net: Net,
  pool: JudgePool,
  progress: (pairs: number) => void,
  share?: { rank: number; world: number },
): Promise<number> {
  const { sources, cap, stop } = options;
  // Loading the rules takes this thread a third of a second: not while requests are under way.
  const web = crawlPages(db, net, sources, stop, () => pool.judges());
  const bulk = bulkSources(db, net, sources, { cap, stop, judges: () => pool.judges(), ...share });
  let total = 0;
  for (const { batches, readAhead } of [{ batches: web, readAhead: false }, ...bulk]) {
    const before = total;
    if (!share && (!readAhead || !putOffIndices(db, before))) makeIndices(db);
    const beforeMany = (seen: number) => void (share || putOffIndices(db, before + seen));
    total += await discover(db, batches, pool, readAhead ? { beforeMany } : undefined, (seen) =>
      progress(before + seen),
    );
  }
  return total;
}

/** Select and download in turns until every chosen pair has its picture or a reason. */
export async function runSelectAndDownload(workspace: Workspace, options: CrawlOptions, net: Net): Promise<void> {
  const { db, data } = workspace;
  // What a run before fetched may hold duplicates it was stopped before it saw.
  dropDuplicates(db, options.profile.dropNearDuplicates);
  for (let round = 1; ; round++) {
    const selection = runSelect(workspace, options);
    if (options.stop.aborted) return;
    if (selection.toDownload === 0) {
      if (dropDuplicates(db, options.profile.dropNearDuplicates) === 0) return;
      continue;
    }
    if (!options.quiet && round > 1)
      process.stderr.write(`round ${round}: ${selection.chosen} chosen, ${selection.reserve} in reserve\n`);
    const extra = spareNow(db);
    const wanted = listWanted(
      db,
      extra === 0 ? undefined : () => void select(db, { ...options, cap: options.cap + extra }),
    );
    const progress = new Progress("download", options.quiet);
    progress.update(0, wanted, "");
    const spool = new Spool(data);
    setCache(db, SMALL_CACHE_MB);
    try {
      const counts = await download(db, net, spool, options, ({ ok, failed }) =>
        progress.update(ok + failed, wanted, `${failed} failed`),
      );
      endStage(
        db,
        "download",
        progress,
        counts.ok + counts.failed,
        `${counts.ok.toLocaleString("en")} pictures, ${counts.failed.toLocaleString("en")} failed`,
      );
    } finally {
      spool.close();
      setCache(db, CACHE_MB);
    }
    if (options.stop.aborted) return;
    dropDuplicates(db, options.profile.dropNearDuplicates);
  }
}

/** Select alone. */
export function runSelect(workspace: Workspace, options: SelectOptions & { quiet: boolean }) {
  const progress = new Progress("select", options.quiet);
  const selection = select(workspace.db, options);
  const { chosen, reserve } = selection;
  endStage(
    workspace.db,
    "select",
    progress,
    chosen + reserve,
    `${chosen.toLocaleString("en")} pairs chosen, ${reserve.toLocaleString("en")} in reserve`,
  );
  return selection;
}

/** Shards: writes the set when it changed. */
export async function runShards(workspace: Workspace, options: CrawlOptions): Promise<ShardCounts> {
  const progress = new Progress("shards", options.quiet);
  const counts = await writeShards(workspace.db, workspace.data, options, (pairs) =>
    progress.update(pairs, undefined, "pairs"),
  );
  if (!counts.changed) return counts;
  reportNearDuplicates(workspace.db);
  endStage(
    workspace.db,
    "shards",
    progress,
    counts.pairs,
    `${counts.pairs.toLocaleString("en")} pairs in ${counts.shards} shards`,
  );
  return counts;
}

/** The whole main job on an open workspace; returns whether the set changed, or the run was stopped before it could tell. */
export async function crawl(workspace: Workspace, options: CrawlOptions): Promise<boolean> {
  const { db, data } = workspace;
  const net = new Net(db, options.net, options.stop);
  try {
    await runDiscover(workspace, options, net);
    if (!options.stop.aborted) await runSelectAndDownload(workspace, options, net);
    if (options.stop.aborted) return true;
    const { changed } = await runShards(workspace, options);
    writeManifest(data, workspace, options);
    return changed;
  } finally {
    await net.close();
  }
}

function endStage(db: Database, stage: string, progress: Progress, items: number, text: string): void {
  progress.done(text);
  const started = new Date(Date.now() - progress.seconds * 1000).toISOString();
  db.prepare("INSERT INTO run (stage, rank, started, seconds, items) VALUES (?, 0, ?, ?, ?)").run(
    stage,
    started,
    Math.round(progress.seconds * 1000) / 1000,
    items,
  );
}

/** What is needed to build the same set again. */
export function writeManifest(data: string, workspace: Workspace, options: CrawlOptions): void {
  const { sources, cap, seed, resize, format, quality, shardSize } = options;
  const manifest = {
    webimagetext: getMeta(workspace.db, "version"),
    node: process.version,
    queries: {
      terms: workspace.db.prepare<[], number>("SELECT count(*) FROM query").pluck().get(),
      sha256: workspace.queries.sha256,
    },
    options: {
      cap,
      seed,
      resize,
      format,
      quality,
      shardSize,
      balance: options.balance,
      captionsPerImage: options.captionsPerImage,
      ...options.judging,
      userAgent: options.net.userAgent,
    },
    sources,
    shards: workspace.db.prepare("SELECT * FROM shard ORDER BY shard").all(),
  };
  const temporary = join(data, `manifest.json.${process.pid}.tmp`);
  writeFileSync(temporary, `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  renameSync(temporary, join(data, "manifest.json"));
}
