import type { Database } from "./database.ts";
import { type PageCounts, readPages } from "./page-counts.ts";
import { readTraining, type TrainingRow } from "./training.ts";

export { formatStats } from "./report/terminal.ts";
export { collectQuery, formatQuery } from "./report/terminal-query.ts";
export { formatSummary } from "./report/terminal-summary.ts";

/** What became of the pairs that entered a stage; the reason `passed` is what went on. */
export interface FunnelRow {
  stage: string;
  reason: string;
  pairs: number;
}

/** A row of the view `query_stats`. */
export interface QueryRow {
  query: string;
  source: string;
  wiki_count: number;
  matched: number;
  chosen: number;
  downloaded: number;
  kept: number;
}

/** A row of the view `drop_reasons`, with the line that explains the reason. */
interface DropRow extends FunnelRow {
  example: string | null;
  help: string | null;
}

/** The share of one source in the query list. */
export interface SourceRow {
  source: string;
  queries: number;
  /** Of these, with at least one caption. */
  matched: number;
  /** Of these, with at least one picture in a shard. */
  kept: number;
  examples: string[];
}

/** A row of the view `host_stats`. */
interface HostRow {
  host: string;
  requests: number;
  ok: number;
  failed: number;
  bytes: number;
  median_ms: number | null;
  last_status: number | null;
}

/** A row of the view `shard_stats`. */
interface ShardRow {
  shard: string;
  pairs: number;
  bytes: number;
  sha256: string;
}

/** All runs of one stage together; of several ranks the seconds are added. */
export interface RunRow {
  stage: string;
  runs: number;
  started: string;
  seconds: number;
  items: number;
}

/** Everything `npm run stats` shows, as plain data: `--json` prints it as it is. */
export interface Stats {
  /** What the build was made with; see the table `meta`. */
  meta: Record<string, string>;
  cap: number | null;
  seed: string | null;
  states: { candidate: number; chosen: number; kept: number; reserve: number; dropped: number };
  /** Bytes of the kept pictures. */
  picture_bytes: number;
  seconds: number;
  pages: PageCounts;
  funnel: FunnelRow[];
  queries: {
    total: number;
    /** In at least one caption. */
    matched: number;
    /** In no caption. */
    unmatched: number;
    /** With at least one picture in a shard. */
    kept: number;
    /** With as many pairs chosen as the cap allows. */
    at_cap: number;
    top: QueryRow[];
    /** The most frequent words of the corpus that no caption has. */
    empty: string[];
    sources: SourceRow[];
  };
  drops: DropRow[];
  hosts: { total: number; requests: number; ok: number; failed: number; bytes: number; top: HostRow[] };
  licences: { licence: string; pairs: number }[];
  /** The opt-out signals seen, and how many of the pairs with one are kept nevertheless. */
  opt_outs: { signal: string; pairs: number; kept: number }[];
  shards: { total: number; pairs: number; bytes: number; first: ShardRow[] };
  runs: RunRow[];
  /** Trainings that logged here, with their curves. */
  training: TrainingRow[];
}

/** Reads the statistics of a workspace at one moment, also while a crawl writes it; lists end after `top` rows. */
export function collectStats(db: Database, options: { top: number }): Stats {
  // One read transaction: between two statements a crawl may commit, and then the parts would not add up.
  return db.transaction(() => read(db, options.top))();
}

