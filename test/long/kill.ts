/**
 * `npm run test:kill`: a crawl killed with SIGKILL at 50 moments (WIT_KILLS for more), drawn from a seed (WIT_SEED), of
 * reading pages, fetching, writing shards and putting them in place. Whenever a crawl survives to its end, it must have
 * made the data set of an undisturbed one, to the byte; the next begins in a new workspace.
 */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { useShortList } from "../cli.ts";
import { assertNoHalfShard, dataSet, drawMoment, runAndKill } from "../e2e/killing.ts";
import { temporaryFolder } from "../folder.ts";
import { generator } from "../random.ts";
import { startSmallSite, THINGS } from "../servers/small-site.ts";

const KILLS = Number(process.env["WIT_KILLS"] ?? 50);
const SEED = Number(process.env["WIT_SEED"] ?? 1);

test(`${KILLS} kills, seed ${SEED}`, async (t) => {
  const folder = temporaryFolder("kill");
  const limits = join(folder, "limits.tsv");
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t4\n");
  const site = await startSmallSite(3, 5, 16, 3);
  t.after(() => site.close());
  let requests = 0;
  let hook = () => {};
  site.onRequest = () => {
    requests++;
    hook();
  };
  const onRequest = (next: () => void) => {
    hook = next;
  };
  const begin = (name: string) => {
    const data = join(folder, name);
    useShortList(data, [...THINGS, "drawing", "apple", "beside"]);
    const args = [
      "crawl",
      "--data",
      data,
      "--quiet",
      "--cap",
      "30",
      "--shard-size",
      "25",
      ...site.options,
      "--host-limits",
      limits,
    ];
    return { data, args };
  };
  const whole = begin("whole");
  assert.equal(
    await runAndKill(whole.args, whole.data, { when: "request", nth: Number.POSITIVE_INFINITY }, onRequest),
    false,
  );
  const expected = dataSet(whole.data);
  const usual = requests;

  const random = generator(SEED);
  const moments: Record<string, number> = {};
  let kills = 0;
  for (let crawls = 1; kills < KILLS; crawls++) {
    const { data, args } = begin(`killed-${crawls}`);
    for (;;) {
      const moment = drawMoment(random, usual / 2);
      const killed = await runAndKill(args, data, moment, onRequest);
      assertNoHalfShard(data);
      if (!killed) break;
      moments[moment.when] = (moments[moment.when] ?? 0) + 1;
      kills++;
    }
    assert.deepEqual(dataSet(data), expected, `crawl ${crawls} after ${kills} kills`);
    rmSync(data, { recursive: true });
  }
  t.diagnostic(`${kills} kills: ${JSON.stringify(moments)}`);
});
