import type { Database } from "../../store/database.ts";

/** How far an input was read, in its own unit: rows of a list, bytes of an archive. */
export interface Position {
  at: number;
  done: boolean;
  /** Inside the consumer's transaction. */
  save: (at: number, done: boolean) => void;
}

/** The position of the input with this name, kept in the table `list_position`. */
export function positionOf(db: Database, name: string): Position {
  const row = db
    .prepare<[string], { rows: number; done: number }>("SELECT rows, done FROM list_position WHERE file = ?")
    .get(name);
  const save = db.prepare(
    "INSERT INTO list_position VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET rows = excluded.rows, done = excluded.done",
  );
  return {
    at: row?.rows ?? 0,
    done: row?.done === 1,
    save: (at, done) => void save.run(name, at, done ? 1 : 0),
  };
}
