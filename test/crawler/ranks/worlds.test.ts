import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run } from "../../cli.ts";
import { temporaryFolder } from "../../folder.ts";
import { beginBuild, byOneProcess, type Settings } from "./build.ts";
import { drive } from "./drive.ts";
import { type RanksWeb, startRanksWeb } from "./web.ts";
import { wholeOf } from "./whole.ts";

const folder = temporaryFolder("worlds");
let web: RanksWeb;
before(async () => {
  web = await startRanksWeb(join(folder, "in"));
});
after(() => web.close());

const reasonsOf = (found: ReturnType<typeof wholeOf>) =>
  new Set((found.drops as { reason: string }[]).map((row) => row.reason));

test("2 and 7 ranks make the data set of one process, to the byte and to the last statistic", async () => {
  // A small cap: what is beyond it depends on the port, which is in every address; at 12 it was now and then nothing.
  const settings: Settings = { cap: 6, shardSize: 20 };
  const one = wholeOf(await byOneProcess(join(folder, "worlds"), web, settings));
  // Otherwise it would show little: pictures on several hosts, dead links, texts of one picture, pairs beyond the cap.
  for (const reason of ["duplicate_image", "http_404", "other_caption", "bad_url", "no_text"])
    assert.ok(reasonsOf(one).has(reason), reason);
  assert.ok((one.pairs as { state: string }[]).some(({ state }) => state === "reserve"));
  for (const world of [2, 7]) {
    const { data, scratch, store } = await beginBuild(join(folder, "worlds"), web.flags, settings, world);
    const stages = await drive(store, scratch);
    assert.ok(stages.includes("settle-2"), "several rounds");
    assert.deepEqual(wholeOf(data), one, `world ${world}`);
    if (world !== 7) continue;
    // It is an ordinary workspace now: sound, and complete.
    const verified = await run(["verify", "--data", data]);
    assert.equal(verified.code, 0, verified.out + verified.error);
    const again = await run(["crawl", "--data", data, "--quiet"]);
    assert.equal(again.code, 0, again.error);
    assert.match(again.out, /nothing to do/);
    assert.deepEqual(wholeOf(data), one);
  }
});

test("a profile that counts the pictures beside a caption: as one process does it", async () => {
  const own = join(folder, "captions");
  const settings: Settings = { cap: 6, shardSize: 20, profile: "coyo" };
  const one = wholeOf(await byOneProcess(own, web, settings));
  assert.ok(reasonsOf(one).has("shared_caption"));
  const { data, scratch, store } = await beginBuild(own, web.flags, settings, 3);
  assert.ok((await drive(store, scratch)).includes("captions"));
  assert.deepEqual(wholeOf(data), one);
});
