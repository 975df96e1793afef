import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { countMatches } from "../../filters/cap.ts";
import { encodeBlock, PairBlocks } from "../../filters/pair-blocks.ts";
import type { Database } from "../../store/database.ts";
import { idHalves } from "../../store/pair-id.ts";
import { LIVE } from "../select.ts";
import { packCounts } from "./chunks.ts";
import type { Work } from "./context.ts";

/** More than a pair has on average. */
export const MATCHES = 16;

/** What a rank's live pairs come to. */
export interface LiveCounts {
  pairs: number;
  /** Matches of each query. */
  counts: Uint32Array;
  /** Of each query, the pairs chosen on account of it that have their picture. */
  downloaded: Uint32Array;
}

/**
 * Publishes what the choice of the next round is made from: the pairs that passed the rules and did not fail, with their
 * queries and whether their picture is there (`blocks.bin`), and the sums of each query (`counts.bin`, `downloaded.bin`).
 */
export async function publishLive(work: Work, db: Database): Promise<LiveCounts> {
  const { terms } = work.plan.queries;
  const folder = work.emptyFolder("live");
  const total = db.prepare<[], number>(`SELECT count(*) FROM pair NOT INDEXED WHERE ${LIVE}`).pluck().get() ?? 0;
  const blocks = new PairBlocks(join(folder, "live.tmp"), 4, MATCHES * total);
  const have = new Int32Array(total);
  const live: LiveCounts = { pairs: 0, counts: new Uint32Array(terms), downloaded: new Uint32Array(terms) };
  for (const [id, json, chosenFor, present] of db
    .prepare<[], [string, string, string | null, number]>(
      `SELECT id, queries, chosen_for, file IS NOT NULL FROM pair NOT INDEXED WHERE ${LIVE} ORDER BY rowid`,
    )
    .raw()
    .iterate()) {
    blocks.add(...idHalves(id), JSON.parse(json) as number[]);
    have[live.pairs++] = present;
    if (present === 1 && chosenFor !== null)
      for (const query of JSON.parse(chosenFor) as number[])
        live.downloaded[query] = (live.downloaded[query] as number) + 1;
  }
  const file = join(folder, "blocks.bin");
  const descriptor = openSync(file, "w");
  let first = 0;
  for (const block of blocks.blocks()) {
    countMatches(block, live.counts);
    const bytes = encodeBlock(block, have.subarray(first, first + block.pairs));
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
    first += block.pairs;
  }
  fsyncSync(descriptor);
  closeSync(descriptor);
  blocks.close();
  await work.put("blocks.bin", { file, final: true });
  await work.put("counts.bin", packCounts(live.counts));
  await work.put("downloaded.bin", packCounts(live.downloaded));
  work.remove("live");
  return live;
}
