import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { closeDatabase, openDatabase } from "../../store/database.ts";
import { FOUND_COLUMNS, pairInsert } from "../../store/pair-insert.ts";

test("many rows at once meet what was taken down as single ones do", (t) => {
  const db = openDatabase(mkdtempSync(join(tmpdir(), "wit-insert-")));
  t.after(() => closeDatabase(db));
  const values: Record<string, string | number> = { kind: "list", source: "url-list", state: "candidate", seen: 1 };
  const rows = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => {
      const id = (from + i).toString(16).padStart(16, "0");
      const own = { ...values, id, image_url: `http://a.example/${id}.png`, caption: "a boat", host: "a.example" };
      return FOUND_COLUMNS.map((name) => own[name as keyof typeof own] ?? null);
    });
  const insert = pairInsert(db);
  const write = db.transaction((from: number, count: number) => insert(rows(from, count)));
  const schema = () => db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY name").all();
  const before = schema();
  const states = db
    .prepare<[], string>("SELECT state || ' ' || count(*) FROM pair GROUP BY state ORDER BY state")
    .pluck();

  write(0, 2_000);
  assert.deepEqual(schema(), before);
  assert.deepEqual(states.all(), ["candidate 2000"]);
  db.exec("INSERT INTO removed VALUES ('url', 'http://a.example/0000000000000fff.png', '2026-01-01')");
  db.exec("INSERT INTO removed VALUES ('url', 'http://a.example/0000000000001000.png', '2026-01-01')");
  write(2_000, 2_096);
  assert.deepEqual(states.all(), ["candidate 4095", "dropped 1"]);
  write(4_096, 2);
  assert.deepEqual(states.all(), ["candidate 4096", "dropped 2"]);
});
