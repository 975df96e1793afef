import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { closeDatabase, type Database, getMeta, setMeta } from "../../store/database.ts";
import { unpackRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { resultOf } from "./names.ts";
import { applyOutcomes } from "./outcomes.ts";
import { openRankDatabase } from "./rank-database.ts";
import type { Drop } from "./settle.ts";

/** How far a rank's database has come: from which object it was made, and what was applied to it since, in order. */
interface StateOf {
  base: string;
  applied: string[];
  /** A download that was begun and has published nothing yet that counts; see download.ts. */
  underWay?: { stage: string; segments: string[] };
}

/** Notes how far a rank's database has come. */
export function setState(db: Database, state: StateOf): void {
  setMeta(db, "cluster", JSON.stringify(state));
}

/** How far a rank's database has come. */
export function getState(db: Database): StateOf | undefined {
  const text = getMeta(db, "cluster");
  return text === undefined ? undefined : JSON.parse(text);
}

/** What a round of downloads leaves, as `index.json`. */
export interface DownloadIndex {
  /** The lists of outcomes, in the order in which they count: of two of one pair the first. */
  segments: string[];
  tried: number;
  failed: number;
}

/**
 * This rank's database with all that `rounds` rounds brought: the one in the scratch folder as far as it agrees with what
 * counts, else made anew from what is published.
 * @param base the stage that made the database.
 * @param keep the download that may be under way in it.
 */
export async function openState(
  work: Work,
  rounds: number,
  base: "gather" | "live",
  keep?: string,
): Promise<{ db: Database; folder: string }> {
  const { store, rank } = work;
  const origin = await resultOf(store, base, rank, "wit.sqlite");
  const expected: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    expected.push(await resultOf(store, `download-${round}`, rank, "index.json"));
    expected.push(await resultOf(store, `settle-${round}`, 0, "drops.bin"));
  }
  let folder = work.folder("state");
  let db = existsSync(join(folder, "wit.sqlite")) ? openRankDatabase(folder, work.plan) : undefined;
  const state = db && getState(db);
  const fits =
    state?.base === origin &&
    state.applied.every((name, i) => name === expected[i]) &&
    (state.underWay === undefined || (state.underWay.stage === keep && state.applied.length === expected.length));
  if (!db || !fits) {
    if (db) closeDatabase(db);
    folder = work.emptyFolder("state");
    await store.fetch(origin, join(folder, "wit.sqlite"));
    db = openRankDatabase(folder, work.plan);
    setState(db, { base: origin, applied: [] });
  }
  try {
    const applied = getState(db)?.applied ?? [];
    for (const name of expected.slice(applied.length)) {
      work.checkStop();
      await apply(work, db, name);
      applied.push(name);
      setState(db, { base: origin, applied });
    }
  } catch (error) {
    closeDatabase(db);
    throw error;
  }
  return { db, folder };
}

async function apply({ store }: Work, db: Database, name: string): Promise<void> {
  if (name.endsWith("/index.json")) {
    const { segments }: DownloadIndex = JSON.parse((await store.get(name)).toString("utf8"));
    for (const segment of segments) await applyOutcomes(store, db, segment);
    return;
  }
  const drop = db.prepare(
    `UPDATE pair SET state = 'dropped', reason = ?, detail = ?, chosen_for = NULL, file = NULL WHERE id = ? AND state <> 'dropped'`,
  );
  for await (const rows of unpackRows<Drop>(store.read(name)))
    db.transaction(() => {
      for (const [id, reason, detail] of rows) drop.run(reason, detail, id);
    })();
}

/** Removes a folder of pictures that were published. */
export function removePack(folder: string, file: string): void {
  rmSync(join(folder, file), { force: true });
}
