/**
 * `npm run test:cluster`: the sample web in 16 ranks on Slurm and on Ray, a node of which is lost midway, and over S3, where
 * all that runs is killed midway. Each must come to what one process makes of it, to the byte and to the last statistic.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { buildStatus, type MarkerCache } from "../../crawler/ranks/status.ts";
import { startSampleWebOn } from "../../crawler/sample-web.ts";
import { type Objects, openObjects } from "../../store/objects.ts";
import { run, useShortList } from "../cli.ts";
import { wholeOf } from "../crawler/ranks/whole.ts";
import { temporaryFolder } from "../folder.ts";
import { startMoto } from "../servers/moto.ts";
import { startRay } from "../servers/ray.ts";
import { startSlurm } from "../servers/slurm.ts";

const folder = temporaryFolder("cluster");
const WORDS = [
  "face",
  "hand",
  "red",
  "blue",
  "black",
  "flag",
  "woman",
  "man",
  "cat",
  "dog",
  "heart",
  "clock",
  "button",
];
/** Some words have more pairs, so that the cap and later rounds have something to do. */
const SETTINGS = ["--cap", "150", "--shard-size", "500", "--quiet"];
const RANKS = 16;
let args: string[];
let one: ReturnType<typeof resultOf>;
let close: () => void;

before(async () => {
  const web = await startSampleWebOn(undefined);
  close = web.close;
  const limits = join(folder, "limits.tsv");
  writeFileSync(limits, web.hostLimits);
  args = ["--seeds", ...web.seeds, "--resolve", ...web.resolve, "--host-limits", limits];
  args.push("--allow-private", "127.0.0.0/8", "--depth", "1000", ...SETTINGS);
  const data = join(folder, "one");
  useShortList(data, WORDS);
  const { code, error } = await run(["crawl", "--data", data, ...args]);
  assert.equal(code, 0, error);
  one = resultOf(data);
  assert.ok(one.kept.length > 500 && one.pairs.some((pair) => (pair as { state: string }).state === "reserve"));
});
after(() => close?.());

/**
 * A data set as it must be, whoever made it. The sample web's pages say when they were asked for, and some servers of it
 * are out of order for a while: bytes and tries of the hosts differ from run to run.
 */
function resultOf(data: string) {
  const { hosts, pages, ...whole } = wholeOf(data);
  return {
    ...whole,
    hosts: hosts.map((host) => (host as { host: string }).host),
    pages: pages.map((page) => ({ ...(page as object), attempts: 0 })),
  };
}

/** Looks until something is so. */
async function until(store: Objects, so: (status: Awaited<ReturnType<typeof buildStatus>>) => boolean): Promise<void> {
  const cache: MarkerCache = new Map();
  for (;;) {
    const status = (await store.stat("cluster/plan.json")) && (await buildStatus(store, cache));
    if (status && so(status)) return;
    await sleep(300);
  }
}

/** In the midst of fetching pictures: some ranks are done, others under way. */
const midway: Parameters<typeof until>[1] = ({ stages, next }) =>
  next?.stage === "download-1" &&
  stages.some(({ stage, done, running }) => stage === next.stage && done > 0 && running > 0);

function report(t: TestContext, started: number): void {
  t.diagnostic(`${((performance.now() - started) / 1000).toFixed(0)} s`);
}

test("Slurm: a chain of arrays, a node lost midway", { timeout: 900_000 }, async (t) => {
  const slurm = await startSlurm();
  if (typeof slurm === "string") return t.skip(slurm);
  t.after(slurm.close);
  t.diagnostic(slurm.version);
  const started = performance.now();
  const data = join(folder, "slurm");
  useShortList(data, WORDS);
  const env = { ...process.env, ...slurm.env };
  const command = ["crawl", "--data", data, "--executor", "slurm", "--ranks-per-job", "4"];
  const submitted = await run([...command, "--ranks", String(RANKS), ...args], { env });
  assert.equal(submitted.code, 0, submitted.error);
  const store = await openObjects(data);
  await until(store, midway);
  while (!slurm.busyNodes().includes("n2")) await sleep(100);
  slurm.lose("n2");
  const again = await run(command, { env });
  assert.match(again.error, /nothing submitted: .* of this build are queued/);
  await until(store, ({ next }) => next === undefined);
  assert.deepEqual(resultOf(data), one);
  const status = await run(["status", "--data", data]);
  assert.match(status.out, /16 ranks, complete[\s\S]*download-1 +16\/16 +done[\s\S]*merge +1\/1 +done/);
  report(t, started);
});

