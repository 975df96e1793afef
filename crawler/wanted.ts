import SQLite from "better-sqlite3";
import type { Database } from "../store/database.ts";

/** Fewer downloads say little about how often they fail. */
const ENOUGH = 200;

/**
 * Lists what the coming round of downloads fetches, in the temporary table `wanted`: every chosen pair without a picture, and
 * for capped queries some that are next in line, because some of the chosen will fail. Without these each round loses the same
 * share again, and 20,000 pairs with one in five dead take seven rounds instead of three. The states of the pairs are left
 * alone: what turns out to be too much stays in reserve, so the cap is exact whatever is guessed.
 * @param chooseMore selects under a larger cap, which tells who is next in line; it is not kept.
 * @returns how many pairs.
 */
export function listWanted(db: Database, chooseMore?: () => void): number {
  db.exec("CREATE TEMP TABLE IF NOT EXISTS wanted (host TEXT, id TEXT, PRIMARY KEY (host, id)) WITHOUT ROWID");
  db.exec("DELETE FROM wanted");
  const missing = "SELECT host, id FROM pair WHERE state = 'chosen' AND file IS NULL";
  if (!chooseMore) return db.prepare(`INSERT INTO wanted ${missing}`).run().changes;
  // Another database keeps what is read before it is undone; in a file that is gone with it.
  const aside = new SQLite("");
  try {
    aside.exec("CREATE TABLE wanted (host TEXT, id TEXT)");
    db.exec("BEGIN");
    try {
      chooseMore();
      copyRows(db, missing, aside);
    } finally {
      db.exec("ROLLBACK");
    }
    return copyRows(aside, "SELECT host, id FROM wanted", db);
  } finally {
    aside.close();
  }
}

/** Copies what a statement gives into another database's table `wanted`; returns how many rows. */
function copyRows(from: Database, select: string, to: Database): number {
  const insert = to.prepare("INSERT INTO wanted VALUES (?, ?)");
  let rows = 0;
  to.transaction(() => {
    for (const row of from.prepare(select).raw().iterate()) {
      insert.run(row);
      rows++;
    }
  })();
  return rows;
}

/** How far beyond the cap the coming round fetches, by what the rounds so far have shown. */
export function spareNow(db: Database): number {
  const short = db.prepare<[], { n: number | null }>("SELECT max(chosen - downloaded) AS n FROM query").get()?.n ?? 0;
  return spare(short, failureRate(triedAndFailed(db)));
}

/** Downloads so far. */
export interface Tried {
  tried: number;
  /** Of these, without a picture in the set: also those whose picture was there already. */
  failed: number;
}

/** Counts the downloads so far. */
export function triedAndFailed(db: Database): Tried {
  const row = db
    .prepare<[], Tried>(
      `SELECT count(*) AS tried, coalesce(sum(state = 'dropped'), 0) AS failed FROM pair
       WHERE attempts > 0 AND (file IS NOT NULL OR state = 'dropped')`,
    )
    .get();
  return row ?? { tried: 0, failed: 0 };
}

/** The share of downloads that fail; 0 while too few were made to tell. */
export function failureRate({ tried, failed }: Tried): number {
  return tried < ENOUGH ? 0 : failed / tried;
}

/**
 * How far beyond the cap to fetch: if `short` pictures are needed and a share `rate` fails, short·rate/(1-rate) replacements
 * are expected; four standard deviations are added.
 */
export function spare(short: number, rate: number): number {
  const rest = Math.max(1 - rate, 0.1);
  return Math.ceil((short * rate) / rest + (4 * Math.sqrt(short * rate)) / rest);
}
