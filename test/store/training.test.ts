import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { load } from "cheerio";
import { writeReport } from "../../store/report/report.ts";
import { collectStats, formatStats } from "../../store/stats.ts";
import { emptyWorkspace, HOSTILE } from "./report/workspace.ts";

const VIEW = readFileSync("train/webimagetext_train/train_stats.sql", "utf8");

test("before any training there is nothing to say", (t) => {
  const { db } = emptyWorkspace(t);
  const stats = collectStats(db, { top: 5 });
  assert.deepEqual(stats.training, []);
  assert.ok(!formatStats(stats).includes("Trainings"));
});

test("stats and report show the loss of each training, its last step among the points", async (t) => {
  const { db, data } = emptyWorkspace(t);
  db.exec(VIEW);
  const add = db.prepare(
    "INSERT INTO train_step VALUES (?, ?, ?, ?, 0.001, 14.3, 1, 123, 0.01, 900, '2026-01-02T03:04:05+00:00')",
  );
  for (let step = 1; step <= 1000; step++) add.run("data/checkpoints", step, step / 100, 4 / Math.sqrt(step));
  add.run(HOSTILE, 3, 0.03, 4);
  const stats = collectStats(db, { top: 5 });
  const [hostile, run] = stats.training;
  assert.equal(hostile?.curve.length, 1);
  assert.equal(run?.step, 1000);
  assert.equal(run.epoch, 10);
  assert.ok(run.curve.length <= 240 && run.curve.length > 100);
  assert.deepEqual(run.curve.at(-1), { step: 1000, loss: run.loss });
  const text = formatStats(stats);
  assert.match(text, /data\/checkpoints {2}step 1,000, epoch 10\.0, loss 0\.126, 123 pairs\/s\n {2}▇?█.*▁/);
  assert.ok(!text.includes("\u001b"));
  const { file } = await writeReport(db, data);
  const page = readFileSync(file, "utf8");
  const $ = load(page);
  assert.equal($("#training svg.wide [aria-label=line] path").length, 2);
  assert.equal($("script").length, 0);
});
