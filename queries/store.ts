import { bulkInsert } from "../store/bulk.ts";
import { type Database, getMeta, setMeta } from "../store/database.ts";
import type { QueryList } from "./list.ts";

/** Brings a list into the workspace's database in place of the one there; its pairs are then to be matched again. */
export function storeQueries(db: Database, queries: QueryList): void {
  const before = getMeta(db, "queries");
  if (before === queries.sha256) return;
  db.transaction(() => {
    db.exec("DELETE FROM query");
    // Indices are built faster at once than kept up to date row by row.
    const indices = db
      .prepare<[], { name: string; sql: string }>(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'query' AND sql IS NOT NULL",
      )
      .all();
    for (const { name } of indices) db.exec(`DROP INDEX ${name}`);
    const insert = bulkInsert(db, "INSERT INTO query (id, term, source, wiki_count, score, sources, views) VALUES", 7);
    insert(
      queries.terms.map(({ term, source, count, score, sources, views }, id) => [
        id,
        term,
        source,
        count,
        score,
        (sources ?? [source]).join(","),
        views ?? 0,
      ]),
    );
    for (const { sql } of indices) db.exec(sql);
    setMeta(db, "queries", queries.sha256);
    if (before !== undefined) setMeta(db, "rematch", "pending");
  })();
}
