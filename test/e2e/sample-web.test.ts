import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openForReading } from "../../store/database.ts";
import { pairId } from "../../store/pair-id.ts";
import { run } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { type SampleWeb, startSampleWeb } from "../servers/sample-web/server.ts";

const data = temporaryFolder("sample");
let web: SampleWeb;
before(async () => {
  web = await startSampleWeb({ scale: 0.1 });
  const limits = join(data, "limits.tsv");
  writeFileSync(limits, web.hostLimits);
  const args = [
    "crawl",
    "--data",
    data,
    "--quiet",
    "--seeds",
    ...web.seeds,
    "--resolve",
    ...web.resolve,
    "--allow-private",
    "127.0.0.0/8",
    "--host-limits",
    limits,
  ];
  const { code, error } = await run(args);
  assert.equal(code, 0, error);
});
after(() => web.close());

test("a crawl of the sample web ends as its truth says, pair by pair", () => {
  const db = openForReading(data);
  const rows = new Map(
    db
      .prepare<[], { id: string; state: string; reason: string | null; caption: string; image_url: string }>(
        "SELECT * FROM pair",
      )
      .all()
      .map((row) => [row.id, row]),
  );
  const wrong: string[] = [];
  const judged = { english: 0, englishLost: 0, foreign: 0, foreignKept: 0 };
  for (const { imageUrl, caption, outcome, reason, languageJudged } of web.truth) {
    const row = rows.get(pairId(imageUrl, caption));
    const ended = row === undefined ? "not found" : (row.reason ?? row.state);
    const expected = outcome === "kept" ? "kept" : (reason ?? "?");
    if (languageJudged) {
      if (expected === "not_english") {
        judged.foreign++;
        if (ended !== "not_english") judged.foreignKept++;
        continue;
      }
      judged.english++;
      if (ended === "not_english") {
        judged.englishLost++;
        continue;
      }
    }
    if (ended !== expected) wrong.push(`${ended}, expected ${expected}: ${imageUrl} ${JSON.stringify(caption)}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(judged.englishLost <= judged.english * 0.05, JSON.stringify(judged));
  assert.ok(judged.foreignKept <= judged.foreign * 0.05 + 1, JSON.stringify(judged));
  const known = new Set(web.truth.map(({ imageUrl, caption }) => pairId(imageUrl, caption)));
  const unknown = [...rows.values()].filter(({ id }) => !known.has(id)).map((row) => `${row.image_url} ${row.caption}`);
  assert.deepEqual(unknown, []);
  db.close();
});

test("the pages that robots.txt forbids were not fetched, those of the sitemap were", () => {
  const db = openForReading(data);
  const forbidden =
    db.prepare<[], { n: number }>("SELECT count(*) AS n FROM page WHERE reason = 'robots'").get()?.n ?? 0;
  assert.ok(forbidden >= 1);
  assert.ok(
    (db.prepare<[], { n: number }>("SELECT count(*) AS n FROM page WHERE state = 'waiting'").get()?.n ?? 1) === 0,
  );
  db.close();
});