test("Slurm: --wait submits again what was cancelled", { timeout: 600_000 }, async (t) => {
  const slurm = await startSlurm();
  if (typeof slurm === "string") return t.skip(slurm);
  t.after(slurm.close);
  const started = performance.now();
  const data = join(folder, "slurm-wait");
  useShortList(data, WORDS);
  const env = { ...process.env, ...slurm.env };
  const command = [
    "crawl",
    "--data",
    data,
    "--executor",
    "slurm",
    "--wait",
    "--ranks",
    "4",
    "--max-pages",
    "40",
    ...args,
  ];
  const waiting = run(
    command.filter((word) => word !== "--quiet"),
    { env },
  );
  await until(await openObjects(data), ({ stages }) => (stages[0]?.running ?? 0) > 0);
  execFileSync("scancel", [`--user=${userInfo().username}`], { env });
  const { code, error } = await waiting;
  assert.equal(code, 0, error);
  assert.match(error, /discover: ranks? .* not done after 1 of 3 tries/);
  assert.equal((await run(["verify", "--data", data])).code, 0);
  report(t, started);
});

test("Ray: a node lost midway", { timeout: 900_000 }, async (t) => {
  const ray = await startRay();
  if (typeof ray === "string") return t.skip(ray);
  t.after(ray.close);
  const started = performance.now();
  const data = join(folder, "ray");
  useShortList(data, WORDS);
  const build = run(
    ["crawl", "--data", data, "--executor", "ray", "--wait", "--ranks", String(RANKS), "--ranks-per-job", "2", ...args],
    { env: { ...process.env, ...ray.env } },
  );
  await Promise.race([until(await openObjects(data), midway), build]);
  await ray.lose();
  const { code, error } = await build;
  assert.equal(code, 0, error);
  assert.deepEqual(resultOf(data), one);
  report(t, started);
});

test("S3: processes here, all killed midway", { timeout: 900_000 }, async (t) => {
  const moto = await startMoto();
  if (typeof moto === "string") return t.skip(moto);
  t.after(moto.close);
  Object.assign(process.env, moto.env);
  const started = performance.now();
  const place = `s3://${await moto.bucket()}/build`;
  const store = await openObjects(place);
  useShortList(join(folder, "s3"), WORDS);
  await store.put("queries.tsv", readFileSync(join(folder, "s3", "queries.tsv")));
  const command = ["crawl", "--data", place, "--scratch", join(folder, "scratch"), "--workers", "2"];
  // A group of its own, to be killed as a whole.
  const child = spawn(process.execPath, ["cli.ts", ...command, "--ranks", String(RANKS), ...args], {
    detached: true,
    stdio: ["ignore", "ignore", "inherit"],
  });
  await until(store, midway);
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await once(child, "exit");
  // As on another machine, where nothing of it is known.
  rmSync(join(folder, "scratch"), { recursive: true });
  const { code, error } = await run([...command, "--quiet"]);
  assert.equal(code, 0, error);
  const data = join(folder, "from-s3");
  for (const prefix of ["wit.sqlite", "manifest.json", "shards/"])
    for await (const { name } of store.list(prefix)) {
      mkdirSync(dirname(join(data, name)), { recursive: true });
      await store.fetch(name, join(data, name));
    }
  assert.deepEqual(resultOf(data), one);
  // Its pictures are read from the bucket.
  assert.match(String(await store.get("report.html")), /<img src="data:image\/webp/);
  report(t, started);
});
