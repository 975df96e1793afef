import { existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { storeQueries } from "../../queries/store.ts";
import type { Value } from "../../store/bulk.ts";
import { closeDatabase, type Database, setMeta } from "../../store/database.ts";
import { refreshQueryCounts } from "../../store/query-counts.ts";
import { writeReport } from "../../store/report/report.ts";
import { refreshSearch } from "../../store/search.ts";
import { checksums, orderOf, signatureOf, type WrittenShard } from "../../store/shards.ts";
import { writeManifest } from "../crawl.ts";
import { reportNearDuplicates } from "../duplicates.ts";
import { unpackRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import type { SIDE_TABLES } from "./discover.ts";
import { markedRanks, readMarker, resultOf } from "./names.ts";
import { optionsOf } from "./options.ts";
import { hostsOf } from "./outcomes.ts";
import { openWithoutIndices, settleFile } from "./rank-database.ts";
import { queriesOf } from "./shared.ts";
import type { StageResult } from "./stage.ts";
import type { DownloadIndex } from "./state.ts";

/** What two ranks may both have a row of, and what becomes of it then. */
const INSERT_HOST = `INSERT INTO host VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
  ok = ok + excluded.ok, failed = failed + excluded.failed, bytes = bytes + excluded.bytes,
  median_ms = coalesce(excluded.median_ms, median_ms), last_status = coalesce(excluded.last_status, last_status)`;
const INSERT: Record<(typeof SIDE_TABLES)[number], string> = {
  tally: `INSERT INTO tally VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET pairs = pairs + excluded.pairs,
    example = min(example, excluded.example)`,
  // A page that one rank fetched another may only have heard of, as the target of a redirect.
  page: `INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET depth = excluded.depth, state = excluded.state,
    reason = excluded.reason, attempts = excluded.attempts, status = excluded.status, found = excluded.found
    WHERE excluded.attempts > attempts`,
  search: "INSERT OR REPLACE INTO search VALUES (?, ?, ?, ?, ?, ?)",
  list_position: "INSERT OR REPLACE INTO list_position VALUES (?, ?, ?)",
  host: INSERT_HOST,
};

/** What stages of ranks are called among the runs of a data set. */
const RUN_STAGE: Record<string, string> = {
  captions: "gather",
  live: "gather",
  window: "select",
  threshold: "select",
  settle: "select",
  pack: "shards",
  shard: "shards",
};

/**
 * Makes one database of those of all ranks, as if one machine had done it, and completes the data set: checksums, manifest.
 * @param rounds how many there were.
 */
export async function mergeRank(work: Work, rounds: number): Promise<StageResult> {
  const { store, plan } = work;
  const options = optionsOf(work);
  const folder = work.emptyFolder("merge");
  const { db, indexPairs } = openWithoutIndices(folder, plan);
  try {
    const queries = await queriesOf(work);
    storeQueries(db, queries);
    const shards = await mergePairs(work, db);
    indexPairs();
    await mergeSideTables(work, db, rounds);
    await mergeRuns(work, db, rounds);
    for (const [key, value] of Object.entries({
      version: plan.version,
      settings: JSON.stringify(plan.settings),
      sources: JSON.stringify(await toldAgain(work)),
      judging: JSON.stringify(options.judging),
      cap: String(options.cap),
      seed: String(options.seed),
      swap: "done",
      ...(plan.sampleWebPort === undefined ? {} : { sample_web_port: String(plan.sampleWebPort) }),
    }))
      setMeta(db, key, value);
    refreshQueryCounts(db);
    refreshSearch(db);
    reportNearDuplicates(db);
    setMeta(db, "shards", signatureOf(db, orderOf(db, options.seed), options));
    writeManifest(folder, { data: folder, db, queries, queriesChanged: false }, options);
    const sums = checksums(shards.sort((a, b) => (a.shard < b.shard ? -1 : 1)));
    const pairs = db.prepare<[], number>("SELECT count(*) FROM pair WHERE state = 'kept'").pluck().get() ?? 0;
    await store.put("shards/SHA256SUMS", Buffer.from(sums));
    await work.publish("manifest.json", { file: join(folder, "manifest.json") });
    await work.publish("report.html", { file: await reportOf(work, db, folder) });
    await work.publish("wit.sqlite", { file: settleFile(db), final: true });
    return work.result(pairs);
  } finally {
    closeDatabase(db);
    work.remove("merge");
    work.remove("fetched");
  }
}

/** The report, with the pictures of those shards that can be read as files. */
async function reportOf({ store }: Work, db: Database, folder: string): Promise<string> {
  const shards = resolve(store.location, "shards");
  if (existsSync(shards)) symlinkSync(shards, join(folder, "shards"));
  return (await writeReport(db, folder)).file;
}

/** All pairs, and where their pictures lie now. */
async function mergePairs(work: Work, db: Database): Promise<WrittenShard[]> {
  const { store } = work;
  for (const rank of work.ranks) {
    work.checkStop();
    const file = await work.fetch(await resultOf(store, "pack", rank, "wit.sqlite"));
    db.prepare("ATTACH ? AS rank").run(file);
    db.exec("INSERT INTO main.pair SELECT * FROM rank.pair ORDER BY id");
    db.exec("DETACH rank");
    work.context.progress(rank + 1, work.world);
  }
  db.exec("UPDATE pair SET file = NULL, offset = NULL WHERE offset IS NOT NULL");
  const place = db.prepare(
    "UPDATE pair SET state = 'kept', file = @file, offset = @offset, shard = @shard, key = @key WHERE id = @id",
  );
  const insert = db.prepare("INSERT INTO shard VALUES (@shard, @pairs, @bytes, @sha256)");
  const shards: WrittenShard[] = [];
  for (const rank of work.ranks) {
    for await (const rows of unpackRows<WrittenShard>(store.read(await resultOf(store, "shard", rank, "shards.bin"))))
      db.transaction(() => {
        for (const { places, parquet, ...row } of rows) {
          for (const pair of places) place.run(pair);
          insert.run({ ...row, pairs: places.length });
          shards.push({ ...row, parquet, places: [] });
        }
      })();
  }
  return shards;
}

/** Everything beside pairs that discovery and downloads wrote. */
async function mergeSideTables(work: Work, db: Database, rounds: number): Promise<void> {
  const { store } = work;
  const inserts = new Map(Object.entries(INSERT).map(([table, sql]) => [table, db.prepare(sql)]));
  const host = db.prepare(INSERT_HOST);
  for (const rank of work.ranks) {
    const tables = store.read(await resultOf(store, "discover", rank, "tables.bin"));
    for await (const rows of unpackRows<[string, ...Value[]]>(tables))
      db.transaction(() => {
        for (const [table, ...row] of rows) inserts.get(table)?.run(...row);
      })();
    for (let round = 1; round <= rounds; round++) {
      const index = await store.get(await resultOf(store, `download-${round}`, rank, "index.json"));
      const { segments }: DownloadIndex = JSON.parse(index.toString("utf8"));
      for (const segment of segments) for (const row of await hostsOf(store, segment)) host.run(...row);
    }
  }
}

/** A run for each rank of each stage. */
async function mergeRuns(work: Work, db: Database, rounds: number): Promise<void> {
  const insert = db.prepare("INSERT INTO run (stage, rank, started, seconds, items) VALUES (?, ?, ?, ?, ?)");
  const inRounds = Array.from({ length: rounds }, (_, i) => i + 1).flatMap((round) =>
    ["window", "threshold", "download", "settle"].map((name) => `${name}-${round}`),
  );
  for (const stage of ["discover", "gather", "captions", "live", ...inRounds, "pack", "shard"]) {
    const name = stage.replace(/-\d+$/, "");
    for (const rank of await markedRanks(work.store, stage)) {
      const marker = await readMarker(work.store, stage, rank);
      if (marker) insert.run(RUN_STAGE[name] ?? name, rank, marker.started, marker.seconds, marker.items);
    }
  }
}

/** What an ordinary crawl that goes on with this data set must know. */
async function toldAgain({ store, plan }: Work) {
  const { sources, net, sampleWebPort } = plan;
  const told = { sources, net, sampleWeb: sampleWebPort !== undefined };
  if (net.hostLimits === undefined) return told;
  const name = "cluster/host-limits.tsv";
  await store.put(name, Buffer.from(net.hostLimits));
  return { ...told, net: { ...net, hostLimits: join(store.location, name) } };
}