function read(db: Database, top: number): Stats {
  const meta = Object.fromEntries(
    db.prepare<[], [string, string]>("SELECT key, value FROM meta ORDER BY key").raw().all(),
  );
  const cap = meta["cap"] === undefined ? null : Number(meta["cap"]);
  const runs = db
    .prepare<[], RunRow>(
      `SELECT stage, count(*) AS runs, min(started) AS started, sum(seconds) AS seconds, sum(items) AS items
       FROM run_stats GROUP BY stage ORDER BY min(started), stage`,
    )
    .all();
  return {
    meta,
    cap,
    seed: meta["seed"] ?? null,
    states: readStates(db),
    picture_bytes: number(db, "SELECT total(bytes) FROM pair INDEXED BY pair_size WHERE state = 'kept'"),
    seconds: runs.reduce((sum, run) => sum + run.seconds, 0),
    pages: readPages(db),
    funnel: db.prepare<[], FunnelRow>("SELECT stage, reason, pairs FROM funnel").all(),
    queries: readQueries(db, cap, top),
    drops: db
      .prepare<[], DropRow>(
        `SELECT d.stage, d.reason, d.pairs, d.example, r.help FROM drop_reasons d LEFT JOIN reason r ON r.name = d.reason
         ORDER BY d.pairs DESC, d.stage, d.reason`,
      )
      .all(),
    hosts: readHosts(db, top),
    licences: db
      .prepare<[number], { licence: string; pairs: number }>(
        "SELECT licence, pairs FROM licence_stats ORDER BY pairs DESC, licence LIMIT ?",
      )
      .all(top),
    opt_outs: db
      .prepare<[number], { signal: string; pairs: number; kept: number }>(
        `SELECT s.value AS signal, count(*) AS pairs, sum(p.state = 'kept') AS kept
         FROM pair p, json_each(p.opt_out) s WHERE p.opt_out IS NOT NULL AND json_valid(p.opt_out) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?`,
      )
      .all(top),
    shards: {
      total: number(db, "SELECT count(*) FROM shard_stats"),
      pairs: number(db, "SELECT total(pairs) FROM shard_stats"),
      bytes: number(db, "SELECT total(bytes) FROM shard_stats"),
      first: db.prepare<[number], ShardRow>("SELECT shard, pairs, bytes, sha256 FROM shard_stats LIMIT ?").all(top),
    },
    runs,
    training: readTraining(db),
  };
}

function readStates(db: Database): Stats["states"] {
  const states = { candidate: 0, chosen: 0, kept: 0, reserve: 0, dropped: 0 };
  const rows = db.prepare<[], { state: keyof typeof states; pairs: number }>(
    "SELECT state, count(*) AS pairs FROM pair GROUP BY state",
  );
  for (const { state, pairs } of rows.iterate()) states[state] = pairs;
  return states;
}

function readQueries(db: Database, cap: number | null, top: number): Stats["queries"] {
  const total = number(db, "SELECT count(*) FROM query_stats");
  const matched = number(db, "SELECT count(*) FROM query_stats WHERE matched > 0");
  return {
    total,
    matched,
    unmatched: total - matched,
    kept: number(db, "SELECT count(*) FROM query_stats WHERE kept > 0"),
    at_cap: cap === null ? 0 : number(db, "SELECT count(*) FROM query_stats WHERE chosen >= ? AND chosen > 0", cap),
    top: db
      .prepare<[number], QueryRow>(
        `SELECT query, source, wiki_count, matched, chosen, downloaded, kept FROM query_stats
         WHERE matched > 0 ORDER BY kept DESC, chosen DESC, matched DESC, query LIMIT ?`,
      )
      .all(top),
    empty: db
      .prepare<[number], string>(
        "SELECT query FROM query_stats WHERE matched = 0 ORDER BY wiki_count DESC, query LIMIT ?",
      )
      .pluck()
      .all(top),
    sources: readSources(db),
  };
}

function readSources(db: Database): SourceRow[] {
  const examples = db
    .prepare<[string], string>(
      "SELECT query FROM query_stats WHERE source = ? ORDER BY kept DESC, matched DESC, wiki_count DESC, query LIMIT 8",
    )
    .pluck();
  return db
    .prepare<[], Omit<SourceRow, "examples">>(
      `SELECT source, count(*) AS queries, sum(matched > 0) AS matched, sum(kept > 0) AS kept
       FROM query_stats GROUP BY source ORDER BY queries DESC, source`,
    )
    .all()
    .map((row) => ({ ...row, examples: examples.all(row.source) }));
}

function readHosts(db: Database, top: number): Stats["hosts"] {
  return {
    total: number(db, "SELECT count(*) FROM host_stats"),
    requests: number(db, "SELECT total(requests) FROM host_stats"),
    ok: number(db, "SELECT total(ok) FROM host_stats"),
    failed: number(db, "SELECT total(failed) FROM host_stats"),
    bytes: number(db, "SELECT total(bytes) FROM host_stats"),
    top: db
      .prepare<[number], HostRow>(
        `SELECT host, requests, ok, failed, bytes, median_ms, last_status FROM host_stats
         ORDER BY requests DESC, host LIMIT ?`,
      )
      .all(top),
  };
}

function number(db: Database, sql: string, ...values: number[]): number {
  return (
    db
      .prepare<number[], number>(sql)
      .pluck()
      .get(...values) ?? 0
  );
}
