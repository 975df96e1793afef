import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Value } from "../../store/bulk.ts";
import { closeDatabase, type Database } from "../../store/database.ts";
import { FOUND_COLUMNS, pairInsert } from "../../store/pair-insert.ts";
import { captionsOfAPicture } from "../select.ts";
import { DealtRows, packRows, unpackRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { publishLive } from "./live.ts";
import { outputName, resultOf, resultsOf } from "./names.ts";
import { optionsOf } from "./options.ts";
import { ownerOf } from "./owner.ts";
import { openRankDatabase, settleFile } from "./rank-database.ts";
import type { StageResult } from "./stage.ts";
import { openState, setState } from "./state.ts";

/** Rows a transaction. */
const TOGETHER = 50_000;
const ID = FOUND_COLUMNS.indexOf("id");
const byId = (a: Value[], b: Value[]) => (String(a[ID]) < String(b[ID]) ? -1 : 1);

/**
 * Brings together the pairs whose pictures are this rank's to fetch, from what all ranks found, and chooses among the texts
 * of each picture. Publishes the database.
 */
export async function gatherRank(work: Work): Promise<StageResult> {
  const { context } = work;
  const { captionsPerImage, maxPictures } = optionsOf(work);
  const folder = work.emptyFolder("state");
  const db = openRankDatabase(folder, work.plan);
  try {
    db.pragma("wal_autocheckpoint = 50000");
    const insert = pairInsert(db);
    let waiting: Value[][] = [];
    // In the order of the ids each page of their index is met once a transaction (docs/decisions/026).
    const write = db.transaction(() => {
      insert(waiting.sort(byId));
      waiting = [];
    });
    let found = 0;
    for (const other of work.ranks) {
      work.checkStop();
      for await (const rows of dealtRows<Value[]>(work, "discover", other, "starts.json", "pairs.bin")) {
        waiting.push(...rows);
        if (waiting.length >= TOGETHER) write();
        found += rows.length;
        context.progress(found);
      }
    }
    write();
    if (maxPictures === undefined) db.transaction(() => captionsOfAPicture(db, captionsPerImage))();
    else await publishCaptions(work, db);
    return await publishState(work, db, maxPictures === undefined);
  } finally {
    closeDatabase(db);
  }
}

/** What another rank's stage dealt to this one with `DealtRows`: where each rank's rows begin, and all the rows. */
async function* dealtRows<T>({ store, rank }: Work, stage: string, other: number, startsFile: string, file: string) {
  const name = await resultsOf(store, stage, other);
  const starts: number[] = JSON.parse((await store.get(name(startsFile))).toString("utf8"));
  const [start = 0, end = 0] = starts.slice(rank, rank + 2);
  if (end > start) yield* unpackRows<T>(store.read(name(file), { start, end }));
}

/** Publishes the database as the state that later rounds build on, and what the first choice is made from. */
async function publishState(work: Work, db: Database, final: boolean): Promise<StageResult> {
  const name = outputName(work.stage, work.rank, work.context.attempt, "wit.sqlite");
  setState(db, { base: name, applied: [] });
  const pairs = final
    ? (await publishLive(work, db)).pairs
    : (db.prepare<[], number>("SELECT count(*) FROM pair").pluck().get() ?? 0);
  await work.put("wit.sqlite", { file: settleFile(db) });
  return work.result(pairs);
}

/** A text as the ranks compare it; equal for no two different ones that anyone will meet. */
function captionKey(caption: string): string {
  return createHash("sha256").update(caption).digest("base64").slice(0, 24);
}

/** How many pictures of this rank each caption stands beside, dealt to the rank that adds them up. */
async function publishCaptions(work: Work, db: Database): Promise<void> {
  const folder = work.emptyFolder("captions");
  const dealt = new DealtRows(work.world, join(folder, "captions.tmp"));
  for (const [caption, pictures] of db
    .prepare<[], [string, number]>(
      "SELECT caption, count(DISTINCT image_url) FROM pair WHERE queries IS NOT NULL GROUP BY caption",
    )
    .raw()
    .iterate()) {
    const key = captionKey(caption);
    dealt.add(ownerOf("", key, work.world), [key, pictures]);
  }
  const file = join(folder, "captions.bin");
  const starts = await dealt.write(file);
  await work.put("captions.bin", { file, final: true });
  await work.put("caption-starts.json", Buffer.from(JSON.stringify(starts)));
  work.remove("captions");
}

/** Adds up the pictures of this rank's share of the captions, and publishes which stand beside too many. */
export async function captionsRank(work: Work): Promise<StageResult> {
  const most = optionsOf(work).maxPictures ?? Number.POSITIVE_INFINITY;
  const pictures = new Map<string, number>();
  for (const other of work.ranks) {
    work.checkStop();
    for await (const rows of dealtRows<[string, number]>(work, "gather", other, "caption-starts.json", "captions.bin"))
      for (const [key, count] of rows) pictures.set(key, (pictures.get(key) ?? 0) + count);
  }
  const shared = [...pictures].filter(([, count]) => count > most).map(([key]) => key);
  await work.put("shared.bin", packRows(shared));
  return work.result(shared.length);
}

/** Drops this rank's pairs whose caption stands beside too many pictures of all ranks, and publishes what is left. */
export async function liveRank(work: Work): Promise<StageResult> {
  const { store } = work;
  const shared = new Set<string>();
  for (const other of work.ranks)
    for await (const keys of unpackRows<string>(store.read(await resultOf(store, "captions", other, "shared.bin"))))
      for (const key of keys) shared.add(key);
  const { db } = await openState(work, 0, "gather");
  try {
    db.transaction(() => {
      const drop = db.prepare("UPDATE pair SET state = 'dropped', reason = 'shared_caption' WHERE rowid = ?");
      const rows: number[] = [];
      for (const [rowid, caption] of db
        .prepare<[], [number, string]>("SELECT rowid, caption FROM pair WHERE state = 'candidate'")
        .raw()
        .iterate())
        if (shared.has(captionKey(caption))) rows.push(rowid);
      for (const rowid of rows) drop.run(rowid);
      captionsOfAPicture(db, optionsOf(work).captionsPerImage);
    })();
    return await publishState(work, db, true);
  } finally {
    closeDatabase(db);
  }
}
