import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { findPairs, findQuery } from "../../../store/find-pairs.ts";
import { removePairs } from "../../../store/remove.ts";
import { builtWorkspace } from "../built-workspace.ts";
import { documentedQueries } from "./documented-queries.ts";

test("the twelve queries of docs/sqlite.md run, and read indexes instead of the table", async (t) => {
  const { db } = await builtWorkspace(t);
  const queries = documentedQueries();
  assert.equal(queries.length, 12);
  for (const { title, sql } of queries) {
    assert.doesNotThrow(() => db.prepare(sql).all(), title);
    const plan = db.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all();
    for (const { detail } of plan)
      assert.doesNotMatch(detail, /^SCAN (pair|query|p)\b(?!.*INDEX)/, `${title} ${detail}`);
  }
  const rows = (number: number) => db.prepare<[], Record<string, unknown>>(queries[number - 1]?.sql ?? "").all();
  assert.ok(rows(1).length >= 7 && rows(2).length >= 3 && rows(3).length === 2);
  assert.equal(rows(4)[0]?.["query"], "cat");
  assert.ok(rows(6).every(({ matched, kept }) => Number(matched) > Number(kept)));
  assert.ok(rows(7).length > 0 && rows(7).every(({ caption }) => /steam train/.test(String(caption))));
  assert.deepEqual(rows(12), [
    { short_side: 64, pairs: db.prepare("SELECT count(*) FROM pair WHERE state = 'kept'").pluck().get() },
  ]);
});

test("docs/datasette.json holds the same queries and describes only what is there", async (t) => {
  const { db } = await builtWorkspace(t);
  const { wit } = JSON.parse(readFileSync("docs/datasette.json", "utf8")).databases;
  assert.deepEqual(
    Object.values(wit.queries),
    documentedQueries().map(({ title, sql }) => ({ title, sql })),
  );
  const names = new Set(db.prepare<[], string>("SELECT name FROM sqlite_schema").pluck().all());
  for (const [table, { columns = {} }] of Object.entries<{ columns?: object }>(wit.tables)) {
    assert.ok(names.has(table), table);
    const known = new Set(db.prepare<[string], string>("SELECT name FROM pragma_table_info(?)").pluck().all(table));
    for (const column of Object.keys(columns)) assert.ok(known.has(column), `${table}.${column}`);
  }
});

test("the full text of captions finds pairs by query and words, before and after shards, and no removed one", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const dog = findQuery(db, " DOG ");
  assert.ok(dog);
  const wanted = db
    .prepare<[number], string>(
      "SELECT id FROM pair p WHERE EXISTS (SELECT 1 FROM json_each(p.queries) WHERE value = ?) ORDER BY id",
    )
    .pluck()
    .all(dog.id);
  const ids = () => findPairs(db, { query: dog }, 100).map(({ id }) => id);
  assert.deepEqual(ids().sort(), wanted);
  for (const text of ['"', "dog OR NOT (", "caption:", "*", "a AND"])
    assert.doesNotThrow(() => findPairs(db, { text }, 5), text);
  db.exec("INSERT INTO caption_search (caption_search) VALUES ('delete-all')");
  assert.deepEqual(ids(), wanted);
  await removePairs(db, data, [{ kind: "pair", value: wanted[0] ?? "" }], { dryRun: false, progress: () => {} });
  assert.deepEqual(ids().sort(), wanted.slice(1));
});
