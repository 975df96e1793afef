/**
 * `npm run test:big`: the sample web and 20,000 pictures on 200 hosts (WIT_PICTURES, WIT_HOSTS), 15 % of the hosts dead or
 * hostile in thirty ways, read and then downloaded by the real program. It must end by itself, with every address accounted for
 * as expected, and the downloads within their memory.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openForReading } from "../../store/database.ts";
import { run } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { startManyHosts } from "../servers/many-hosts.ts";
import { startSampleWeb } from "../servers/sample-web/server.ts";
import { MOST_MIB, runWatched } from "../watched.ts";

const PICTURES = Number(process.env["WIT_PICTURES"] ?? 20_000);
const HOSTS = Number(process.env["WIT_HOSTS"] ?? 200);

test(`${PICTURES} pictures on ${HOSTS} hosts and the sample web`, async (t) => {
  const folder = temporaryFolder("big");
  const data = join(folder, "data");
  const web = await startManyHosts(HOSTS, PICTURES);
  t.after(() => web.close());
  const sample = await startSampleWeb();
  t.after(() => sample.close());
  const limits = join(folder, "limits.tsv");
  writeFileSync(limits, `${sample.hostLimits}127.0.0.0/8\t0\t10000\t8\n`);
  const seeds = join(folder, "seeds.txt");
  writeFileSync(seeds, [...web.seeds, ...sample.seeds].join("\n"));
  // In a run of its own: what making the list needs is not what crawling needs.
  const list = await run(["build-queries", "--data", data]);
  assert.equal(list.code, 0, list.error);
  const options = [
    ...["--data", data, "--cap", "1000000", "--depth", "200", "--seeds-file", seeds, "--host-limits", limits],
    ...["--allow-private", "127.0.0.0/8", "--resolve", ...web.resolve, ...sample.resolve],
  ];
  const lines: string[] = [];
  /** Runs a stage to its end; returns its memory, second by second. */
  const stage = async (name: "discover" | "crawl"): Promise<number[]> => {
    const memory: number[] = [];
    const { code, error } = await runWatched(name, options, 1000, (mib) => memory.push(mib));
    lines.push(...error.trim().split("\n"));
    assert.equal(code, 0, lines.slice(-5).join("\n"));
    return memory;
  };
  const started = process.cpuUsage();
  const reading = await stage("discover");
  const memory = await stage("crawl");

  const db = openForReading(data);
  const rows = new Map(
    db
      .prepare<[], { image_url: string; state: string; reason: string | null; detail: string | null }>(
        "SELECT * FROM pair",
      )
      .all()
      .map((row) => [row.image_url, row]),
  );
  const wrong: string[] = [];
  const outcomes = new Map<string, number>();
  for (const { url, reasons } of web.expected) {
    const row = rows.get(url);
    const ended = row === undefined ? "not found" : (row.reason ?? row.state);
    outcomes.set(ended, (outcomes.get(ended) ?? 0) + 1);
    if (!(reasons.length === 0 ? ["kept", "duplicate_image"] : reasons).includes(ended))
      wrong.push(`${url}: ${ended} (${row?.detail}), expected ${reasons.join(" or ") || "kept"}`);
  }
  t.diagnostic([...outcomes].map(([name, count]) => `${name} ${count}`).join(", "));
  t.diagnostic(`${lines.filter((line) => /^(discover|download|shards) .* in /.test(line)).join("; ")}`);
  const own = process.cpuUsage(started);
  t.diagnostic(`CPU seconds of the servers: ${((own.user + own.system) / 1e6).toFixed(0)}`);
  const most = Math.max(...memory);
  const quarter = (n: number) => Math.max(...memory.slice((memory.length * (n - 1)) >> 2, (memory.length * n) >> 2));
  t.diagnostic(
    `memory: reading pages at most ${Math.max(...reading).toFixed(0)} MiB, downloading ${most.toFixed(0)} MiB; by quarter ${[1, 2, 3, 4].map((n) => quarter(n).toFixed(0)).join(", ")}`,
  );
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} wrong`);
  for (const { imageUrl } of sample.truth) {
    const state = rows.get(imageUrl)?.state;
    assert.ok(state === "kept" || state === "dropped" || state === "reserve", `${imageUrl}: ${state}`);
  }
  const open = (sql: string) => db.prepare<[], { n: number }>(sql).get()?.n;
  assert.equal(open("SELECT count(*) AS n FROM pair WHERE state IN ('candidate', 'chosen')"), 0);
  assert.equal(open("SELECT count(*) AS n FROM page WHERE state = 'waiting'"), 0);
  db.close();

  // Measured 423 (5,000 pictures, one decoder); before bodies had pages of their own it was 688 to 806.
  assert.ok(most < MOST_MIB, `${most} MiB`);
});
