import assert from "node:assert/strict";
import { test } from "node:test";
import SQLite from "better-sqlite3";
import { bulkInsert, type Value } from "../../store/bulk.ts";

test("rows come out as they went in, however many they are and whatever they share", () => {
  const shared: Value[] = [null, "", "it's", "a\0b", "x".repeat(200), "'); DROP TABLE t; --", 7, -1.5, "\ud83d\udea4"];
  for (const rows of [1, 127, 128, 999, 1_000, 1_300]) {
    const db = new SQLite(":memory:");
    const columns = shared.map((_, i) => `c${i}`);
    db.exec(`CREATE TABLE t (n INTEGER PRIMARY KEY, ${columns.join(", ")})`);
    const insert = bulkInsert(db, "INSERT INTO t VALUES", columns.length + 1);
    const put = Array.from({ length: rows }, (_, i) => [i, ...shared]);
    insert(put);
    // Another call shares other values, and one column only at its end no longer.
    const other = put.map(([n], i) => [Number(n) + rows, ...shared.map((_, k) => (k === 3 ? i : k < 3 ? "b" : null))]);
    (other.at(-1) as Value[])[1] = "c";
    insert(other);
    assert.deepEqual(db.prepare("SELECT * FROM t ORDER BY n").raw().all(), [...put, ...other]);
    db.close();
  }
});
