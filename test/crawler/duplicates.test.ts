import assert from "node:assert/strict";
import { test } from "node:test";
import { dropDuplicates } from "../../crawler/duplicates.ts";
import { closeDatabase, openDatabase } from "../../store/database.ts";
import { temporaryFolder } from "../folder.ts";

test("copies under other addresses go, several captions of one picture stay", () => {
  const db = openDatabase(temporaryFolder("copies"));
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, caption, kind, source, host, state, queries, chosen_for, sha256, phash, file, offset, bytes)
     VALUES (?, ?, 'a cat', 'alt', 'web', 'h', 'chosen', '[0]', '[0]', ?, ?, 'spool/00000.pack', 0, 1)`,
  );
  for (const [id, url, sha256, phash] of [
    ["1", "http://h/one.png", "s1", "00000000000000ff"],
    ["2", "http://h/one.png", "s1", "00000000000000ff"],
    ["3", "http://h/copy.png", "s1", "00000000000000ff"],
    ["4", "http://h/near.png", "s2", "00000000000000fe"],
    ["5", "http://h/other.png", "s3", "ffff000000000000"],
  ])
    insert.run(id, url, sha256, phash);
  const dropped = () => db.prepare("SELECT id, reason FROM pair WHERE state = 'dropped' ORDER BY id").all();
  assert.equal(dropDuplicates(db, undefined), 1);
  assert.deepEqual(dropped(), [{ id: "3", reason: "duplicate_image" }]);
  assert.equal(dropDuplicates(db, 2), 1);
  assert.deepEqual(dropped(), [
    { id: "3", reason: "duplicate_image" },
    { id: "4", reason: "near_duplicate" },
  ]);
  closeDatabase(db);
});
