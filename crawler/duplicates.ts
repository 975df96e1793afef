import { nearPairs } from "../filters/image/near.ts";
import type { Database } from "../store/database.ts";

const IN_SET = "state IN ('chosen', 'kept') AND file IS NOT NULL";

/**
 * Drops what is in the data set twice: of pairs whose pictures are the same bytes the smallest id stays, and the same for
 * near duplicates when the profile asks for that. Only chosen pairs count, not those fetched in case they are needed, and a pair that
 * was dropped as a duplicate still rules out its own: so the end does not depend on the order of rounds. Several captions of
 * one picture (`--captions-per-image`) are no duplicates.
 * @param nearBits the profile's `dropNearDuplicates`.
 * @returns how many pairs were dropped; the next selection lets others move up.
 */
export function dropDuplicates(db: Database, nearBits: number | undefined): number {
  const { changes } = db
    .prepare(
      `UPDATE pair SET state = 'dropped', reason = 'duplicate_image', chosen_for = NULL, file = NULL, shard = NULL, key = NULL
       WHERE id IN (
         SELECT id FROM (
           SELECT id, image_url, first_value(image_url) OVER (PARTITION BY sha256 ORDER BY id) AS stays FROM pair
           WHERE sha256 IS NOT NULL AND ${IN_SET}
         ) WHERE image_url <> stays
       )`,
    )
    .run();
  return nearBits === undefined ? changes : changes + dropNear(db, nearBits);
}

function dropNear(db: Database, bits: number): number {
  const rows = db
    .prepare<[], { id: string; image_url: string; phash: string; state: string }>(
      `SELECT id, image_url, phash, state FROM pair
       WHERE phash IS NOT NULL AND ((${IN_SET}) OR reason IN ('duplicate_image', 'near_duplicate')) ORDER BY id`,
    )
    .all();
  const drop = db.prepare(
    `UPDATE pair SET state = 'dropped', reason = 'near_duplicate', detail = ?, chosen_for = NULL, file = NULL, shard = NULL, key = NULL
     WHERE id = ? AND state <> 'dropped'`,
  );
  let dropped = 0;
  db.transaction(() => {
    for (const { stays, goes, distance } of nearDuplicates(rows, ({ image_url }) => image_url, bits))
      dropped += drop.run(`${distance} bits from ${stays.id}`, goes.id).changes;
  })();
  return dropped;
}

/**
 * Pairs whose pictures look the same; the one with the larger id goes.
 * @param rows in the order of ids. @param address pairs with the same one are texts of one picture, and no duplicates.
 */
export function* nearDuplicates<Row extends { phash: string }>(
  rows: readonly Row[],
  address: (row: Row) => string,
  bits: number,
): Generator<{ stays: Row; goes: Row; distance: number }> {
  for (const { a, b, distance } of nearPairs(
    rows.map(({ phash }) => phash),
    bits,
  )) {
    const [stays, goes] = a < b ? [rows[a], rows[b]] : [rows[b], rows[a]];
    if (stays && goes && address(stays) !== address(goes)) yield { stays, goes, distance };
  }
}

/** Brings the table behind the view `near_duplicates` to what the data set holds. */
export function reportNearDuplicates(db: Database): number {
  const rows = db
    .prepare<[], { id: string; phash: string }>(
      "SELECT id, phash FROM pair WHERE state = 'kept' AND phash IS NOT NULL ORDER BY id",
    )
    .all();
  const insert = db.prepare("INSERT INTO near_duplicate VALUES (?, ?, ?)");
  let found = 0;
  db.transaction(() => {
    db.exec("DELETE FROM near_duplicate");
    for (const { a, b, distance } of nearPairs(rows.map(({ phash }) => phash))) {
      const [x = "", y = ""] = [rows[a]?.id, rows[b]?.id].sort();
      insert.run(x, y, distance);
      found++;
    }
  })();
  return found;
}
