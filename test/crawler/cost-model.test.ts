import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { costsOf, DEFAULTS, keptUnderCap, type Order, watFilesFor } from "../../crawler/cost-model.ts";
import { run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { startSmallSite, THINGS } from "../servers/small-site.ts";

const folder = temporaryFolder("plan");

const order: Order = {
  watFiles: 100_000,
  listRows: 0,
  cap: 20_000,
  cores: 64,
  bandwidth: 1e10,
  corePrice: 0.04,
  storagePrice: 23,
  hostRate: 4,
};

const near = (value: number, expected: number, part = 0.01) =>
  assert.ok(Math.abs(value / expected - 1) < part, `${value}, not ${expected}`);

test("MetaCLIP's two points, and a cap that grows with its data", () => {
  near(keptUnderCap(1.6e9, 20_000), 4e8);
  near(keptUnderCap(10.7e9, 20_000), 1e9, 0.02);
  near(keptUnderCap(3.2e9, 40_000), 8e8);
  assert.equal(keptUnderCap(1_000, 20_000), 1_000);
});

test("core-hours, bytes, time and money follow from the figures", () => {
  const costs = costsOf(order, DEFAULTS);
  const [discover, download] = costs.stages;
  near(discover?.coreHours ?? 0, (100_000 * 50) / 3_600);
  near(discover?.bytes ?? 0, 100_000 * 0.29 * 2 ** 30);
  near(costs.kept, keptUnderCap(100_000 * 13_500 * 0.77 * 0.8, 20_000));
  near(costs.attempts, costs.kept / (0.77 * 0.8));
  near(download?.bytes ?? 0, costs.attempts * 0.77 * 130_000);
  near(costs.money, costs.coreHours * 0.04);
  near(costs.hotHostDays, (costs.attempts * 0.005) / 4 / 86_400);
  // The largest host takes longest; with its leave to go faster, the net does; with a wide one, the cores.
  assert.equal(download?.limit, "hot host");
  assert.equal(costsOf({ ...order, hostRate: 1e6, bandwidth: 1e8 }, DEFAULTS).stages[1]?.limit, "net");
  assert.equal(costsOf({ ...order, hostRate: 1e6, bandwidth: 1e15 }, DEFAULTS).stages[1]?.limit, "cores");
  near(download?.hours ?? 0, costs.hotHostDays * 24);
  assert.ok(costs.ranks >= 8 * 64);
});

test("the WAT files that so many pairs need are just enough", () => {
  const files = watFilesFor(4e8, order, DEFAULTS);
  assert.ok(costsOf({ ...order, watFiles: files }, DEFAULTS).kept >= 4e8);
  assert.ok(costsOf({ ...order, watFiles: files - 1 }, DEFAULTS).kept < 4e8);
});

test("a small crawl replaces what was usual", async (t) => {
  const site = await startSmallSite(4, 3, 15);
  t.after(() => site.close());
  const data = join(folder, "sample");
  useShortList(data, [...THINGS, "drawing", "apple"]);
  const limits = join(folder, "limits.tsv");
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t8\n");
  const options = ["--ranks", "2", "--workers", "1", "--quiet", "--host-limits", limits, ...site.options];
  const crawled = await run(["crawl", "--data", data, ...options]);
  assert.equal(crawled.code, 0, crawled.error);
  const { out, error } = await run(["plan", "--list-rows", "1000000", "--sample", data, "--json", "--hot-host", "0.1"]);
  const { figures, from, costs } = JSON.parse(out || error);
  for (const name of ["linkRot", "pictureKept", "pictureSeconds", "storedBytes"])
    assert.equal(from[name], "measured", name);
  assert.deepEqual([from.hotHost, figures.hotHost, from.watSeconds], ["told", 0.1, "usual"]);
  assert.ok(figures.linkRot > 0 && figures.linkRot < 0.9 && figures.pictureSeconds > 0);
  // Of half a million pairs with a handful of queries few stay under the cap: the sample's queries tell, not the law.
  assert.ok(costs.kept <= 20_000 * (THINGS.length + 2) && costs.kept > 10_000, String(costs.kept));
});

test("what is planned must be said", async () => {
  const { code, error } = await run(["plan"]);
  assert.equal(code, 2);
  assert.match(error, /Give --pairs N, --wat-files N or --list-rows N/);
  assert.equal((await run(["plan", "--pairs", "5", "--wat-files", "3"])).code, 2);
  const said = (await run(["plan", "--pairs", "400000000"])).out;
  assert.match(said, /400\.0 million are kept under the cap of 20,000/);
  assert.match(said, /--ranks \d+/);
});
