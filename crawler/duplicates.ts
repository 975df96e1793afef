import { type Hashes, hashColumns, nearPairs } from "../filters/image/near.ts";
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
  const among = `phash IS NOT NULL AND ((${IN_SET}) OR reason IN ('duplicate_image', 'near_duplicate'))`;
  const { hashes, rowids } = readHashes(db, among);
  const read = db.prepare<[number], { id: string; image_url: string }>(
    "SELECT id, image_url FROM pair WHERE rowid = ?",
  );
  const rowOf = (index: number) => read.get(rowids[index] as number) as { id: string; image_url: string };
  const drop = db.prepare(
    `UPDATE pair SET state = 'dropped', reason = 'near_duplicate', detail = ?, chosen_for = NULL, file = NULL, shard = NULL, key = NULL
     WHERE id = ? AND state <> 'dropped'`,
  );
  let dropped = 0;
  db.transaction(() => {
    for (const { stays, goes, distance } of nearDuplicates(hashes, rowOf, ({ image_url }) => image_url, bits))
      dropped += drop.run(`${distance} bits from ${stays.id}`, goes.id).changes;
  })();
  return dropped;
}

/** The perceptual hashes of the pairs `where`, in the order of ids. */
function readHashes(db: Database, where: string): { hashes: Hashes; rowids: Float64Array } {
  const count = db.prepare<[], number>(`SELECT count(*) FROM pair WHERE ${where}`).pluck().get() ?? 0;
  const rowids = new Float64Array(count);
  const rows = db.prepare<[], [number, string]>(`SELECT rowid, phash FROM pair WHERE ${where} ORDER BY id`).raw();
  const phashes = function* () {
    let at = 0;
    for (const [rowid, phash] of rows.iterate()) {
      rowids[at++] = rowid;
      yield phash;
    }
  };
  return { hashes: hashColumns(phashes(), count), rowids };
}

/**
 * Pairs whose pictures look the same; the one with the larger id goes.
 * @param hashes in the order of ids. @param rowOf what has a hash, by its place among them. @param address pairs with the same
 * one are texts of one picture, and no duplicates.
 */
export function* nearDuplicates<Row>(
  hashes: Hashes,
  rowOf: (index: number) => Row,
  address: (row: Row) => string,
  bits: number,
): Generator<{ stays: Row; goes: Row; distance: number }> {
  for (const { a, b, distance } of nearPairs(hashes, bits)) {
    const [stays, goes] = [rowOf(a), rowOf(b)];
    if (address(stays) !== address(goes)) yield { stays, goes, distance };
  }
}

/** Brings the table behind the view `near_duplicates` to what the data set holds. */
export function reportNearDuplicates(db: Database): number {
  const { hashes, rowids } = readHashes(db, "state = 'kept' AND phash IS NOT NULL");
  const insert = db.prepare(
    "INSERT INTO near_duplicate SELECT a.id, b.id, ? FROM pair a, pair b WHERE a.rowid = ? AND b.rowid = ?",
  );
  let found = 0;
  db.transaction(() => {
    db.exec("DELETE FROM near_duplicate");
    for (const { a, b, distance } of nearPairs(hashes)) {
      insert.run(distance, rowids[a], rowids[b]);
      found++;
    }
  })();
  return found;
}
