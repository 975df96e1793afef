import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { load } from "cheerio";
import { foreignCaptions, tellLanguages } from "../../../store/report/languages.ts";
import { readNearGroups } from "../../../store/report/near-groups.ts";
import { writeReport } from "../../../store/report/report.ts";
import { readSamples } from "../../../store/report/samples.ts";
import { builtWorkspace } from "../built-workspace.ts";
import { filledWorkspace } from "./workspace.ts";

test("near duplicates are joined to groups, in whatever order their pairs stand", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const ids = db.prepare<[], string>("SELECT id FROM pair WHERE state = 'kept' ORDER BY id LIMIT 6").pluck().all();
  const [a = "", b = "", c = "", d = "", e = "", f = ""] = ids;
  const insert = db.prepare("INSERT INTO near_duplicate VALUES (?, ?, 2)");
  for (const [x, y] of [
    [c, d],
    [a, b],
    [b, c],
    [e, f],
  ])
    insert.run(x, y);
  const { groups, pairs, largest } = readNearGroups(db);
  assert.deepEqual([groups, pairs], [2, 6]);
  assert.deepEqual(
    largest.map(({ size, samples }) => [size, samples.map(({ id }) => id)]),
    [
      [4, [a, b, c, d]],
      [2, [e, f]],
    ],
  );
  const $ = load(readFileSync((await writeReport(db, data)).file, "utf8"));
  assert.match($("#near .lead").text(), /6 kept pairs in 2 groups/);
  assert.equal($("#near img").length, 6);
});

test("languages of dropped captions are told by name", async (t) => {
  const { db, data } = await filledWorkspace(t);
  const texts = [
    "Ein kleiner brauner Hund läuft über die grüne Wiese hinter dem Haus",
    "Маленькая собака играет с красным мячом в саду возле дома",
    "Un petit chien court dans le jardin derrière la maison",
  ];
  const rows = db.prepare<[], string>("SELECT id FROM pair WHERE reason = 'not_english' ORDER BY id").pluck().all();
  const update = db.prepare("UPDATE pair SET caption = ? WHERE id = ?");
  for (const [i, id] of rows.entries()) update.run(texts[i % 3], id);
  assert.equal(foreignCaptions(db).length, rows.length);
  const { asked, bins } = tellLanguages(foreignCaptions(db));
  assert.equal(asked, rows.length);
  assert.deepEqual(bins.map(({ label }) => label).sort(), ["French", "German", "Russian"]);
  assert.equal(
    bins.reduce((sum, { pairs }) => sum + pairs, 0),
    asked,
  );
  const $ = load(readFileSync((await writeReport(db, data)).file, "utf8"));
  assert.match($("#drops").text(), new RegExp(`Languages of ${asked} captions[\\s\\S]*German`));
  assert.deepEqual(tellLanguages([]), { asked: 0, bins: [] });
});

test("two hundred queries of every size have pictures: the largest, the smallest, and what lies between", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const picture = db.prepare("SELECT file, offset, bytes FROM pair WHERE state = 'kept' LIMIT 1").get() as {
    file: string;
  };
  const query = db.prepare(
    "INSERT INTO query (id, term, source, wiki_count, score, matched, kept) VALUES (?, ?, 'unigram', 1, 1, ?, ?)",
  );
  const pair = db.prepare(
    `INSERT INTO pair (id, image_url, caption, kind, source, host, state, queries, chosen_for, width, height, sha256, file, offset, bytes, shard, key)
     VALUES (@id, @id, @caption, 'alt', 'web', 'h', 'kept', @queries, @queries, 96, 80, @id, @file, @offset, @bytes, '00000', @id)`,
  );
  for (let i = 0; i < 400; i++) {
    query.run(1000 + i, `word${i}`, 1000 - i, 1000 - i);
    for (let j = 0; j < 4; j++)
      pair.run({ ...picture, id: `${i}-${j}`, caption: `word${i} picture ${j}`, queries: `[${1000 + i}]` });
  }
  const { head, middle, tail, more } = readSamples(db);
  const all = [...head, ...middle, ...tail, ...more];
  assert.equal(all.length, 200);
  assert.equal(new Set(all.map(({ query }) => query)).size, 200);
  assert.ok(all.every(({ samples }) => samples.length > 0));
  assert.deepEqual(
    more.map(({ kept }) => kept),
    more.map(({ kept }) => kept).toSorted((a, b) => b - a),
  );
  const sizes = all.map(({ kept }) => kept);
  assert.equal(Math.max(...sizes), 1000);
  assert.ok(Math.min(...sizes) <= 12);
  const { file, bytes } = await writeReport(db, data);
  assert.ok(bytes < 5_000_000);
  const $ = load(readFileSync(file, "utf8"));
  assert.equal($(".more details").length, 176);
  assert.equal($(".more .missing").length, 0);
  assert.match($("#built").text(), /cap.*12/);
  assert.ok(file.endsWith(join("report.html")));
});
