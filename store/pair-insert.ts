import { bulkInsert, type Value } from "./bulk.ts";
import type { Database } from "./database.ts";
import { CAPTION_KINDS, type CaptionKind } from "./types.ts";

/** The columns of a pair that was found, in the order in which rows for {@link pairInsert} have them. */
export const FOUND_COLUMNS = [
  ...["id", "image_url", "page_url", "caption", "kind", "source", "host", "licence", "origin", "checksum", "opt_out"],
  ...["state", "reason", "detail", "queries", "seen"],
] as const;
const [OPT_OUT, KIND] = [FOUND_COLUMNS.indexOf("opt_out"), FOUND_COLUMNS.indexOf("kind")];
const [REASON, SEEN] = [FOUND_COLUMNS.indexOf("reason"), FOUND_COLUMNS.indexOf("seen")];

/** What tells finds of one pair apart, in the order of preference: the preferred kind of text, then the smallest text. */
const PLACE = (find: string) =>
  `(instr('${CAPTION_KINDS.join(" ")}', ${find}.kind), ${find}.source, coalesce(${find}.page_url, ''),
    coalesce(${find}.origin, ''), coalesce(${find}.licence, ''), coalesce(${find}.checksum, ''))`;
/** So many rows are worth a change of the schema. */
const MANY = 1_000;

const OF_THE_FIND = ["page_url", "kind", "source", "licence", "origin", "checksum"];

/**
 * A function that writes pairs that were found into the table `pair`; call it within a transaction. Of a pair that was found
 * several times one find stays, the smallest in an order of its own, and a find that opts out before all others: so
 * neither the order of finding nor the machine matters.
 */
export function pairInsert(db: Database): (rows: readonly Value[][]) => void {
  const head = `INSERT INTO pair (${FOUND_COLUMNS.join(", ")}) VALUES`;
  const smaller = `${PLACE("excluded")} < ${PLACE("pair")}`;
  const either = (column: string, first: string, then = `pair.${column}`) =>
    `${column} = CASE WHEN ${first} THEN excluded.${column} ELSE ${then} END`;
  const plain = OF_THE_FIND.map((column) => either(column, `pair.opt_out IS NULL AND ${smaller}`));
  const marked = [...OF_THE_FIND, "opt_out"].map((column) => either(column, `pair.opt_out IS NULL OR ${smaller}`));
  // Where signals are obeyed, the pair goes; where they are recorded, its state stays.
  const drops = "excluded.reason = 'opt_out_page' AND pair.reason IS NOT 'removed'";
  marked.push(
    ...["state", "reason", "detail", "queries"].map((column) => either(column, drops)),
    ...["chosen_for", "file", "shard", "key"].map(
      (column) => `${column} = CASE WHEN ${drops} THEN NULL ELSE pair.${column} END`,
    ),
  );
  const insert = (changes: readonly string[]) =>
    bulkInsert(
      db,
      head,
      FOUND_COLUMNS.length,
      `ON CONFLICT (id) DO UPDATE SET seen = seen + excluded.seen, ${changes.join(", ")}`,
    );
  // Two statements: the second touches columns with indices, which costs every row that is there already.
  const [insertPlain, insertMarked] = [insert(plain), insert(marked)];
  return (rows) => {
    if (rows.length < MANY) {
      const [unmarked, signalled] = [
        rows.filter((row) => row[OPT_OUT] === null),
        rows.filter((row) => row[OPT_OUT] !== null),
      ];
      insertPlain(unmarked);
      insertMarked(signalled);
      return;
    }
    const makeAgain = dropIdleTrigger(db);
    for (const alike of groups(rows)) (alike[0]?.[OPT_OUT] === null ? insertPlain : insertMarked)(alike);
    makeAgain?.();
  };
}

/** Rows that are alike in the columns with few values, whose order stays: what they share is not bound (see bulk.ts). */
function groups(rows: readonly Value[][]): Value[][][] {
  const found: Value[][][] = [];
  for (const row of rows) {
    const flags = (row[OPT_OUT] === null ? 0 : 1) | (row[REASON] === null ? 0 : 2) | (row[SEEN] === 1 ? 0 : 4);
    const group = flags | ((CAPTION_KINDS.indexOf(row[KIND] as CaptionKind) + 1) << 3);
    const alike = found[group];
    if (alike) alike.push(row);
    else found[group] = [row];
  }
  return found.filter((group) => group !== undefined);
}

/**
 * Drops the trigger that keeps out what was taken down, when nothing was: to ask it takes a sixth of a row's time.
 * @returns what makes it again, in the same transaction.
 */
function dropIdleTrigger(db: Database): (() => void) | undefined {
  if (db.prepare("SELECT 1 FROM removed").get() !== undefined) return undefined;
  const sql = db
    .prepare<[], string>("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = 'removed_found'")
    .pluck()
    .get();
  if (sql === undefined) return undefined;
  db.exec("DROP TRIGGER removed_found");
  return () => void db.exec(sql);
}
