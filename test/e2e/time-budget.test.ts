import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openForReading } from "../../store/database.ts";
import { type Ended, run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { startDns } from "../servers/dns.ts";
import { startSmallSite } from "../servers/small-site.ts";
import { dataSet } from "./killing.ts";

const folder = temporaryFolder("budget");
const WAITING = {
  pages: "SELECT count(*) AS n FROM page WHERE state = 'waiting'",
  pictures: "SELECT count(*) AS n FROM pair WHERE state = 'candidate' OR (state = 'chosen' AND file IS NULL)",
};

function left(data: string): string {
  const db = openForReading(data);
  const count = (sql: string) => db.prepare<[], { n: number }>(sql).get()?.n;
  const said = `${count(WAITING.pages)} pages and ${count(WAITING.pictures)} pictures are left over`;
  db.close();
  return said;
}

test("--time-budget: what is left over is told, and runs that go on end with the set of one that had all the time", async (t) => {
  const site = await startSmallSite(3, 2, 15);
  t.after(() => site.close());
  // More than a second for a run without end, however fast the machine is.
  const [slow, fast] = [join(folder, "slow.tsv"), join(folder, "fast.tsv")];
  writeFileSync(slow, "127.0.0.0/8\t0.5\t25\t4\n");
  writeFileSync(fast, "127.0.0.0/8\t0\t10000\t4\n");
  const crawl = (data: string, limits: string, ...extra: string[]): Promise<Ended> => {
    useShortList(data, ["apple", "drawing"]);
    return run(["crawl", "--data", data, "--cap", "100", ...site.options, "--host-limits", limits, ...extra]);
  };
  const data = join(folder, "cut");
  let cuts = 0;
  for (let seconds = 1; ; seconds *= 2) {
    const ended = await crawl(data, slow, "--time-budget", String(seconds));
    assert.equal(ended.code, 0, ended.error);
    const said = /the time budget is used up; (.* left over)/.exec(ended.error)?.[1];
    if (said === undefined) break;
    assert.equal(said, left(data));
    assert.match(ended.error, /run the same command again to go on/);
    cuts++;
  }
  assert.ok(cuts > 0, "no run was cut");
  assert.equal(left(data), "0 pages and 0 pictures are left over");
  const whole = join(folder, "whole");
  assert.equal((await crawl(whole, fast)).code, 0);
  assert.deepEqual(dataSet(data), dataSet(whole));
});

test("--time-budget: a run whose name server says nothing ends too, and drops nothing for it", async (t) => {
  const server = await startDns(() => "silent");
  t.after(() => server.close());
  const data = join(folder, "silent");
  useShortList(data, ["apple"]);
  const list = join(folder, "silent.csv");
  // To ask for all of these takes minutes.
  const rows = Array.from({ length: 2_000 }, (_, i) => `http://site${i}.com/${i}.jpg,A red apple on a table ${i}`);
  writeFileSync(list, ["url,caption", ...rows, ""].join("\n"));
  const options = ["--urls", list, "--user-agent", "test (test@site.example)", "--dns", server.address];
  assert.equal((await run(["discover", "--data", data, ...options])).code, 0);
  // On a crowded machine three seconds may be over before the first question.
  for (let seconds = 3; server.asked.length === 0; seconds *= 2) {
    const ended = await run(["download", "--data", data, "--time-budget", String(seconds)], { killAfter: 60_000 });
    assert.equal(ended.code, 0, ended.error);
    assert.match(ended.error, /the time budget is used up/);
  }
  const db = openForReading(data);
  const dropped = db.prepare("SELECT count(*) FROM pair WHERE state = 'dropped'").pluck().get();
  const remembered = db.prepare("SELECT count(*) FROM site_file").pluck().get();
  db.close();
  assert.deepEqual([dropped, remembered], [0, 0]);
});
