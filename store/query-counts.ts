import type { Database } from "./database.ts";

interface Row {
  state: string;
  file: string | null;
  queries: string;
  chosen_for: string | null;
}

/** The four counts of every query, indexed by query id. */
export interface QueryCounts {
  matched: Uint32Array;
  chosen: Uint32Array;
  downloaded: Uint32Array;
  kept: Uint32Array;
}

/** Counts per query what `pair` says: one pass, four counters a query. */
export function countQueries(db: Database): QueryCounts {
  const last = db.prepare<[], { id: number | null }>("SELECT max(id) AS id FROM query").get()?.id ?? -1;
  const counter = () => new Uint32Array(last + 1);
  const counts: QueryCounts = { matched: counter(), chosen: counter(), downloaded: counter(), kept: counter() };
  // A rank's database has no queries: they are counted when all are merged.
  if (last < 0) return counts;
  const count = (counter: Uint32Array, queries: number[]) => {
    for (const query of queries) counter[query] = (counter[query] ?? 0) + 1;
  };
  for (const row of db
    .prepare<[], Row>("SELECT state, file, queries, chosen_for FROM pair WHERE queries IS NOT NULL")
    .iterate()) {
    count(counts.matched, JSON.parse(row.queries));
    if (row.chosen_for === null || row.state === "dropped") continue;
    const account: number[] = JSON.parse(row.chosen_for);
    count(counts.chosen, account);
    if (row.file !== null) count(counts.downloaded, account);
    if (row.state === "kept") count(counts.kept, account);
  }
  return counts;
}

/**
 * Brings the counts of `query` (matched, chosen, downloaded, kept) to what `pair` says. Called at the end of each stage:
 * triggers would cost every write, a view would cost every reader.
 */
export function refreshQueryCounts(db: Database): void {
  const { matched, chosen, downloaded, kept } = countQueries(db);
  // Most queries are in no caption: only those that are, or were, are written, and only where something differs.
  const before = new Map(
    db
      .prepare<[], { id: number; counts: string }>(
        "SELECT id, matched || ' ' || chosen || ' ' || downloaded || ' ' || kept AS counts FROM query WHERE matched > 0",
      )
      .all()
      .map(({ id, counts }) => [id, counts]),
  );
  const update = db.prepare("UPDATE query SET matched = ?, chosen = ?, downloaded = ?, kept = ? WHERE id = ?");
  db.transaction(() => {
    for (const [id, count] of matched.entries()) {
      if (count === 0 && !before.has(id)) continue;
      const now = [count, chosen[id], downloaded[id], kept[id]];
      if (before.get(id) !== now.join(" ")) update.run(...now, id);
    }
  })();
}
