import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { closeDatabase, type Database } from "../../store/database.ts";
import { byPlace, placeOf, type SampleRow } from "../../store/shards.ts";
import { PlaceReader } from "../../store/spool.ts";
import { baseStage, choiceOf, settledIn } from "./choose.ts";
import type { Work } from "./context.ts";
import { prepareMarking } from "./download.ts";
import { settleFile } from "./rank-database.ts";
import type { Settled } from "./settle.ts";
import type { StageResult } from "./stage.ts";
import { openState } from "./state.ts";

/** Bytes before a sample: the length of its row, and of its picture. */
export const SAMPLE_HEAD = 8;

/**
 * Puts this rank's pictures, with their rows, into the order of all shards, so that a shard needs one stretch of each
 * rank's file. Publishes the database as it is at the end.
 * @param rounds how many there were.
 */
export async function packRank(work: Work, rounds: number): Promise<StageResult> {
  const { thresholds } = await choiceOf(work, rounds);
  const { shards } = await settledIn(work.store, rounds);
  const { db, folder } = await openState(work, rounds, baseStage(work));
  try {
    const marking = await prepareMarking(work, db, folder);
    marking.mark(thresholds);
    marking.close();
    const { pairs, starts, file } = await writeSamples(work, db, shards);
    await work.put("samples.bin", { file, final: true });
    await work.put("starts.json", Buffer.from(JSON.stringify(starts)));
    await work.put("wit.sqlite", { file: settleFile(db) });
    work.remove("pack");
    return work.result(pairs);
  } finally {
    closeDatabase(db);
  }
}

/** Writes the samples in order; `starts` holds where each shard's begin, and last where the file ends. */
async function writeSamples(work: Work, db: Database, shards: Settled["shards"]) {
  const { seed } = work.plan.settings;
  const folder = work.emptyFolder("pack");
  const order = db
    .prepare<[], { id: string; file: string }>(
      "SELECT id, file FROM pair NOT INDEXED WHERE state = 'chosen' AND file IS NOT NULL",
    )
    .all()
    .map(({ id, file }) => ({ id, file, place: placeOf(seed, id) }))
    .sort(byPlace);
  for (const name of new Set(order.map(({ file }) => file))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    await work.store.fetch(name, join(folder, name), { readOnly: true });
  }
  const read = db.prepare<[string], SampleRow>("SELECT * FROM pair WHERE id = ?");
  const reader = new PlaceReader(folder);
  const file = join(folder, "samples.bin");
  const descriptor = openSync(file, "w");
  const starts: number[] = [];
  let end = 0;
  try {
    for (const [i, pair] of order.entries()) {
      for (let next = shards[starts.length]; next && byPlace(next, pair) <= 0; next = shards[starts.length])
        starts.push(end);
      const row = read.get(pair.id);
      if (!row) throw new Error(`pair ${pair.id} vanished while it was packed`);
      const picture = reader.read(row);
      const text = Buffer.from(JSON.stringify(row));
      const head = Buffer.alloc(SAMPLE_HEAD);
      head.writeUInt32LE(text.length);
      head.writeUInt32LE(picture.length, 4);
      const bytes = Buffer.concat([head, text, picture]);
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
      end += bytes.length;
      if (i % 1_000 === 0) {
        work.checkStop();
        work.context.progress(i, order.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
    reader.close();
  }
  while (starts.length <= shards.length) starts.push(end);
  return { pairs: order.length, starts, file };
}
