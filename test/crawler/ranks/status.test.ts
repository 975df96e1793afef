import assert from "node:assert/strict";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { buildStatus } from "../../../crawler/ranks/status.ts";
import { formatStatus } from "../../../crawler/ranks/status-command.ts";
import { openObjects } from "../../../store/objects.ts";
import { temporaryFolder } from "../../folder.ts";

const folder = temporaryFolder("status");

test("done, running, stalled, failed and waiting ranks, with their last lines, a rate and what is left", async () => {
  const store = await openObjects(folder);
  const json = (name: string, value: object) => store.put(`cluster/${name}`, Buffer.from(JSON.stringify(value)));
  await json("plan.json", { world: 8, settings: { profile: "clip" } });
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const marker = { host: "a", seconds: 50, cpuSeconds: 40, bytes: 1, outputs: [] };
  for (const rank of [0, 1])
    await json(`discover/done/0000${rank}.json`, {
      ...marker,
      rank,
      attempt: `t${rank}`,
      started: ago(100),
      items: 1_000,
    });
  const beat = (rank: number, items: number) =>
    json(`discover/beat/0000${rank}.json`, {
      rank,
      attempt: `t${rank}`,
      host: `node${rank}`,
      pid: 1,
      started: ago(60),
      items,
      total: 1_000,
    });
  await beat(2, 500);
  await beat(3, 250);
  await beat(4, 0);
  // Half an hour without a word.
  const then = Date.now() / 1000 - 1_800;
  utimesSync(join(folder, "cluster/discover/beat/00004.json"), then, then);
  await store.put("cluster/discover/log/00004.t4.log", Buffer.from("reading part 7\nwaiting for the disk\n"));
  await json("discover/failed/00005.json", { rank: 5, attempt: "t5", host: "node5", at: ago(30), message: "no space" });
  // Failed once, and is at it again: not counted as failed, but its error is shown.
  await json("discover/failed/00003.json", { rank: 3, attempt: "t0", host: "node9", at: ago(90), message: "reset" });
  const status = await buildStatus(store);
  const [discover, gather] = status.stages;
  const { done, running, stalled, failed, waiting, items } = discover ?? {};
  assert.deepEqual(
    { done, running, stalled, failed, waiting },
    { done: 2, running: 2, stalled: 1, failed: 1, waiting: 2 },
  );
  assert.equal(items, 2_750);
  // 2.75 of 8 ranks in 100 seconds.
  assert.ok(Math.abs((discover?.itemsPerSecond ?? 0) - 27.5) < 1 && Math.abs((discover?.left ?? 0) - 191) < 5);
  assert.deepEqual(status.next, { stage: "discover", tasks: 8, missing: [2, 3, 4, 5, 6, 7] });
  assert.deepEqual([gather?.stage, gather?.waiting], ["gather", 8]);
  const text = formatStatus(status);
  assert.match(
    text,
    /discover +2\/8 +2 running, 1 stalled, 1 failed, 2 waiting, 2,750 items, 2[78]\/s, about 3 min left/,
  );
  assert.match(
    text,
    /rank 4 on node4 not heard of for 30 min\n.*00004\.t4\.log\n +\| reading part 7\n +\| waiting for the disk\n/,
  );
  assert.match(text, /rank 5 on node5 failed 3\d s ago: no space\n/);
  assert.match(text, /rank 3 on node9 failed .*: reset\n/);
});
