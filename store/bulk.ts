import type { Statement } from "better-sqlite3";
import type { Database } from "./database.ts";

/** A value SQLite takes. */
export type Value = string | number | null;

/** So many rows share one statement: SQLite's parser and better-sqlite3's call cost as much as a row's work. */
const TOGETHER = 128;
/** From so many rows on what they have in common is worth a statement of its own. */
const MANY = 1_000;
/** A longer text is bound, whether it is shared or not. */
const LONGEST = 100;

/**
 * A function that runs `INSERT ... VALUES (...)` for many rows, many at a time; call it within a transaction. A value that many
 * rows have in common stands in their statement: to bind it in each row takes a tenth of a microsecond.
 * @param head the statement up to and with VALUES. @param columns values a row. @param tail what follows the values.
 */
export function bulkInsert(db: Database, head: string, columns: number, tail = ""): (rows: readonly Value[][]) => void {
  const all = Array.from({ length: columns }, (_, column) => column);
  const prepare = (rows: number, shared?: ReadonlyMap<number, string>) => {
    const row = `(${all.map((column) => shared?.get(column) ?? "?").join(", ")})`;
    return db.prepare(`${head} ${Array(rows).fill(row).join(", ")} ${tail}`);
  };
  const single = prepare(1);
  /** For calls of fewer rows, which come again and again. */
  let plain: Statement | undefined;
  return (rows) => {
    const shared = rows.length < MANY ? undefined : sharedValues(rows, all);
    const bound = shared ? all.filter((column) => !shared.has(column)) : all;
    let at = 0;
    if (rows.length >= TOGETHER) {
      if (!shared && !plain) plain = prepare(TOGETHER);
      const many = shared ? prepare(TOGETHER, shared) : (plain as Statement);
      const values: Value[] = Array(TOGETHER * bound.length).fill(null);
      while (at + TOGETHER <= rows.length) {
        let to = 0;
        for (const end = at + TOGETHER; at < end; at++) {
          const row = rows[at] as Value[];
          for (const column of bound) values[to++] = row[column] as Value;
        }
        many.run(values);
      }
    }
    for (; at < rows.length; at++) single.run(rows[at] ?? []);
  };
}

/** The columns in which all rows have one value, with the value as SQL. */
function sharedValues(rows: readonly Value[][], columns: readonly number[]): Map<number, string> {
  const shared = new Map<number, string>();
  for (const column of columns) {
    const value = rows[0]?.[column] ?? null;
    const sql = literalOf(value);
    if (sql !== undefined && isShared(rows, column, value)) shared.set(column, sql);
  }
  return shared;
}

function isShared(rows: readonly Value[][], column: number, value: Value): boolean {
  for (const row of rows) if (row[column] !== value) return false;
  return true;
}

/** A value as SQL has it, unless it is better bound. */
function literalOf(value: Value): string | undefined {
  if (value === null) return "NULL";
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  return value.length > LONGEST || value.includes("\0") ? undefined : `'${value.replaceAll("'", "''")}'`;
}
