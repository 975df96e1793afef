import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import sharp from "sharp";
import { dropDuplicates } from "../../crawler/duplicates.ts";
import { priority, termHash } from "../../filters/priority.ts";
import { closeDatabase, openDatabase, openForReading } from "../../store/database.ts";
import { idHalves, pairId } from "../../store/pair-id.ts";
import { type Ended, run, useShortList } from "../cli.ts";
import { photo } from "../filters/image/photo.ts";
import { temporaryFolder } from "../folder.ts";
import { startDns } from "../servers/dns.ts";
import { type FileServer, serveFiles } from "../servers/files.ts";
import { OWN_ADDRESS, OWN_PORT } from "../servers/own-address.ts";

type Files = Map<string, { type: string; bytes: Buffer }>;

interface Bench {
  data: string;
  server: FileServer;
  /** Address of a path. */
  at: (path: string) => string;
  crawl: (extra?: string[]) => Promise<Ended>;
  rows: <Row>(sql: string) => Row[];
}

/** A list of `paths`, served as far as there are `files`, and a workspace with one query. */
async function prepare(t: TestContext, files: Files, paths: readonly string[]): Promise<Bench> {
  const data = temporaryFolder("downloads");
  const server = await serveFiles(files, OWN_PORT, OWN_ADDRESS);
  t.after(() => server.close());
  const host = `pictures.example:${OWN_PORT}`;
  const at = (path: string) => `http://${host}${path}`;
  const list = join(data, "list.csv");
  writeFileSync(list, `url,caption\n${paths.map((path) => `${at(path)},a boat called ${path}`).join("\n")}\n`);
  const limits = join(data, "limits.tsv");
  writeFileSync(limits, "127.0.0.0/8\t0\t10000\t8\n");
  useShortList(data, ["boat"]);
  const options = ["--urls", list, "--host-limits", limits, "--allow-private", "127.0.0.0/8"];
  options.push("--resolve", `${host}:${OWN_ADDRESS}`);
  return {
    data,
    server,
    at,
    crawl: (extra = []) => run(["crawl", "--data", data, "--quiet", ...options, ...extra]),
    rows: (sql) => {
      const db = openForReading(data);
      const found = db.prepare(sql).all();
      db.close();
      return found as never;
    },
  };
}

const dot = (i: number) =>
  sharp({ create: { width: 64, height: 64, channels: 3, background: { r: i & 255, g: (i >> 8) * 40, b: 90 } } })
    .png()
    .toBuffer();

test("with two in five dead, the cap is full after two rounds, with the pairs that a perfect oracle would choose", async (t) => {
  const cap = 300;
  const paths = Array.from({ length: 900 }, (_, i) => `/${i}.png`);
  const alive = paths.filter((_, i) => i % 5 > 1);
  const files: Files = new Map();
  for (const [i, path] of alive.entries()) files.set(path, { type: "image/png", bytes: await dot(i) });
  const bench = await prepare(t, files, paths);
  const ended = await bench.crawl(["--cap", String(cap)]);
  assert.equal(ended.code, 0, ended.error);
  const u = (path: string) =>
    priority(0, ...idHalves(pairId(bench.at(path), `a boat called ${path}`)), termHash("boat"));
  const expected = alive.sort((a, b) => u(a) - u(b)).slice(0, cap);
  const kept = bench.rows<{ image_url: string }>("SELECT image_url FROM pair WHERE state = 'kept'");
  assert.deepEqual(kept.map(({ image_url }) => image_url).sort(), expected.map(bench.at).sort());
  assert.equal(bench.rows("SELECT * FROM run WHERE stage = 'download'").length, 2);
  const asked = new Set(bench.server.asked);
  assert.equal(asked.size, bench.server.asked.length, "nothing was fetched twice");
  // The spare ones are a part of the set, not all of the list.
  assert.ok(asked.size < 800, `${asked.size} requests`);
});

