import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { Database } from "../../store/database.ts";
import { funnelStages } from "../../store/report/stages.ts";
import { amountsOf, formatWatch } from "../../store/report/terminal-watch.ts";
import { displayWidth } from "../../store/report/text.ts";
import { collectQuery, collectStats, formatQuery, formatStats, formatSummary } from "../../store/stats.ts";
import { temporaryFolder } from "../folder.ts";
import { CAP, emptyWorkspace, filledWorkspace, HOSTILE } from "./report/workspace.ts";

test("totals are what SQL says", async (t) => {
  const { db } = await filledWorkspace(t);
  const stats = collectStats(db, { top: 5 });
  for (const [state, pairs] of Object.entries(stats.states)) {
    assert.equal(pairs, one(db, `SELECT count(*) FROM pair WHERE state = '${state}'`), state);
  }
  assert.equal(stats.picture_bytes, one(db, "SELECT sum(bytes) FROM pair WHERE state = 'kept'"));
  assert.equal(stats.seconds, 9);
  assert.equal(stats.queries.total, 10);
  assert.equal(stats.queries.matched + stats.queries.unmatched, 10);
  assert.deepEqual(stats.queries.empty, ["parliament", "<i>senate</i>"]);
  assert.equal(stats.queries.at_cap, one(db, `SELECT count(*) FROM query_stats WHERE chosen = ${CAP}`));
  assert.ok(stats.queries.at_cap > 0);
  assert.equal(stats.queries.top.length, 5);
  assert.equal(
    stats.queries.sources.reduce((sum, row) => sum + row.queries, 0),
    10,
  );
  assert.deepEqual(stats.opt_outs, [
    {
      signal: "x-robots-tag: noai",
      pairs: one(db, "SELECT count(*) FROM pair WHERE opt_out IS NOT NULL"),
      kept: one(db, "SELECT count(*) FROM pair WHERE opt_out IS NOT NULL AND state = 'kept'"),
    },
  ]);
  assert.equal(
    stats.licences.reduce((sum, row) => sum + row.pairs, 0),
    stats.states.kept,
  );
  assert.deepEqual([stats.shards.total, stats.shards.pairs, stats.shards.bytes], [2, 160, 800000]);
  assert.deepEqual(
    stats.runs.map((run) => [run.stage, run.runs, run.seconds, run.items]),
    [
      ["discover", 2, 5, 300],
      ["download", 1, 4, 160],
    ],
  );
  assert.deepEqual([stats.cap, stats.seed], [CAP, "7"]);
  assert.deepEqual(JSON.parse(JSON.stringify(stats)), stats);
});

test("the funnel adds up: what passes a stage enters the next, and the last stage passes what is kept", async (t) => {
  const { db } = await filledWorkspace(t);
  const stats = collectStats(db, { top: 5 });
  const stages = funnelStages(stats.funnel, new Map());
  assert.equal(stages[0]?.entered, one(db, "SELECT (SELECT sum(seen) FROM pair) + (SELECT sum(pairs) FROM tally)"));
  for (const [i, stage] of stages.entries()) {
    assert.equal(
      stage.entered,
      stage.passed + stage.stopped.reduce((sum, reason) => sum + reason.pairs, 0),
      stage.stage,
    );
    assert.equal(stages[i + 1]?.entered ?? stats.states.kept, stage.passed, stage.stage);
  }
});

