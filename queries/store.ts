import { type Database, getMeta, setMeta } from "../store/database.ts";
import type { QueryList } from "./list.ts";

/** Brings a list into the workspace's database in place of the one there; its pairs are then to be matched again. */
export function storeQueries(db: Database, queries: QueryList): void {
  const before = getMeta(db, "queries");
  if (before === queries.sha256) return;
  db.transaction(() => {
    db.exec("DELETE FROM query");
    const insert = db.prepare(
      "INSERT INTO query (id, term, source, wiki_count, score, sources, views) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    for (const [id, { term, source, count, score, sources, views }] of queries.terms.entries())
      insert.run(id, term, source, count, score, (sources ?? [source]).join(","), views ?? 0);
    setMeta(db, "queries", queries.sha256);
    if (before !== undefined) setMeta(db, "rematch", "pending");
  })();
}