test("--retry takes up what failed for a reason, and nothing else", async (t) => {
  const files: Files = new Map([
    ["/good.png", { type: "image/png", bytes: await dot(1) }],
    ["/html.png", { type: "image/png", bytes: Buffer.from("<html>") }],
  ]);
  const bench = await prepare(t, files, ["/good.png", "/html.png", "/late.png", "/never.png"]);
  const wrong = await bench.crawl(["--retry", "bad_luck"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.error, /--retry bad_luck: expected one of .*http_404/);
  assert.equal((await bench.crawl()).code, 0);
  const states = () =>
    bench
      .rows<{ image_url: string; end: string }>("SELECT image_url, coalesce(reason, state) AS end FROM pair ORDER BY 1")
      .map(({ end }) => end);
  assert.deepEqual(states(), ["kept", "undecodable", "http_404", "http_404"]);
  files.set("/late.png", { type: "image/png", bytes: await dot(2) });
  bench.server.asked.length = 0;
  const again = await run(["crawl", "--data", bench.data, "--quiet", "--retry", "http_404"]);
  assert.equal(again.code, 0, again.error);
  assert.deepEqual(states(), ["kept", "undecodable", "kept", "http_404"]);
  assert.deepEqual(bench.server.asked.filter((path) => path.endsWith(".png")).sort(), ["/late.png", "/never.png"]);
});

test("stored as asked: format, size, quality; other pictures later are refused", async (t) => {
  const files: Files = new Map([
    ["/photo.jpg", { type: "image/jpeg", bytes: await photo(1, 400, 300).jpeg().toBuffer() }],
  ]);
  const bench = await prepare(t, files, ["/photo.jpg"]);
  assert.equal((await bench.crawl(["--format", "webp", "--resize", "center-crop:128", "--quality", "50"])).code, 0);
  const [row] = bench.rows<{ file: string; offset: number; bytes: number; extension: string }>("SELECT * FROM pair");
  assert.ok(row);
  const stored = readFileSync(join(bench.data, row.file)).subarray(row.offset, row.offset + row.bytes);
  const { format, width, height } = await sharp(stored).metadata();
  assert.deepEqual([row.extension, format, width, height], ["webp", "webp", 128, 128]);
  for (const [option, value] of [
    ["--format", "jpg"],
    ["--resize", "256"],
    ["--quality", "51"],
  ] as const) {
    const { code, error } = await bench.crawl([option, value]);
    assert.equal(code, 2);
    assert.match(error, new RegExp(`${option} ${value}: the 1 pictures here were made with`));
  }
  assert.equal((await bench.crawl(["--format", "webp"])).code, 0, "saying the same again is fine");
});

test("copies: the same bytes are dropped, near ones reported, and dropped where a profile says so", async (t) => {
  const bytes = async (seed: number, quality: number) => photo(seed, 300, 200).jpeg({ quality }).toBuffer();
  const files: Files = new Map();
  for (const [path, seed, quality] of [
    ["/a.jpg", 1, 90],
    ["/a-again.jpg", 1, 90],
    ["/a-worse.jpg", 1, 50],
    ["/b.jpg", 2, 90],
    ["/c.jpg", 3, 90],
  ] as const)
    files.set(path, { type: "image/jpeg", bytes: await bytes(seed, quality) });
  const bench = await prepare(t, files, [...files.keys()]);
  const ended = await bench.crawl();
  assert.equal(ended.code, 0, ended.error);
  const kept = bench.rows<{ id: string }>("SELECT id FROM pair WHERE state = 'kept' ORDER BY id");
  assert.equal(kept.length, 4);
  assert.equal(bench.rows("SELECT * FROM pair WHERE reason = 'duplicate_image'").length, 1);
  const near = bench.rows<{ distance: number; a: string; b: string; a_url: string; b_url: string }>(
    "SELECT * FROM near_duplicates",
  );
  assert.equal(near.length, 1);
  for (const url of [near[0]?.a_url, near[0]?.b_url]) assert.match(url ?? "", /\/a/);
  assert.ok((near[0]?.a ?? "") < (near[0]?.b ?? ""));

  const db = openDatabase(bench.data);
  assert.equal(dropDuplicates(db, undefined), 0);
  assert.equal(dropDuplicates(db, 3), 1);
  assert.deepEqual(db.prepare("SELECT id, detail FROM pair WHERE reason = 'near_duplicate'").all(), [
    { id: near[0]?.b, detail: `${near[0]?.distance} bits from ${near[0]?.a}` },
  ]);
  closeDatabase(db);
});

test("more hosts than are asked at once: each comes to its turn", async (t) => {
  const names = await startDns(() => "NXDOMAIN");
  t.after(() => names.close());
  const data = temporaryFolder("hosts");
  useShortList(data, ["apple"]);
  const hosts = 4_096 + 500;
  const rows = Array.from({ length: hosts }, (_, i) => `http://site${i}.com/${i}.jpg,A red apple on a table ${i}`);
  const list = join(data, "list.csv");
  writeFileSync(list, ["url,caption", ...rows, ""].join("\n"));
  const ended = await run([
    ...["crawl", "--data", data, "--urls", list, "--user-agent", "test (test@site.example)", "--dns", names.address],
    "--quiet",
  ]);
  assert.equal(ended.code, 0, ended.error);
  const db = openForReading(data);
  const ends = db.prepare("SELECT coalesce(reason, state), count(*) FROM pair GROUP BY 1").raw().all();
  db.close();
  assert.deepEqual(ends, [["dns", hosts]]);
});