test("text for the terminal stays within 100 columns and cannot steer it", async (t) => {
  const { db, data } = await filledWorkspace(t);
  db.prepare("UPDATE pair SET caption = ? WHERE reason = 'not_english'").run(`犬と猫 ${HOSTILE} ${"長い".repeat(200)}`);
  const texts = [formatStats(collectStats(db, { top: 10 })), formatQuery(db, " DOG ")];
  for (const text of texts) {
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
    for (const line of text.split("\n")) assert.ok(displayWidth(line) <= 100, line);
  }
  assert.match(texts[0] ?? "", /not_english +30 .*犬と猫/);
  assert.match(texts[0] ?? "", /no_text +17 +4\.\d% +http:\/\/a\.example\/page/);
  assert.match(texts[1] ?? "", /^query +source.*\ndog +unigram/);
  assert.match(texts[1] ?? "", /\n {2}kept\n {6}dog/);
  assert.doesNotMatch(formatSummary(collectStats(db, { top: 10 }), data).replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
});

test("a query that is not listed, and one that nothing matched, are answered", async (t) => {
  const { db } = await filledWorkspace(t);
  assert.match(formatQuery(db, "zebra\u001b[2J"), /^"zebra" is not on the query list/);
  assert.match(formatQuery(db, "parliament"), /No caption contains it/);
  assert.deepEqual(collectQuery(db, "zebra"), { query: null, pairs: [] });
  const { query, pairs } = collectQuery(db, " Cat ");
  assert.deepEqual([query?.query, pairs[0]?.state], ["cat", "kept"]);
});

test("the summary says what there is and where to look next", async (t) => {
  const { db } = await filledWorkspace(t);
  const stats = collectStats(db, { top: 10 });
  const data = join(temporaryFolder("summary"), "it's here");
  mkdirSync(data);
  assert.doesNotMatch(formatSummary(stats, data), /report\.html/, "a run that was stopped has none");
  writeFileSync(join(data, "report.html"), "");
  const summary = formatSummary(stats, data);
  assert.match(summary, new RegExp(`\\n${stats.states.kept} pairs in 2 shards`));
  assert.match(summary, /8 of 10 queries with pictures/);
  assert.match(summary, /open '\/.*\/it'\\''s here\/report\.html'/);
  assert.match(summary, /npm run stats -- --data '/);
  assert.match(summary, /npm run train -- --shards '/);
  assert.ok(summary.split("\n").length <= 25);
  assert.match(
    formatSummary(stats, "data"),
    /npm run stats\n.*sqlite3 data\/wit\.sqlite 'select \* from query_stats.*\n.*npm run train$/,
  );
});

test("pages that were not read are told with their reasons, above all when none was", (t) => {
  const { db, data } = emptyWorkspace(t);
  assert.doesNotMatch(formatStats(collectStats(db, { top: 10 })), /Pages/);
  db.exec(`INSERT INTO page (url, host, depth, state, reason) VALUES ('http://b.example/', 'b.example', 0, 'dropped', 'dns'),
    ('http://a.example/', 'a.example', 0, 'dropped', 'dns'), ('http://c.example/', 'c.example', 0, 'dropped', 'robots')`);
  const none = collectStats(db, { top: 10 });
  assert.deepEqual(none.pages, {
    read: 0,
    waiting: 0,
    dropped: [
      { reason: "dns", pages: 2, example: "http://a.example/" },
      { reason: "robots", pages: 1, example: "http://c.example/" },
    ],
  });
  assert.match(
    formatSummary(none, data),
    /\n0 pages read, 3 not read \(dns 2, robots 1\), such as http:\/\/a\.example\/; --retry dns tries again\n/,
  );
  db.exec("UPDATE page SET state = 'done', reason = NULL WHERE reason = 'robots'");
  db.exec("INSERT INTO page (url, host, depth, state) VALUES ('http://d.example/', 'd.example', 0, 'waiting')");
  const some = collectStats(db, { top: 10 });
  assert.match(formatSummary(some, data), /\n1 page read, 1 waiting, 2 not read \(dns 2\)\n/);
  assert.match(formatStats(some), /such as\n {2}dns +2 +http:\/\/a\.example\//);
});

test("a workspace without a pair has statistics too", (t) => {
  const { db, data } = emptyWorkspace(t);
  const stats = collectStats(db, { top: 10 });
  assert.equal(stats.states.kept, 0);
  assert.equal(stats.cap, null);
  assert.match(formatStats(stats), /Pairs kept +0 in 0 shards/);
  assert.match(formatSummary(stats, data), /No pairs kept yet/);
  assert.doesNotMatch(formatSummary(stats, data), /NaN|undefined|npm run train/);
  assert.doesNotMatch(formatStats(stats), /NaN|undefined/);
});

test("watching shows what grows, and text that cannot steer the terminal", async (t) => {
  const { db } = await filledWorkspace(t);
  const first = collectStats(db, { top: 200 });
  const before = amountsOf(first);
  assert.match(formatWatch(first, undefined, undefined), /pairs found +300 +-/);
  assert.match(formatWatch(first, before, 2), /nothing changed/);
  db.prepare(
    "UPDATE host SET requests = requests + 50, bytes = bytes + 2000000, failed = failed + 50 WHERE host = 'a.example'",
  ).run();
  db.prepare("UPDATE host SET host = ? WHERE host <> 'a.example'").run(HOSTILE);
  const text = formatWatch(collectStats(db, { top: 200 }), before, 2);
  assert.match(text, /requests +360 +25\/s/);
  assert.match(text, /received +3\.23 MB +1\.00 MB\/s/);
  assert.match(text, /a\.example +350 +70 +20%/);
  assert.doesNotMatch(text, /nothing changed/);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
  for (const line of text.split("\n")) assert.ok(displayWidth(line) <= 100, line);
});

test("stats --watch looks again while another process writes", async (t) => {
  const { db, data } = await filledWorkspace(t);
  const child = spawn(process.execPath, ["cli.ts", "stats", "--data", data, "--json", "--watch", "1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kept: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const now: number = JSON.parse(line).kept;
    if (now === kept.at(-1)) continue; // It looked before this process had changed anything.
    kept.push(now);
    if (kept.length === 3) break;
    db.exec("UPDATE pair SET state = 'kept' WHERE id = (SELECT id FROM pair WHERE state = 'chosen' LIMIT 1)");
  }
  child.kill("SIGTERM");
  await new Promise((resolve) => child.on("close", resolve));
  const [start = 0] = kept;
  assert.deepEqual(kept, [start, start + 1, start + 2]);
});

function one(db: Database, sql: string): number {
  return db.prepare<[], number>(sql).pluck().get() ?? Number.NaN;
}
