/**
 * `npm run test:ranks`: builds by 1 and 16 ranks, by sampling, with several texts of a picture, and with more pictures
 * fetched than needed, beside one process; and one of 5 ranks killed at 12 moments (WIT_KILLS) drawn from a seed (WIT_SEED).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { preparePlan } from "../../crawler/ranks/plan.ts";
import { openObjects } from "../../store/objects.ts";
import { run, useShortList } from "../cli.ts";
import { beginBuild, byOneProcess, type Settings } from "../crawler/ranks/build.ts";
import { drive } from "../crawler/ranks/drive.ts";
import { startRanksWeb } from "../crawler/ranks/web.ts";
import { wholeOf } from "../crawler/ranks/whole.ts";
import { temporaryFolder } from "../folder.ts";
import { generator } from "../random.ts";
import { startSmallSite, THINGS } from "../servers/small-site.ts";

const KILLS = Number(process.env["WIT_KILLS"] ?? 12);
const SEED = Number(process.env["WIT_SEED"] ?? 1);
const DRIVER = join(import.meta.dirname, "..", "crawler", "ranks", "drive-main.ts");
const folder = temporaryFolder("ranks-long");

for (const [name, settings, worlds] of [
  ["1 and 16 ranks", { cap: 12, shardSize: 20 }, [1, 16]],
  ["several texts of a picture", { cap: 5, shardSize: 20, captionsPerImage: 3 }, [2, 5]],
  ["MetaCLIP's sampling", { cap: 9, shardSize: 20, balance: "metaclip" }, [3]],
] satisfies [string, Settings, number[]][])
  test(`${name}: as one process does it`, async (t) => {
    const own = join(folder, name);
    const web = await startRanksWeb(join(own, "in"));
    t.after(() => web.close());
    const one = wholeOf(await byOneProcess(own, web, settings));
    for (const world of worlds) {
      const { data, scratch, store } = await beginBuild(own, web.flags, settings, world);
      await drive(store, scratch);
      assert.deepEqual(wholeOf(data), one, `world ${world}`);
    }
  });

test("with many dead links more is fetched than needed, the same by ranks and by one process", async (t) => {
  const site = await startSmallSite(6, 5, 30);
  t.after(() => site.close());
  const limits = join(folder, "limits.tsv");
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t8\n");
  const words = [...THINGS, "drawing", "apple", "beside"];
  const settings = { cap: 60, shardSize: 100 };
  const one = join(folder, "many-one");
  useShortList(one, words);
  const options = [...site.options, "--host-limits", limits, "--cap", "60", "--shard-size", "100"];
  const { code, error } = await run(["crawl", "--data", one, "--quiet", ...options]);
  assert.equal(code, 0, error);
  const expected = wholeOf(one);
  const dropped = (expected.pairs as { state: string; queries: string; chosen_for: string | null }[]).filter(
    ({ state }) => state === "dropped",
  );
  assert.ok(dropped.length > 20, `${dropped.length} dead links met`);
  for (const world of [3, 6]) {
    const data = join(folder, `many-${world}`);
    useShortList(data, words);
    const store = await openObjects(data);
    await preparePlan(
      store,
      {
        ...{ data, quiet: true, json: false, depth: 20, maxPages: 1_000_000, maxPagesPerSite: 100_000 },
        ...{ seeds: site.seeds, resolve: site.resolve, allowPrivate: ["127.0.0.0/8"], hostLimits: limits, ...settings },
      },
      world,
    );
    await drive(store, join(folder, `many-scratch-${world}`));
    assert.deepEqual(wholeOf(data), expected, `world ${world}`);
  }
});

test(`5 ranks, ${KILLS} kills, seed ${SEED}`, async (t) => {
  const own = join(folder, "killed");
  const web = await startRanksWeb(join(own, "in"));
  t.after(() => web.close());
  const settings: Settings = { cap: 12, shardSize: 20, captionsPerImage: 2 };
  const { hosts: _, ...one } = wholeOf(await byOneProcess(own, web, settings));
  const random = generator(SEED);
  for (let kills = 0, builds = 0; kills < KILLS; builds++) {
    const { data, scratch } = await beginBuild(join(own, String(builds)), web.flags, settings, 5);
    for (;;) {
      const child = spawn(process.execPath, [DRIVER, data, scratch], { stdio: ["ignore", "ignore", "inherit"] });
      const timer = setTimeout(() => child.kill("SIGKILL"), 500 + random() * 6_000);
      const [code, signal] = await once(child, "close");
      clearTimeout(timer);
      assert.ok(code === 0 || signal === "SIGKILL", `code ${code}`);
      if (signal !== "SIGKILL") break;
      kills++;
      if (random() < 0.4 && existsSync(scratch)) rmSync(scratch, { recursive: true });
    }
    const { hosts: __, ...found } = wholeOf(data);
    assert.deepEqual(found, one, `build ${builds} after ${kills} kills`);
  }
});
