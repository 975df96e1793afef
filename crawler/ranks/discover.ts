import { join } from "node:path";
import { storeQueries } from "../../queries/store.ts";
import { closeDatabase, type Database } from "../../store/database.ts";
import { FOUND_COLUMNS } from "../../store/pair-insert.ts";
import { type CrawlOptions, readSources } from "../crawl.ts";
import { hostOf } from "../hosts.ts";
import { Net } from "../net.ts";
import { DealtRows, packRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { fetchingOptionsOf } from "./options.ts";
import { ownerOf } from "./owner.ts";
import { openRankDatabase } from "./rank-database.ts";
import { judgesOf, queriesOf } from "./shared.ts";
import type { StageResult } from "./stage.ts";

/** What a crawl of pages and lists leaves beside pairs. */
export const SIDE_TABLES = ["tally", "page", "search", "list_position", "host"] as const;

/**
 * Reads this rank's share of the sources: lists and archives file by file, sites by their registered domain, searches by
 * rank 0. Publishes the pairs dealt to their owners, and the other tables. A rank that was killed goes on where it was when
 * its folder survived, and begins again otherwise.
 */
export async function discoverRank(work: Work): Promise<StageResult> {
  const { rank, world, context } = work;
  const folder = work.folder("discover");
  const options = shareOf(work, fetchingOptionsOf(work, folder));
  const db = openRankDatabase(folder, work.plan);
  try {
    // A search asks the table which queries have few pairs.
    if (rank === 0 && options.sources.search?.length) storeQueries(db, await queriesOf(work));
    const pool = await judgesOf(work, options.judging);
    const net = new Net(db, options.net, context.stop);
    try {
      await readSources(db, options, net, pool, (pairs) => context.progress(pairs), { rank, world });
    } finally {
      await net.close();
      net.hosts.save(db);
    }
    work.checkStop();
    return work.result(await publishFound(work, db));
  } finally {
    closeDatabase(db);
    if (!context.stop.aborted) work.remove("published");
  }
}

/** The files to be dealt, and the sites and pages that are this rank's. */
function shareOf({ rank, world, plan }: Work, options: CrawlOptions): CrawlOptions {
  const owner = (seed: string) => {
    const url = URL.parse(seed);
    return url ? ownerOf(hostOf(url), seed, world) : 0;
  };
  const owners = options.sources.seeds.map(owner);
  const seeds = options.sources.seeds.filter((_, i) => owners[i] === rank);
  // In proportion to the seeds, so that all together fetch no more than was asked for.
  const share = (options.sources.maxPages * seeds.length) / Math.max(owners.length, 1);
  return { ...options, sources: { ...options.sources, ...plan.files, seeds, maxPages: Math.floor(share) } };
}

/** @returns how many finds there were. */
async function publishFound(work: Work, db: Database): Promise<number> {
  const folder = work.emptyFolder("published");
  const dealt = new DealtRows(work.world, join(folder, "pairs.tmp"));
  const [host, url] = [FOUND_COLUMNS.indexOf("host"), FOUND_COLUMNS.indexOf("image_url")];
  const seen = FOUND_COLUMNS.indexOf("seen");
  let pairs = 0;
  for (const row of db
    .prepare<[], (string | number | null)[]>(`SELECT ${FOUND_COLUMNS.join(", ")} FROM pair`)
    .raw()
    .iterate()) {
    dealt.add(ownerOf(String(row[host]), String(row[url]), work.world), row);
    pairs += Number(row[seen]);
  }
  const file = join(folder, "pairs.bin");
  const starts = await dealt.write(file);
  await work.put("pairs.bin", { file, final: true });
  await work.put("starts.json", Buffer.from(JSON.stringify(starts)));
  const tables = SIDE_TABLES.flatMap((table) =>
    db
      .prepare<[], unknown[]>(`SELECT * FROM ${table}`)
      .raw()
      .all()
      .map((row) => [table, ...row]),
  );
  await work.put("tables.bin", packRows(tables));
  return pairs;
}
