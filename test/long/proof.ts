/**
 * The proof that a training on what was crawled learns: the handwriting site crawled into shards by our own crawl, a
 * CLIP trained on them, and pairs of digits named that no page showed, made of digits that no page showed. A model
 * trained on shuffled captions must fail.
 *
 * `npm run test:proof` (one seed, three minutes on two cores), `npm run test:proof-seeds` (three).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { temporaryFolder } from "../folder.ts";
import { startSampleWeb } from "../servers/sample-web/server.ts";
import { writeHandwritingTask } from "../servers/sample-web/task.ts";

/** Of 500 pictures and 100 names; by guessing 1 % are right. */
const AT_LEAST = 0.85;
const CONTROL_AT_MOST = 0.05;

/** Two wait for each other: on a machine with other work that costs more than it gains. */
const ONE_THREAD = ["--threads", "1"];

/** What `train --json` prints; the last line is the evaluation's. */
interface Line {
  event?: string;
  step?: number;
  steps?: number;
  loss?: number;
  top1?: number;
  chance?: number;
  samples?: number;
  control?: { top1: number };
}

const started = Date.now();

function say(text: string): void {
  console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${text}`);
}

/** Runs a command of ours to its end. @returns the last line of its output */
async function run(args: string[], onLine: (line: string) => void = () => {}): Promise<string> {
  const child = spawn(process.execPath, ["cli.ts", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let last = "";
  createInterface({ input: child.stdout }).on("line", (line) => {
    last = line;
    onLine(line);
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  assert.equal(code, 0, `${args[0]} ended with exit code ${code}`);
  return last;
}

async function crawl(data: string): Promise<void> {
  const web = await startSampleWeb();
  const limits = join(data, "limits.tsv");
  writeFileSync(limits, web.hostLimits);
  const seeds = web.seeds.filter((seed) => seed.includes("handwriting"));
  const where = ["--resolve", ...web.resolve, "--allow-private", "127.0.0.0/8", "--host-limits", limits];
  await run(["crawl", "--data", data, "--quiet", "--seeds", ...seeds, ...where]);
  await web.close();
  await writeHandwritingTask(join(data, "tasks", "handwriting"));
}

async function prove(data: string, seed: string): Promise<void> {
  const out = join(data, `checkpoints-${seed}`);
  const said = await run(["train", "--data", data, "--seed", seed, "--out", out, "--json", ...ONE_THREAD], (text) => {
    const line = JSON.parse(text) as Line;
    if (line.event === "step" && (line.step ?? 0) % 100 === 0)
      say(`seed ${seed}: step ${line.step} of ${line.steps}, loss ${line.loss?.toFixed(2)}`);
    if (line.event === "done") say(`seed ${seed}: trained`);
  });
  const { top1 = 0, control, samples, chance = 1 } = JSON.parse(said) as Line;
  assert.ok(control, "no control was judged");
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  say(
    `seed ${seed}: ${percent(top1)} of ${samples} right, control ${percent(control.top1)}, chance ${percent(chance)}`,
  );
  assert.equal(samples, 500);
  assert.equal(chance, 0.01);
  assert.ok(top1 >= AT_LEAST, `seed ${seed} named ${percent(top1)}, fewer than ${percent(AT_LEAST)}`);
  assert.ok(
    control.top1 <= CONTROL_AT_MOST,
    `the control named ${percent(control.top1)}: what it saw gives the answer away`,
  );
}

const data = temporaryFolder("proof");
await crawl(data);
say("crawled");
const seeds = process.argv.slice(2);
for (const seed of seeds.length > 0 ? seeds : ["0"]) await prove(data, seed);
