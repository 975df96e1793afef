import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { dropDuplicates } from "../../../crawler/duplicates.ts";
import { writeDigests } from "../../../crawler/ranks/digests.ts";
import { findDuplicates } from "../../../crawler/ranks/settle.ts";
import { closeDatabase, type Database, openDatabase } from "../../../store/database.ts";
import { temporaryFolder } from "../../folder.ts";
import { generator } from "../../random.ts";

type Row = [id: string, url: string, sha256: string, phash: string | null, queries: string];

function insertInto(db: Database): (row: Row) => void {
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, sha256, phash, queries, chosen_for, caption, kind, source, host, state, file, offset, bytes)
     VALUES (?, ?, ?, ?, ?, '[0]', 'a cat', 'alt', 'web', 'h', 'chosen', 'spool/00000.pack', 0, 1)`,
  );
  return (row) => void insert.run(...row);
}

test("pictures spread over ranks lose the same duplicates as in one database, exact and near, again and again", () => {
  const random = generator(5);
  const draw = (n: number) => Math.floor(random() * n);
  const folder = () => temporaryFolder("digests");
  const hex = (n: number) => n.toString(16).padStart(16, "0");
  for (const bits of [undefined, 0, 2]) {
    const one = openDatabase(folder());
    const ranks = [0, 1, 2].map(() => openDatabase(folder()));
    for (let i = 0; i < 300; i++) {
      const picture = draw(120);
      // Neighbours among so few perceptual hashes differ in one or two bits.
      const phash = picture % 10 === 0 ? null : hex(picture);
      const sha256 = hex(picture * 7919).repeat(4);
      const id = `${hex(draw(2 ** 31)).slice(8)}${hex(i).slice(8)}`;
      const row: Row = [id, `http://h/${draw(200)}.png`, sha256, phash, JSON.stringify([draw(5), 5 + draw(5)])];
      insertInto(one)(row);
      insertInto(ranks[draw(3)] as Database)(row);
    }
    for (let round = 1; round <= 3; round++) {
      const files = ranks.map((db) => {
        const file = join(folder(), "digests.bin");
        writeDigests(file, db);
        return file;
      });
      const { drops, gone, pairs } = findDuplicates(folder(), files, bits);
      assert.equal(pairs, one.prepare("SELECT count(*) FROM pair WHERE state <> 'dropped'").pluck().get());
      const before = new Set(one.prepare("SELECT id FROM pair WHERE state = 'dropped'").pluck().all());
      assert.equal(dropDuplicates(one, bits), drops.length);
      const expected = one
        .prepare<[], [string, string, string | null]>(
          "SELECT id, reason, detail FROM pair WHERE state = 'dropped' ORDER BY id",
        )
        .raw()
        .all()
        .filter(([id]) => !before.has(id));
      assert.deepEqual(drops.toSorted(), expected);
      if (round === 1) assert.ok(expected.length > 30, `${expected.length} drops`);
      for (const { id, queries } of gone) {
        const known = one.prepare<[string], string>("SELECT queries FROM pair WHERE id = ?").pluck().get(id);
        assert.equal(JSON.stringify([...queries]), known);
      }
      for (const db of ranks)
        for (const [id, reason, detail] of drops)
          db.prepare("UPDATE pair SET state = 'dropped', reason = ?, detail = ?, file = NULL WHERE id = ?").run(
            reason,
            detail,
            id,
          );
    }
    for (const db of [one, ...ranks]) closeDatabase(db);
  }
});
