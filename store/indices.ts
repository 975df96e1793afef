import type { Database } from "./database.ts";

/** Indices of `pair` whose entries come in no order: made after a bulk run, they cost a third (docs/decisions/026). */
const INDICES = {
  pair_state: "pair (state, reason, id)",
  pair_image_url: "pair (image_url)",
  pair_page_url: "pair (page_url) WHERE page_url IS NOT NULL",
};

/** Megabytes of cache while indices are made: a sort takes as much again, and more makes it no faster. */
const CACHE_MB = 25;

/** Makes the indices that are missing, as after {@link putOffIndices}, however the run between ended. */
export function makeIndices(db: Database): void {
  const before = db.pragma("cache_size", { simple: true });
  db.pragma(`cache_size = ${-1_000 * CACHE_MB}`);
  try {
    for (const [name, columns] of Object.entries(INDICES)) db.exec(`CREATE INDEX IF NOT EXISTS ${name} ON ${columns}`);
  } finally {
    db.pragma(`cache_size = ${before}`);
  }
}

/** To keep them up to date costs so many times as much a row as to make them anew. */
const PAYS_OFF = 5;

/**
 * Takes the indices away while `pair` has no rows yet, or when a run has written a good part of them; the database is
 * whole without them, only slower to read.
 * @param written pairs that this run has found so far.
 * @returns whether they are missing now, be it since another run that did so was killed.
 */
export function putOffIndices(db: Database, written: number): boolean {
  const rows = db.prepare<[], { last: number | null }>("SELECT max(rowid) AS last FROM pair").get()?.last ?? 0;
  if (rows <= PAYS_OFF * written) for (const name of Object.keys(INDICES)) db.exec(`DROP INDEX IF EXISTS ${name}`);
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = 'pair_state'").get() === undefined;
}

/**
 * Drops the indices that statements made on a table: they are built faster at once than kept up to date row by row.
 * @param column only those that have it, or depend on it.
 * @returns what makes them again.
 */
export function dropIndices(db: Database, table: "pair" | "query", column = ""): () => void {
  const indices = db
    .prepare<[string], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
    )
    .all(table)
    .filter(({ sql }) => new RegExp(`\\b${column}\\b`).test(sql));
  for (const { name } of indices) db.exec(`DROP INDEX ${name}`);
  return () => {
    for (const { sql } of indices) db.exec(sql);
  };
}
