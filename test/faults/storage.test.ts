import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import SQLite from "better-sqlite3";
import sharp from "sharp";
import { openForReading } from "../../store/database.ts";
import { type Ended, run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";
import { type FileServer, serveFiles } from "../servers/files.ts";

/**
 * Faults 39 and 41 to 43: lists nobody should write, disks that are full or read-only, too few file descriptors, two
 * processes, damaged state. Elsewhere: 36 in test/crawler/sources/archives.test.ts, 37 in test/queries/, 38 in
 * train/tests/test_tar.py, 40 in test/e2e/crawl.test.ts and test/long/kill.ts.
 */

const PICTURES = 80;
const folder = temporaryFolder("storage");
const list = join(folder, "list.csv");
const limits = join(folder, "limits.tsv");
let server: FileServer;
let whole: unknown;

before(async () => {
  const files = new Map<string, { type: string; bytes: Buffer }>();
  for (let i = 0; i < PICTURES; i++) files.set(`/${i}.png`, { type: "image/png", bytes: await noise(i) });
  server = await serveFiles(files);
  const rows = [...files.keys()].map((path) => `http://127.0.0.1:${server.port}${path},a boat called ${path}`);
  writeFileSync(list, `url,caption\n${rows.join("\n")}\n`);
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t8\n");
  const data = join(folder, "whole");
  const ended = await crawl(data);
  assert.equal(ended.code, 0, ended.error);
  whole = result(data);
});
after(() => server.close());

/** Hard to compress: about 35 KB as a JPEG of 200 x 200. */
async function noise(i: number): Promise<Buffer> {
  const background = { r: i, g: 128, b: 255 - i };
  return sharp({
    create: { width: 200, height: 200, channels: 3, background, noise: { type: "gaussian", mean: 110 + i, sigma: 60 } },
  })
    .png()
    .toBuffer();
}

function crawl(data: string, options: Parameters<typeof run>[1] = {}): Promise<Ended> {
  useShortList(data, ["boat"]);
  return run(
    [
      ...["crawl", "--data", data, "--quiet", "--urls", list, "--shard-size", "30"],
      ...["--allow-private", "127.0.0.0/8", "--host-limits", limits],
    ],
    options,
  );
}

/** The set and its bytes. */
function result(data: string): unknown {
  const db = openForReading(data);
  const found = [
    db.prepare("SELECT id, state, reason, sha256, shard, key FROM pair ORDER BY id").all(),
    db.prepare("SELECT * FROM shard_stats").all(),
  ];
  db.close();
  return found;
}

/** A clear stop: code 1 and one line, which says what happened and what to do. */
function assertStopped({ code, error }: Ended, message: RegExp): void {
  assert.equal(code, 1, error);
  const lines = error.trim().split("\n");
  assert.equal(lines.length, 1, error);
  assert.match(lines[0] ?? "", message);
}

const AGAIN = /run the same command again/;

test("39: rows of a list that are no address or far too long are counted with their place, the rest goes on", async () => {
  const data = join(folder, "list");
  const odd = join(folder, "odd.csv");
  const good = `http://127.0.0.1:${server.port}/1.png`;
  writeFileSync(
    odd,
    `url,caption\nnot an address,a boat\n${good},=HYPERLINK("x")&a boat\n"http://127.0.0.1:${server.port}/\0",a boat\n${good},${"boat ".repeat(300_000)}\n`,
  );
  useShortList(data, ["boat"]);
  const ended = await run([
    "crawl",
    "--data",
    data,
    "--quiet",
    "--urls",
    odd,
    "--allow-private",
    "127.0.0.0/8",
    "--host-limits",
    limits,
  ]);
  assert.equal(ended.code, 0, ended.error);
  const db = openForReading(data);
  const drops = db.prepare("SELECT reason, sum(pairs) AS pairs FROM drop_reasons GROUP BY reason").raw().all();
  const read = db.prepare<[], { n: number }>("SELECT sum(seen) AS n FROM pair").get()?.n ?? 0;
  const before = db.prepare<[], { n: number }>("SELECT sum(pairs) AS n FROM tally").get()?.n ?? 0;
  db.close();
  assert.equal(read + before, 4, JSON.stringify(drops));
});

const shell = (command: string) => spawnSync("sh", ["-c", command]).status === 0;

/** A file system of its own; undefined where mounting is not allowed. */
function tmpfs(t: TestContext, size: string): string | undefined {
  const mount = mkdtempSync(join(folder, "disk-"));
  if (!shell(`mount -t tmpfs -o size=${size} tmpfs "${mount}"`)) {
    t.skip("mount is not allowed here");
    return undefined;
  }
  t.after(() => shell(`umount -l "${mount}"`));
  return mount;
}

const remount = (mount: string, option: string) => assert.ok(shell(`mount -o remount,${option} "${mount}"`));

test("41: a full disk ends the run in one line; with room it goes on, to the same bytes", async (t) => {
  const mount = tmpfs(t, "1m");
  if (!mount) return;
  const data = join(mount, "data");
  let stops = 0;
  // From too small for the pictures, over too small for the shards, to enough.
  for (const size of [1, 2, 4, 6, 32]) {
    remount(mount, `size=${size}m`);
    const ended = await crawl(data);
    if (ended.code === 0) break;
    assertStopped(ended, /(disk is full|takes no more)/);
    assert.match(ended.error, AGAIN);
    stops++;
  }
  assert.ok(stops >= 3, `${stops} stops`);
  assert.deepEqual(result(data), whole);
});

test("41: a file size limit, as quotas are: a clear stop, and without it the run goes on", async () => {
  const data = join(folder, "limited");
  for (const blocks of [500, 1000]) {
    // Ignored, the signal becomes an error of write(), as EDQUOT is.
    const ended = await crawl(data, { first: `trap '' XFSZ; ulimit -f ${blocks}` });
    assertStopped(ended, AGAIN);
  }
  assert.equal((await crawl(data)).code, 0);
  assert.deepEqual(result(data), whole);
});

test("41: a read-only disk", async (t) => {
  const mount = tmpfs(t, "32m");
  if (!mount) return;
  const data = join(mount, "data");
  assert.equal((await crawl(data)).code, 0);
  remount(mount, "ro");
  const ended = await run(["crawl", "--data", data, "--quiet"]);
  assertStopped(ended, /cannot be written|EROFS/);
  assert.deepEqual(result(data), whole);
});

test("41: too few file descriptors end the run; no pair is dropped for it", async () => {
  const data = join(folder, "few");
  const ended = await crawl(data, { first: "ulimit -n 36" });
  if (ended.code !== 0) assertStopped(ended, /too many open files/);
  assert.equal((await crawl(data)).code, 0);
  assert.deepEqual(result(data), whole);
});

test("42: two processes on one workspace: the second ends with the first one's number", async () => {
  const data = join(folder, "two");
  let pid = 0;
  const first = crawl(data, { started: (own) => (pid = own) });
  const holder = join(data, "lock.pid");
  while (!existsSync(holder) || readFileSync(holder, "utf8") !== String(pid)) await sleep(20);
  process.kill(pid, "SIGSTOP"); // However slow the second is, the first is there.
  assertStopped(await crawl(data), new RegExp(`in use by another process \\(pid ${pid}\\)`));
  process.kill(pid, "SIGCONT");
  assert.equal((await first).code, 0);
  assert.deepEqual(result(data), whole);
});

test("43: state that is damaged or from another version is left as it is", async () => {
  for (const [name, damage, message] of [
    [
      "noise",
      (file: string) => writeFileSync(file, "this is not a database ".repeat(500)),
      /damaged and was left as it is/,
    ],
    [
      "newer",
      (file: string) => {
        const db = new SQLite(file);
        db.pragma("user_version = 999");
        db.close();
      },
      /newer webimagetext .*another --data/,
    ],
    [
      "older",
      (file: string) => {
        const db = new SQLite(file);
        db.pragma("user_version = 1");
        db.close();
      },
      /older webimagetext .*another --data/,
    ],
  ] as const) {
    const data = join(folder, `state-${name}`);
    mkdirSync(data, { recursive: true });
    const file = join(data, "wit.sqlite");
    damage(file);
    const before = readFileSync(file);
    assertStopped(await crawl(data), message);
    assert.deepEqual(readFileSync(file), before, name);
  }
});

test("43: a list of queries that was cut, and a picture that vanished from the spool, are named", async () => {
  const data = join(folder, "cut-list");
  useShortList(data, ["boat"]);
  writeFileSync(join(data, "queries.tsv"), "term\tsource\tcount\tscore\nboat\tunig");
  const ended = await run(["crawl", "--data", data, "--quiet", "--urls", list, "--allow-private", "127.0.0.0/8"]);
  assertStopped(ended, /queries\.tsv:2: expected/);

  const short = join(folder, "short-spool");
  useShortList(short, ["boat"]);
  const download = [
    "--data",
    short,
    "--quiet",
    "--urls",
    list,
    "--allow-private",
    "127.0.0.0/8",
    "--host-limits",
    limits,
  ];
  assert.equal((await run(["discover", ...download])).code, 0);
  assert.equal((await run(["download", "--data", short, "--quiet"])).code, 0);
  const pack = join(short, "spool/00000.pack");
  truncateSync(pack, statSync(pack).size - 1000);
  assertStopped(await run(["crawl", "--data", short, "--quiet"]), /00000\.pack: ends before byte/);
  rmSync(short, { recursive: true });
});
