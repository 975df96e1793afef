import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { discover } from "../../crawler/discover.ts";
import { JudgePool } from "../../crawler/judge-pool.ts";
import { buildTable } from "../../filters/matcher-table.ts";
import { closeDatabase, openDatabase, openForReading } from "../../store/database.ts";
import { makeIndices, putOffIndices } from "../../store/indices.ts";
import { run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";

test("indices are put off in an empty table or by a run that writes much of it, and whoever opens a killed run's database makes them", (t) => {
  const data = temporaryFolder("indices");
  let db = openDatabase(data);
  t.after(() => closeDatabase(db));
  const all = ["pair_image_url", "pair_page_url", "pair_state"];
  const present = () =>
    all.filter((name) => db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?").get(name));
  assert.deepEqual(present(), all);
  assert.equal(putOffIndices(db, 0), true);
  assert.deepEqual(present(), []);
  db.exec(
    `INSERT INTO pair (id, image_url, page_url, caption, kind, source, host, state, queries)
     VALUES ('0123456789abcdef', 'http://a.example/1.png', 'http://a.example/', 'a boat', 'alt', 'web', 'a.example', 'candidate', '[0]')`,
  );
  // As if killed there: the next run of the same list goes on without.
  closeDatabase(db);
  db = openDatabase(data, false);
  assert.equal(putOffIndices(db, 0), true);
  closeDatabase(db);
  db = openDatabase(data);
  assert.deepEqual(present(), all);
  assert.equal(putOffIndices(db, 0), false);
  assert.deepEqual(present(), all);
  makeIndices(db);
  // A second list, of which as many rows have come as were there.
  assert.equal(putOffIndices(db, 1), true);
  assert.deepEqual(present(), []);
  makeIndices(db);
  assert.deepEqual(present(), all);
});

test("after a list is read every index is there, and pairs of a page are found by one", async (t) => {
  const data = temporaryFolder("indices");
  useShortList(data, ["boat"]);
  const list = join(data, "list.tsv");
  writeFileSync(list, "url\tcaption\tpage_url\nhttp://a.example/1.png\ta red boat\thttp://a.example/p\n");
  const ended = await run(["discover", "--data", data, "--urls", list, "--user-agent", "test", "--quiet"]);
  assert.equal(ended.code, 0, ended.error);
  const db = openForReading(data);
  t.after(() => db.close());
  const plan = db.prepare<[], { detail: string }>(
    "EXPLAIN QUERY PLAN SELECT * FROM pair WHERE page_url = 'http://a.example/p'",
  );
  assert.match(plan.all()[0]?.detail ?? "", /USING INDEX pair_page_url/);
  const explained = await run(["explain", "http://a.example/p", "--data", data]);
  assert.match(explained.out, /a red boat/);
});

test("indices are put off before rows are written of which more will come, not before a list's last", async (t) => {
  const data = temporaryFolder("indices");
  const db = openDatabase(data);
  t.after(() => closeDatabase(db));
  const settings = { profile: "clip", lang: "any", match: "fold", optOut: "obey" } as const;
  const pool = new JudgePool(() => buildTable([{ term: "boat" }], "fold"), settings, 0);
  const rows = () => db.prepare<[], number>("SELECT count(*) FROM pair").pluck().get() ?? 0;
  const calls: [written: number, inTable: number][] = [];
  async function* list(batches: number) {
    for (let batch = 0; batch < batches; batch++) {
      const candidates = Array.from({ length: 1_000 }, (_, i) => ({
        imageUrl: `http://a.example/${batches}/${batch}/${i}.png`,
        caption: `a red boat ${i}`,
        kind: "list" as const,
        source: "url-list",
      }));
      yield { candidates, drops: [], done: () => {} };
    }
  }
  const beforeMany = (written: number) => void calls.push([written, rows()]);
  assert.equal(await discover(db, list(5), pool, { beforeMany }, () => {}), 5_000);
  assert.deepEqual(calls, [], "a short list is written in one go");
  assert.equal(await discover(db, list(60), pool, { beforeMany }, () => {}), 60_000);
  assert.equal(rows(), 65_000);
  assert.deepEqual(calls, [[0, 5_000]]);
});
