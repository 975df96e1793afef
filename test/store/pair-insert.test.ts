import assert from "node:assert/strict";
import { test } from "node:test";
import { closeDatabase, openDatabase } from "../../store/database.ts";
import { FOUND_COLUMNS, pairInsert } from "../../store/pair-insert.ts";
import { temporaryFolder } from "../folder.ts";

test("many rows at once meet what was taken down as single ones do", (t) => {
  const db = openDatabase(temporaryFolder("insert"));
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

test("many rows of all kinds leave the table as the same rows one by one do", (t) => {
  const kinds = ["alt", "title", "list"];
  const rows = Array.from({ length: 4_000 }, (_, i) => {
    // Every pair comes up to three times, seen once or twice, kept or dropped, with signals or without.
    const id = Math.floor(i / 3)
      .toString(16)
      .padStart(16, "0");
    const isDropped = i % 15 < 3;
    const own: Record<string, string | number | null> = {
      ...{ id, image_url: `http://a.example/${id}.png`, caption: "it's a boat", host: "a.example", source: "wat" },
      ...{ kind: kinds[i % 3] ?? null, seen: i % 7 === 0 ? 2 : 1, opt_out: i % 40 === 0 ? '["page: noai"]' : null },
      ...{ state: isDropped ? "dropped" : "candidate", reason: isDropped ? "no_query" : null },
      ...{ page_url: i % 2 === 0 ? `http://b.example/${i % 11}` : null, queries: isDropped ? null : "[1]" },
    };
    return FOUND_COLUMNS.map((name) => own[name] ?? null);
  });
  const tables = [rows.length, 1].map((together) => {
    const db = openDatabase(temporaryFolder("insert"));
    t.after(() => closeDatabase(db));
    const insert = pairInsert(db);
    db.transaction(() => {
      for (let at = 0; at < rows.length; at += together) insert(rows.slice(at, at + together));
    })();
    return db
      .prepare(`SELECT ${FOUND_COLUMNS.join(", ")} FROM pair ORDER BY id`)
      .raw()
      .all();
  });
  assert.equal(tables[0]?.length, 1_334);
  assert.deepEqual(tables[0], tables[1]);
});
