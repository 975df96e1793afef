/** `npm run test:engines`: a build by processes on this machine, one of them killed, and by jobs of any array engine. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { buildStatus } from "../../crawler/ranks/status.ts";
import { openObjects } from "../../store/objects.ts";
import { run, useShortList } from "../cli.ts";
import { byOneProcess } from "../crawler/ranks/build.ts";
import { type RanksWeb, startRanksWeb, WORDS } from "../crawler/ranks/web.ts";
import { wholeOf } from "../crawler/ranks/whole.ts";
import { temporaryFolder } from "../folder.ts";
import { processesWith } from "../servers/processes.ts";

const folder = temporaryFolder("engines");
const SETTINGS = ["--cap", "12", "--shard-size", "20"];
let web: RanksWeb;
let one: ReturnType<typeof wholeOf>;
before(async () => {
  web = await startRanksWeb(join(folder, "in"));
  one = wholeOf(await byOneProcess(folder, web, { cap: 12, shardSize: 20 }));
});
after(() => web.close());

function newData(name: string): string {
  const data = join(folder, name);
  useShortList(data, WORDS);
  return data;
}

test("processes on this machine: one is killed midway, its rank is done by another", async () => {
  const data = newData("local");
  const mark = `WIT_TEST=${randomUUID()}`;
  // Nobody comes to an end before one is killed.
  const killed = Promise.withResolvers<void>();
  web.hold = killed.promise;
  const loud = web.args.filter((arg) => arg !== "--quiet");
  const building = run(["crawl", "--data", data, "--ranks", "5", "--workers", "2", ...loud, ...SETTINGS], {
    env: { ...process.env, [mark.split("=")[0] ?? ""]: mark.split("=")[1] },
  });
  let over = false;
  building.finally(() => {
    over = true;
  });
  const store = await openObjects(data);
  const fetching = async () =>
    (await store.stat("cluster/plan.json")) !== undefined &&
    (await buildStatus(store)).stages.some(({ stage, running }) => stage === "download-1" && running === 2);
  while (!over && !(await fetching())) await sleep(20);
  await sleep(500); // A rank with nothing to fetch is over by now, and its worker at the next.
  const worker = processesWith(mark).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("--worker\0"),
  );
  assert.ok(worker !== undefined);
  process.kill(worker, "SIGKILL");
  killed.resolve();
  const { code, error } = await building;
  assert.equal(code, 0, error);
  assert.match(error, /download-1, rank \d: its process ended \(SIGKILL\)/);
  assert.match(error, /not done after 1 of 3 tries/);
  assert.deepEqual(wholeOf(data), one);
  const status = await run(["status", "--data", data, "--watch"]);
  assert.match(status.out, /a build of 5 ranks, complete\n\ndiscover +5\/5 +done[\s\S]*merge +1\/1 +done\n/);
});

test("jobs of any array: they follow the stages, and wait for one another", async () => {
  const data = newData("array");
  const planned = await run(["crawl", "--data", data, "--ranks", "4", "--print", ...web.args, ...SETTINGS]);
  assert.match(planned.out, / rank --data \S+ --follow --stride 4\n$/);
  const jobs = [0, 1].map((index) =>
    run(["rank", "--data", data, "--scratch", join(folder, `node${index}`), "--follow", "--stride", "2", "--quiet"], {
      env: { ...process.env, JOB_COMPLETION_INDEX: String(index) },
    }),
  );
  for (const { code, error } of await Promise.all(jobs)) assert.equal(code, 0, error);
  assert.deepEqual(wholeOf(data), one);
});

test("what is asked for wrongly is said, with what to do", async () => {
  const data = newData("wrong");
  const empty = await run(["rank", "--data", data, "--rank", "0"]);
  assert.deepEqual([empty.code, /has no build of many ranks: begin one with/.test(empty.error)], [2, true]);
  assert.match((await run(["status", "--data", data])).error, /has no build of many ranks/);
  await run(["crawl", "--data", data, "--ranks", "4", "--print", ...web.args, ...SETTINGS]);
  for (const [args, message] of [
    [["rank"], /which ranks\? Give --rank/],
    [["rank", "--rank", "4"], /--rank 4: discover has ranks 0 to 3/],
    [["rank", "--rank", "1", "--world", "8"], /--world 8: this build was begun with 4 ranks/],
    [["crawl", "--ranks", "5"], /--ranks 5: the build here was begun with 4/],
    [["crawl", "--executor", "slurm", "--sample-web"], /--sample-web is served by this process/],
    [["crawl", "--slurm-args", "-p x", "--ranks", "4"], /--slurm-args is for --executor slurm/],
  ] as const) {
    const { code, error } = await run([...args, "--data", data]);
    assert.equal(code, 2, error);
    assert.match(error, message);
  }
  const none = await run(["rank", "--data", data, "--stage", "nonsense", "--rank", "0"]);
  assert.equal(none.code, 2);
  assert.match(none.error, /--stage nonsense: there is no such stage/);
  const early = await run(["rank", "--data", data, "--stage", "gather", "--rank", "0"]);
  assert.equal(early.code, 1);
  assert.match(early.error, /--stage gather: discover comes first, and its ranks 0, 1, 2, 3 are not done/);
});
