import { dirname, join } from "node:path";
import type { Database } from "../../store/database.ts";
import { openDatabase } from "../../store/database.ts";
import type { Plan } from "./plan.ts";

/**
 * Opens a rank's own database: the tables of a workspace without what only views and the whole need, the query list and the
 * indices of `pair`.
 */
export function openRankDatabase(folder: string, plan: Plan): Database {
  const db = openDatabase(folder);
  db.transaction(() => {
    for (const { name } of pairIndices(db)) db.exec(`DROP INDEX ${name}`);
    const insert = db.prepare("INSERT OR IGNORE INTO removed VALUES (@kind, @value, @at)");
    for (const row of plan.removed) insert.run(row);
  })();
  return db;
}

/** The indices of `pair` that statements make. */
export function pairIndices(db: Database): { name: string; sql: string }[] {
  return db
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'pair' AND sql IS NOT NULL",
    )
    .all();
}

/** Brings all of an open database into its one file, so that a copy of that is whole. */
export function settleFile(db: Database): string {
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.pragma("journal_mode = DELETE");
  return join(dirname(db.name), "wit.sqlite");
}
