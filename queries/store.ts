import { bulkInsert } from "../store/bulk.ts";
import { type Database, getMeta, setMeta } from "../store/database.ts";
import { dropIndices } from "../store/indices.ts";
import { type QueryList, sourcesOf } from "./list.ts";

/** Rows that are made at once, a multiple of those that one statement takes. */
const ROWS = 3_200;

/** Brings a list into the workspace's database in place of the one there; its pairs are then to be matched again. */
export function storeQueries(db: Database, queries: QueryList): void {
  const before = getMeta(db, "queries");
  if (before === queries.sha256) return;
  db.transaction(() => {
    db.exec("DELETE FROM query");
    const makeAgain = dropIndices(db, "query");
    const insert = bulkInsert(db, "INSERT INTO query (id, term, source, wiki_count, score, sources, views) VALUES", 7);
    // Once: a workspace's list reads its file each time it is asked for its terms.
    const { terms } = queries;
    for (let from = 0; from < terms.length; from += ROWS) {
      const some = terms.slice(from, from + ROWS);
      insert(
        some.map((row, i) => [from + i, row.term, row.source, row.count, row.score, sourcesOf(row), row.views ?? 0]),
      );
    }
    makeAgain();
    setMeta(db, "queries", queries.sha256);
    if (before !== undefined) setMeta(db, "rematch", "pending");
  })();
}
