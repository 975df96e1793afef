import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { chooseMatches } from "../../filters/cap.ts";
import { PairBlocks } from "../../filters/pair-blocks.ts";
import type { Thresholds } from "../../filters/priority.ts";
import { closeDatabase, type Database, setMeta } from "../../store/database.ts";
import { Spool } from "../../store/spool.ts";
import { download } from "../download.ts";
import { Net } from "../net.ts";
import { mark, readPairs } from "../select.ts";
import { listWanted, triedAndFailed } from "../wanted.ts";
import { baseStage, choiceOf } from "./choose.ts";
import type { Work } from "./context.ts";
import { publishDigests } from "./digests.ts";
import { MATCHES, publishLive } from "./live.ts";
import { outputName } from "./names.ts";
import { fetchingOptionsOf } from "./options.ts";
import { Segments } from "./outcomes.ts";
import { decodersOf, hashesOf } from "./shared.ts";
import type { StageResult } from "./stage.ts";
import { type DownloadIndex, getState, openState, setState } from "./state.ts";

/** In a rank's database: the round whose choice its pairs are marked by. */
export const MARKED = "marked";

/** A machine that is lost costs at most what it fetched in so long. */
const CHECKPOINT_MS = 300_000;

/**
 * One round of downloads of this rank: marks what the thresholds choose, fetches what has no picture yet, and publishes the
 * outcomes and what the next choice is made from.
 */
export async function downloadRank(work: Work, round: number): Promise<StageResult> {
  const { context, stage } = work;
  const { thresholds, wider, short } = await choiceOf(work, round);
  const { db, folder } = await openState(work, round - 1, baseStage(work), stage);
  try {
    const segments = new Segments(work, db, folder);
    await segments.recover();
    const marking = await prepareMarking(work, db, folder);
    marking.mark(thresholds);
    const items = short === 0 ? 0 : await fetchWanted(work, db, folder, segments, () => wider && marking.mark(wider));
    marking.close();
    work.checkStop();
    setMeta(db, MARKED, String(round));
    const index: DownloadIndex = { segments: [...segments.names], ...triedAndFailed(db) };
    const name = outputName(stage, work.rank, context.attempt, "index.json");
    await publishLive(work, db);
    await publishDigests(work, db);
    const state = getState(db);
    if (state) setState(db, { base: state.base, applied: [...state.applied, name] });
    await work.put("index.json", Buffer.from(JSON.stringify(index)));
    return work.result(items);
  } finally {
    closeDatabase(db);
  }
}

/** Reads the live pairs once, to mark them under one choice and, on trial, under another. */
export async function prepareMarking(work: Work, db: Database, folder: string) {
  const hashes = await hashesOf(work);
  const pairs = db.prepare<[], number>("SELECT count(*) FROM pair").pluck().get() ?? 0;
  const blocks = new PairBlocks(join(folder, "select.tmp"), 16, MATCHES * pairs);
  readPairs(db, blocks, work.plan.queries.terms);
  const { seed } = work.plan.settings;
  const once = db.transaction(
    (thresholds: Thresholds) => void mark(db, blocks, (block) => chooseMatches(block, thresholds, hashes, seed)),
  );
  return { mark: (thresholds: Thresholds) => once(thresholds), close: () => blocks.close() };
}

/** Fetches what is missing; @returns how many pictures were asked for. */
async function fetchWanted(
  work: Work,
  db: Database,
  folder: string,
  segments: Segments,
  chooseMore: () => void,
): Promise<number> {
  const { context } = work;
  const options = fetchingOptionsOf(work, folder);
  const wanted = listWanted(db, chooseMore);
  const net = new Net(db, options.net, context.stop);
  const spool = new Spool(folder, nextPack(folder));
  let publishing: Promise<void> | undefined;
  let trouble: unknown;
  const timer = setInterval(() => {
    net.hosts.save(db);
    publishing ??= segments
      .publish(spool)
      .catch((error) => {
        trouble = error;
      })
      .finally(() => {
        publishing = undefined;
      });
  }, context.checkpointMs ?? CHECKPOINT_MS);
  try {
    const { ok, failed } = await download(db, net, spool, { ...options, decoders: decodersOf() }, (counts) =>
      context.progress(counts.ok + counts.failed, wanted),
    );
    clearInterval(timer);
    await publishing;
    if (trouble !== undefined) throw trouble;
    await segments.publish(spool);
    spool.close();
    rmSync(join(folder, "spool"), { recursive: true });
    return ok + failed;
  } finally {
    clearInterval(timer);
    await publishing;
    await net.close();
  }
}

/** A number that no file of the spool has. */
function nextPack(folder: string): number {
  const spool = join(folder, "spool");
  const names = existsSync(spool) ? readdirSync(spool) : [];
  return Math.max(-1, ...names.map((name) => Number.parseInt(name, 10))) + 1;
}
