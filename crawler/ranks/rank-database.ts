import { dirname, join } from "node:path";
import { type Database, openDatabase, settle } from "../../store/database.ts";
import { dropIndices, makeIndices } from "../../store/indices.ts";
import type { Plan } from "./plan.ts";

/**
 * Opens a rank's own database: the tables of a workspace without what only views and the whole need, the query list and the
 * indices of `pair`.
 */
export function openRankDatabase(folder: string, plan: Plan): Database {
  return openWithoutIndices(folder, plan).db;
}

/** The same; `indexPairs` makes the indices of `pair`. */
export function openWithoutIndices(folder: string, plan: Plan): { db: Database; indexPairs: () => void } {
  const db = openDatabase(folder, false);
  const makeAgain = db.transaction(() => {
    const insert = db.prepare("INSERT OR IGNORE INTO removed VALUES (@kind, @value, @at)");
    for (const row of plan.removed) insert.run(row);
    return dropIndices(db, "pair");
  })();
  const indexPairs = () => {
    makeAgain();
    makeIndices(db);
  };
  return { db, indexPairs };
}

/** Brings all of an open database into its one file, to be published. */
export function settleFile(db: Database): string {
  settle(db);
  return join(dirname(db.name), "wit.sqlite");
}
