import type { Database } from "./database.ts";

interface Row {
  state: string;
  file: string | null;
  queries: string;
  chosen_for: string | null;
}

/**
 * Brings the counts of `query` (matched, chosen, downloaded, kept) to what `pair` says. Called at the end of each stage,
 * in one pass with four counters a query: triggers would cost every write, a view would cost every reader.
 */
export function refreshQueryCounts(db: Database): void {
  const last = db.prepare<[], { id: number | null }>("SELECT max(id) AS id FROM query").get()?.id ?? -1;
  const [matched, chosen, downloaded, kept] = Array.from({ length: 4 }, () => new Uint32Array(last + 1)) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  const count = (counter: Uint32Array, queries: number[]) => {
    for (const query of queries) counter[query] = (counter[query] ?? 0) + 1;
  };
  for (const row of db
    .prepare<[], Row>("SELECT state, file, queries, chosen_for FROM pair WHERE queries IS NOT NULL")
    .iterate()) {
    count(matched, JSON.parse(row.queries));
    if (row.chosen_for === null || row.state === "dropped") continue;
    const account: number[] = JSON.parse(row.chosen_for);
    count(chosen, account);
    if (row.file !== null) count(downloaded, account);
    if (row.state === "kept") count(kept, account);
  }
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
