import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { closeDatabase, type Database, getMeta } from "../../store/database.ts";
import { byPlace, placeOf, SAMPLE_COLUMNS, type SampleRow } from "../../store/shards.ts";
import { PlaceReader } from "../../store/spool.ts";
import { baseStage, choiceOf, settledIn } from "./choose.ts";
import { packRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { MARKED, prepareMarking } from "./download.ts";
import { PictureFile } from "./picture-file.ts";
import { settleFile } from "./rank-database.ts";
import type { Settled } from "./settle.ts";
import type { StageResult } from "./stage.ts";
import { openState } from "./state.ts";

/** Where the samples of each shard begin in the two files of a rank, and last where the file ends. */
export interface PackStarts {
  rows: number[];
  pictures: number[];
}

/**
 * Puts this rank's pictures (`pictures.bin`) and their rows (`rows.bin`) into the order of all shards, so that a shard needs
 * one stretch of each rank's files. Publishes the database as it is at the end.
 * @param rounds how many there were.
 */
export async function packRank(work: Work, rounds: number): Promise<StageResult> {
  const { shards } = await settledIn(work.store, rounds);
  const { db, folder } = await openState(work, rounds, baseStage(work));
  try {
    // The last download has marked what is chosen; where its machine was lost, it is marked again.
    if (getMeta(db, MARKED) !== String(rounds)) {
      const { thresholds } = await choiceOf(work, rounds);
      const marking = await prepareMarking(work, db, folder);
      marking.mark(thresholds);
      marking.close();
    }
    const { pairs, starts, rows, pictures } = await writeSamples(work, db, shards);
    await work.put("pictures.bin", { file: pictures, final: true });
    await work.put("rows.bin", { file: rows, final: true });
    await work.put("starts.json", Buffer.from(JSON.stringify(starts)));
    await work.put("wit.sqlite", { file: settleFile(db) });
    work.remove("pack");
    return work.result(pairs);
  } finally {
    closeDatabase(db);
  }
}

/** Writes the samples in order. */
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
  const read = db.prepare<[string], SampleRow>(`SELECT ${SAMPLE_COLUMNS} FROM pair WHERE id = ?`);
  const reader = new PlaceReader(folder);
  const pictures = new PictureFile(join(folder, "pictures.bin"));
  const rowsFile = join(folder, "rows.bin");
  writeFileSync(rowsFile, "", { flush: true });
  const starts: PackStarts = { rows: [], pictures: [] };
  let waiting: SampleRow[] = [];
  let rowsEnd = 0;
  const beginShard = () => {
    const packed = packRows(waiting);
    appendFileSync(rowsFile, packed);
    waiting = [];
    rowsEnd += packed.length;
    starts.rows.push(rowsEnd);
    starts.pictures.push(pictures.size);
  };
  try {
    for (const [i, pair] of order.entries()) {
      for (let next = shards[starts.rows.length]; next && byPlace(next, pair) <= 0; next = shards[starts.rows.length])
        beginShard();
      const row = read.get(pair.id);
      if (!row) throw new Error(`pair ${pair.id} vanished while it was packed`);
      waiting.push({ ...row, file: "", offset: pictures.add(reader, row) });
      if (i % 1_000 === 0) {
        work.checkStop();
        work.context.progress(i, order.length);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    while (starts.rows.length <= shards.length) beginShard();
  } finally {
    pictures.close();
    reader.close();
  }
  return { pairs: order.length, starts, rows: rowsFile, pictures: join(folder, "pictures.bin") };
}
