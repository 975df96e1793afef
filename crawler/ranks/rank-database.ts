import { dirname, join } from "node:path";
import type { Database } from "../../store/database.ts";
import { openDatabase } from "../../store/database.ts";
import { dropIndices } from "../../store/indices.ts";
import type { Plan } from "./plan.ts";

/**
 * Opens a rank's own database: the tables of a workspace without what only views and the whole need, the query list and the
 * indices of `pair`.
 */
export function openRankDatabase(folder: string, plan: Plan): Database {
  const db = openDatabase(folder);
  db.transaction(() => {
    dropIndices(db, "pair");
    const insert = db.prepare("INSERT OR IGNORE INTO removed VALUES (@kind, @value, @at)");
    for (const row of plan.removed) insert.run(row);
  })();
  return db;
}

/** Brings all of an open database into its one file, so that a copy of that is whole. */
export function settleFile(db: Database): string {
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.pragma("journal_mode = DELETE");
  return join(dirname(db.name), "wit.sqlite");
}
