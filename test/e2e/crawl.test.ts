import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { priority, termHash } from "../../filters/priority.ts";
import { openForReading } from "../../store/database.ts";
import { idHalves } from "../../store/pair-id.ts";
import { type Ended, run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { type SmallSite, startSmallSite, THINGS } from "../servers/small-site.ts";
import { assertNoHalfShard, dataSet, runAndKill } from "./killing.ts";

const folder = temporaryFolder("crawl");
const LIMITS = join(folder, "limits.tsv");
const WORDS = [...THINGS, "drawing", "apple", "beside"];
let site: SmallSite;
before(async () => {
  writeFileSync(LIMITS, "127.0.0.0/8\t0\t10000\t4\n");
  // Slow enough that a run can be killed in the middle of each stage.
  site = await startSmallSite(3, 4, 15, 5);
});
after(() => site.close());

function crawl(data: string, extra: string[] = [], killAfter?: number): Promise<Ended> {
  useShortList(data, WORDS);
  const options = killAfter === undefined ? {} : { killAfter };
  return run(["crawl", "--data", data, "--quiet", ...site.options, "--host-limits", LIMITS, ...extra], options);
}

/** All that must not depend on when a run was killed. */
function result(data: string) {
  const db = openForReading(data);
  const all = (sql: string) => db.prepare(sql).all();
  const found = {
    pairs: all(
      "SELECT id, state, reason, queries, chosen_for, shard, key, file, offset, sha256, seen FROM pair ORDER BY id",
    ),
    shards: all("SELECT * FROM shard_stats"),
    funnel: all("SELECT * FROM funnel"),
    queries: all("SELECT * FROM query_stats WHERE matched > 0"),
  };
  db.close();
  return found;
}

test("a crawl with a small cap: exact for every query, after dead links, every pair accounted for", async () => {
  const data = join(folder, "capped");
  const cap = 12;
  const { code, error } = await crawl(data, ["--cap", String(cap)]);
  assert.equal(code, 0, error);
  const db = openForReading(data);
  const pairs = db
    .prepare<[], { id: string; state: string; reason: string | null; queries: string; chosen_for: string | null }>(
      "SELECT * FROM pair",
    )
    .all();
  assert.equal(pairs.length, 180);
  const terms = db.prepare<[], { id: number; term: string }>("SELECT id, term FROM query WHERE matched > 0").all();
  // What a run that downloaded everything first would choose: pairs that never failed, the smallest u of each query.
  const alive = pairs.filter(({ state }) => state !== "dropped");
  const expected = new Map<string, number[]>();
  for (const { id, term } of terms) {
    const u = (pair: { id: string }) => priority(0, ...idHalves(pair.id), termHash(term));
    const containing = alive
      .filter(({ queries }) => (JSON.parse(queries) as number[]).includes(id))
      .sort((a, b) => u(a) - u(b));
    for (const pair of containing.slice(0, cap)) expected.set(pair.id, [...(expected.get(pair.id) ?? []), id]);
  }
  for (const pair of alive) {
    assert.deepEqual(JSON.parse(pair.chosen_for ?? "[]"), expected.get(pair.id)?.sort((a, b) => a - b) ?? []);
    assert.equal(pair.state, expected.has(pair.id) ? "kept" : "reserve");
  }
  const worst = db
    .prepare<[], { most: number; short: number }>(
      "SELECT max(kept) AS most, sum(chosen <> kept) AS short FROM query_stats",
    )
    .get();
  assert.deepEqual(worst, { most: cap, short: 0 });
  assert.ok(pairs.some(({ state }) => state === "reserve"));
  assert.deepEqual(new Set(pairs.map(({ reason }) => reason)), new Set([null, "http_404"]));
  // in = out + drops at each stage.
  let entering = 180;
  for (const stage of ["extract", "caption", "match", "select", "download", "image", "shard"]) {
    const rows = db
      .prepare<[string], { reason: string; pairs: number }>("SELECT reason, pairs FROM funnel WHERE stage = ?")
      .all(stage);
    assert.equal(
      rows.reduce((sum, row) => sum + row.pairs, 0),
      entering,
      stage,
    );
    entering = rows.find(({ reason }) => reason === "passed")?.pairs ?? 0;
  }
  assert.equal(entering, expected.size);
  db.close();
});

test("killed again and again, a crawl ends as an undisturbed one, to the byte", async () => {
  const [whole, cut] = [join(folder, "whole"), join(folder, "cut")];
  const undisturbed = await crawl(whole, ["--cap", "15", "--shard-size", "40"]);
  assert.equal(undisturbed.code, 0, undisturbed.error);
  useShortList(cut, WORDS);
  const args = ["crawl", "--data", cut, "--quiet", "--cap", "15", "--shard-size", "40", ...site.options];
  const onRequest = (hook: () => void) => {
    site.onRequest = hook;
  };
  // npm run test:kill has many more, drawn from a seed.
  for (const moment of [
    { when: "request", nth: 8 },
    { when: "request", nth: 40 },
    { when: "request", nth: 60 },
    { when: "itself", at: "second shard begins" },
    { when: "itself", at: "shards are in place" },
  ] as const) {
    assert.ok(await runAndKill([...args, "--host-limits", LIMITS], cut, moment, onRequest), JSON.stringify(moment));
    assertNoHalfShard(cut);
  }
  assert.equal((await crawl(cut, ["--cap", "15", "--shard-size", "40"])).code, 0);
  assert.deepEqual(dataSet(cut), dataSet(whole));
});

test("a finished crawl run again fetches nothing, writes nothing, and says so", async () => {
  const data = join(folder, "again");
  await crawl(data, ["--cap", "15", "--seed", "3", "--shard-size", "50"]);
  const first = result(data);
  const asked = [...site.requests.values()].reduce((sum, count) => sum + count, 0);
  const again = await run(["crawl", "--data", data]);
  assert.equal(again.code, 0, again.error);
  assert.match(again.out, /nothing to do/);
  assert.deepEqual(result(data), first);
  assert.equal(
    [...site.requests.values()].reduce((sum, count) => sum + count, 0),
    asked,
  );
});

test("Ctrl-C ends in good order with code 130, and the next run goes on", async () => {
  const data = join(folder, "interrupted");
  useShortList(data, WORDS);
  const child = spawn(process.execPath, ["cli.ts", "crawl", "--data", data, ...site.options, "--host-limits", LIMITS], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let error = "";
  child.stderr.on("data", (chunk) => {
    error += chunk;
  });
  while (!error.includes("pairs chosen") && child.exitCode === null) await sleep(20);
  child.kill("SIGINT");
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.equal(code, 130, error);
  assert.match(error, /run the same command again/);
  const { out } = await run(["crawl", "--data", data, "--quiet"]);
  assert.match(out, /168 pairs in 1 shard/);
});

test("two runs on one workspace: the second refuses and names the first", async () => {
  const data = join(folder, "locked");
  useShortList(data, WORDS);
  const first = spawn(
    process.execPath,
    ["cli.ts", "crawl", "--data", data, "--quiet", ...site.options, "--host-limits", LIMITS],
    { stdio: "ignore" },
  );
  const holder = join(data, "lock.pid");
  while (!existsSync(holder) || readFileSync(holder, "utf8") !== String(first.pid)) await sleep(20);
  first.kill("SIGSTOP"); // However slow the second is, the first is there.
  const second = await crawl(data);
  assert.equal(second.code, 1);
  assert.match(second.error, new RegExp(`in use by another process \\(pid ${first.pid}\\)`));
  first.kill("SIGKILL");
  await new Promise((resolve) => first.on("close", resolve));
  assert.equal((await crawl(data)).code, 0);
});

test("wrong use ends with code 2 and says what to do", async () => {
  const data = join(folder, "none");
  for (const [args, message] of [
    [["crawl", "--data", data], /give --seeds URL/],
    [["select", "--data", data], /run `npm run crawl`/],
    [["crawl", "--data", data, "--seeds", "http://site.example/"], /--user-agent is missing/],
    [["crawl", "--data", data, "--cap", "0"], /expected a whole number, 1 or more/],
    [["crawl", "--data", data, "--no-such-option"], /unknown option/],
    [["no-such-command"], /unknown command/],
    [["explain", "--data", data], /needs a caption/],
    [["crawl", "--data", data, "--seeds", "ftp://x/", "--user-agent", "test (me)"], /begins with http/],
  ] as const) {
    const { code, error } = await run([...args]);
    assert.equal(code, 2, `${args.join(" ")}: ${error}`);
    assert.match(error, message);
  }
  for (const [args, message] of [
    [["stats", "--data", data], /no data set in/],
    [["crawl", "--data", data, "--urls", join(folder, "none.csv"), "--user-agent", "test (me)"], /none\.csv: ENOENT/],
  ] as const) {
    const { code, error } = await run([...args]);
    assert.equal(code, 1, `${args.join(" ")}: ${error}`);
    assert.match(error, message);
    assert.equal(
      error
        .trim()
        .split("\n")
        .filter((line) => line.startsWith("error:")).length,
      1,
      error,
    );
  }
});
