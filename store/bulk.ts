import type { Database } from "./database.ts";

/** A value SQLite takes. */
export type Value = string | number | null;

/** SQLite's parser and better-sqlite3's call cost as much as a row's work: so many rows share one statement. */
const TOGETHER = 32;

/**
 * A function that runs `INSERT ... VALUES (...)` for many rows, many at a time; call it within a transaction.
 * @param head the statement up to and with VALUES. @param columns values a row. @param tail what follows the values.
 */
export function bulkInsert(db: Database, head: string, columns: number, tail = ""): (rows: readonly Value[][]) => void {
  const one = `(${Array(columns).fill("?").join(", ")})`;
  const many = db.prepare(`${head} ${Array(TOGETHER).fill(one).join(", ")} ${tail}`);
  const single = db.prepare(`${head} ${one} ${tail}`);
  const values: Value[] = Array(TOGETHER * columns).fill(null);
  return (rows) => {
    let at = 0;
    while (at + TOGETHER <= rows.length) {
      let to = 0;
      for (const end = at + TOGETHER; at < end; at++) for (const value of rows[at] as Value[]) values[to++] = value;
      many.run(values);
    }
    for (; at < rows.length; at++) single.run(rows[at] ?? []);
  };
}
