import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CrawlFlags } from "../../../crawler/flags.ts";
import { unpackRows } from "../../../crawler/ranks/chunks.ts";
import { outputName } from "../../../crawler/ranks/names.ts";
import { preparePlan, readPlan } from "../../../crawler/ranks/plan.ts";
import { isStage, nextStage, runRank, stagesAhead } from "../../../crawler/ranks/stages.ts";
import { openObjects } from "../../../store/objects.ts";
import { UsageError } from "../../../store/usage-error.ts";
import { useShortList } from "../../cli.ts";
import { temporaryFolder } from "../../folder.ts";

async function begun(extra: Partial<CrawlFlags> = {}) {
  const data = temporaryFolder("plan");
  useShortList(data, ["apple"]);
  const list = join(data, "list.csv");
  writeFileSync(list, "url,caption\nhttp://a.example/1.jpg,An apple\n");
  const flags: CrawlFlags = {
    ...{ data, quiet: true, json: false, depth: 20, maxPages: 10, allowPrivate: [], resolve: [] },
    ...{ urls: [list], userAgent: "test (me)", ...extra },
  };
  const store = await openObjects(data);
  await preparePlan(store, flags, 4);
  return { store, flags };
}

test("a plan is fixed when a build begins; what differs later is named", async () => {
  const { store, flags } = await begun({ cap: 7 });
  const plan = await readPlan(store);
  assert.equal(plan?.world, 4);
  assert.equal(plan?.settings.cap, 7);
  assert.equal(plan?.queries.terms, 1);
  // The same command, and one that says nothing, go on.
  assert.deepEqual((await preparePlan(store, flags, 4)).plan, plan);
  const { urls: _, cap: __, userAgent: ___, ...nothing } = flags;
  assert.deepEqual((await preparePlan(store, nothing, undefined)).plan, plan);
  for (const [changed, ranks, message] of [
    [{}, 5, /--ranks 5: the build here was begun with 4/],
    [{ cap: 8 }, 4, /--cap 8: the build here was begun with 7/],
    [{ shardSize: 5 }, 4, /--shard-size 5: .* 10000/],
    [{ depth: 3 }, 4, /--depth 3: .* 20/],
    [{ urls: [...(flags.urls ?? []), ...(flags.urls ?? [])] }, 4, /--urls \[/],
    [{ saveCols: ["note"] }, 4, /--save-cols \["note"\]/],
    [{ userAgent: "other (me)" }, 4, /--user-agent "other/],
  ] as const)
    await assert.rejects(preparePlan(store, { ...flags, ...(changed as Partial<CrawlFlags>) }, ranks), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
});

test("wrong use is said before a plan is made", async () => {
  const data = temporaryFolder("plan");
  const store = await openObjects(data);
  const flags = { data, quiet: true, json: false, depth: 20, maxPages: 10, allowPrivate: [], resolve: [] };
  await assert.rejects(preparePlan(store, flags, 4), /holds no build by ranks yet: give its sources/);
  const seeds = ["http://localhost/"];
  await assert.rejects(preparePlan(store, { ...flags, seeds }, undefined), /--ranks is missing/);
  await assert.rejects(preparePlan(store, { ...flags, seeds, profile: "none" }, 4), /none/);
  assert.equal(await readPlan(store), undefined);
  await assert.rejects(nextStage(store), /holds no build by ranks/);
});

test("the stages up to where the data decide", async () => {
  const { store } = await begun();
  const plan = await readPlan(store);
  assert.ok(plan);
  assert.deepEqual(await nextStage(store), { stage: "discover", tasks: 4 });
  const names = (first: string) => stagesAhead(plan, first).map(({ stage, tasks }) => `${stage} ${tasks}`);
  const round = (n: number) => [`window-${n} 4`, `threshold-${n} 1`, `download-${n} 4`, `settle-${n} 1`];
  assert.deepEqual(names("discover"), ["discover 4", "gather 4", ...round(1)]);
  assert.deepEqual(names("download-3"), round(3).slice(2));
  assert.deepEqual(names("pack"), ["pack 4", "shard 4", "merge 1"]);
  assert.throws(() => names("select"), /there is no such stage/);
  const counting = { ...plan, settings: { ...plan.settings, profile: "align" } };
  assert.equal(stagesAhead(counting, "gather")[2]?.stage, "live");
  for (const first of ["discover", "window-12", "pack"])
    for (const { stage } of stagesAhead(counting, first)) assert.ok(isStage(stage), stage);
  for (const other of ["select", "window", "window-0", "pack-1", "merge "]) assert.ok(!isStage(other), other);
});

test("a file that a pattern fits since the build began moves no other from one rank to the next", async () => {
  const folder = temporaryFolder("pattern");
  const list = (name: string) => {
    writeFileSync(join(folder, name), `url,caption\nhttp://a.example/${name}.jpg,An apple\n`);
    return join(folder, name);
  };
  const lists = [list("b.csv"), list("c.csv")];
  const urls = [join(folder, "*.csv")];
  const { store, flags } = await begun({ urls });
  const read: unknown[] = [];
  for (const rank of [0, 1, 2, 3]) {
    const attempt = `try-${rank}`;
    const scratch = join(folder, "scratch");
    const rest = { quiet: true, stop: new AbortController().signal, progress: () => {} };
    await runRank("discover", { store, scratch, rank, world: 4, attempt, ...rest });
    const tables = store.read(outputName("discover", rank, attempt, "tables.bin"));
    for await (const rows of unpackRows<unknown[]>(tables))
      read.push(...rows.filter(([table]) => table === "list_position").map(([, file]) => file));
    list("a.csv");
  }
  assert.deepEqual(read, lists);
  // The command is the same, and a crawl that goes on with the set later reads what is new.
  assert.deepEqual((await preparePlan(store, flags, 4)).plan.sources.urls, urls);
});

test("a stage that is run before what it needs says which rank comes first", async () => {
  const { store } = await begun();
  const context = { store, scratch: store.location, rank: 0, world: 4, attempt: "early", quiet: true };
  const rest = { stop: new AbortController().signal, progress: () => {} };
  for (const [stage, first] of [
    ["merge", /^settle-1, rank 0, comes first, and is not done: file:.*settle-1\/done\/00000.json is missing$/],
    ["gather", /^discover, rank 0, comes first/],
  ] as const)
    await assert.rejects(runRank(stage, { ...context, ...rest }), { message: first });
});
