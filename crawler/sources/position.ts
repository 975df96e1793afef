import { type Database, getMeta, setMeta } from "../../store/database.ts";

/** How far an input was read, in its own unit: rows of a list, bytes of an archive. */
export interface Position {
  at: number;
  done: boolean;
  /**
   * Inside the consumer's transaction.
   * @param mark what stands before the position, in short.
   */
  save: (at: number, done: boolean, mark?: string) => void;
  /** Whether this is not the mark that was kept; positions of earlier versions have none. */
  differs: (mark: string) => boolean;
}

/** The position of the input with this name, kept in the table `list_position`; its mark, while it is needed, in `meta`. */
export function positionOf(db: Database, name: string): Position {
  const row = db
    .prepare<[string], { rows: number; done: number }>("SELECT rows, done FROM list_position WHERE file = ?")
    .get(name);
  const save = db.prepare(
    "INSERT INTO list_position VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET rows = excluded.rows, done = excluded.done",
  );
  const key = `read of ${name}`;
  const forget = db.prepare("DELETE FROM meta WHERE key = ?");
  const at = row?.rows ?? 0;
  return {
    at,
    done: row?.done === 1,
    save: (at, done, mark) => {
      save.run(name, at, done ? 1 : 0);
      if (done) forget.run(key);
      // With its place: an earlier version that goes on with the list does not change the mark.
      else if (mark !== undefined) setMeta(db, key, `${at} ${mark}`);
    },
    differs: (mark) => {
      const known = getMeta(db, key);
      return known?.startsWith(`${at} `) === true && known !== `${at} ${mark}`;
    },
  };
}
