/**
 * `npm run test:cluster-train`: one training on two nodes of Slurm, and on two of Ray (gloo, no GPU), beside the same in one
 * process: the same batches, so the same losses.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ensurePython } from "../../train/launch.ts";
import { run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { startRay } from "../servers/ray.ts";
import { startSlurm } from "../servers/slurm.ts";

const folder = temporaryFolder("cluster-train");
const data = join(folder, "data");
const STEPS = 6;
const python = ensurePython({ tests: true });

/** A batch norm would see the rows of its own process only. */
function train(out: string): string[] {
  const model = ["--model", "ViT-Tiny/8", "--steps", String(STEPS), "--batch-size", "16", "--log-every", "1"];
  const machine = ["--device", "cpu", "--threads", "1", "--workers", "0", "--quiet"];
  return ["train", "--data", data, "--out", join(folder, out), ...model, ...machine];
}

function lossesOf(out: string): number[] {
  const [head = "", ...rows] = readFileSync(join(folder, out, "metrics.csv"), "utf8")
    .trim()
    .split("\n");
  const at = head.trim().split(",").indexOf("loss");
  return rows.map((row) => Number(row.split(",")[at]));
}

function assertSameLosses(out: string, t: TestContext): void {
  const [one, many] = [lossesOf("one"), lossesOf(out)];
  t.diagnostic(`losses ${many.join(" ")}`);
  assert.equal(many.length, STEPS);
  for (const [step, loss] of many.entries())
    assert.ok(Math.abs(loss - (one[step] ?? 0)) < 1e-3, `${one} against ${many}`);
  assert.ok(existsSync(join(folder, out, "latest.pt")));
}

before(async () => {
  useShortList(data, ["face", "hand", "flag", "clock"]);
  const crawled = await run(["crawl", "--data", data, "--sample-web", "--max-pages", "12", "--quiet"]);
  assert.equal(crawled.code, 0, crawled.error);
  const { code, error } = await run(train("one"), { env: { ...process.env, WIT_PYTHON: python } });
  assert.equal(code, 0, error);
});

test("Slurm: two nodes, one training", { timeout: 600_000 }, async (t) => {
  const slurm = await startSlurm();
  if (typeof slurm === "string") return t.skip(slurm);
  t.after(slurm.close);
  const env = { ...process.env, ...slurm.env, WIT_PYTHON: python };
  const engine = [
    "--executor",
    "slurm",
    "--nodes",
    "2",
    "--wait",
    "--slurm-args",
    `--output=${join(folder, "slurm.log")}`,
  ];
  const training = run([...train("slurm"), ...engine], { env });
  const busy = (async () => {
    while (slurm.busyNodes().length < 1) await sleep(50);
    return slurm.busyNodes();
  })();
  const { code, error } = await training;
  assert.equal(code, 0, error + readFileSync(join(folder, "slurm.log"), "utf8"));
  assert.deepEqual(await busy, ["n[1-2]"]);
  assertSameLosses("slurm", t);
});

test("Ray: two nodes, one training", { timeout: 600_000 }, async (t) => {
  const ray = await startRay();
  if (typeof ray === "string") return t.skip(ray);
  t.after(ray.close);
  const env = { ...process.env, ...ray.env, WIT_PYTHON: python };
  const { code, error, out } = await run([...train("ray"), "--executor", "ray", "--nodes", "2", "--wait"], { env });
  assert.equal(code, 0, error + out);
  assertSameLosses("ray", t);
});
