import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { openForReading } from "../../store/database.ts";
import { type ArchivePage, warcMembers, watMembers } from "../archives/write.ts";
import { type Ended, run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";

const folder = temporaryFolder("sources");
const LIMITS = join(folder, "limits.tsv");
const served = new Map<string, Buffer>();
/** Addresses whose first answer breaks off in the middle. */
const breaks = new Set<string>();
/** Addresses of which nine tenths are sent, and the rest never. */
const stalls = new Set<string>();
let server: Server;
let base: string;

/** A picture of one colour for each number. */
async function picture(number: number): Promise<Buffer> {
  const background = { r: (number * 37) & 255, g: (number * 91) & 255, b: number & 255 };
  return sharp({ create: { width: 90, height: 80, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

/** Serves `served` with byte ranges. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? "";
  const body = served.get(path);
  if (!body) return void response.writeHead(404).end();
  const [, from = "", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const part = from === "" ? body : body.subarray(Number(from), to === "" ? undefined : Number(to) + 1);
  const type = path.endsWith(".jpg") ? "image/jpeg" : "application/octet-stream";
  const headers = { "content-type": type, etag: '"1"', "content-length": String(part.length) };
  if (from === "") response.writeHead(200, headers);
  else {
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${body.length}`;
    response.writeHead(206, { ...headers, "content-range": range });
  }
  if (stalls.has(path)) return void response.write(part.subarray(0, part.length * 0.9));
  if (!breaks.delete(path)) return void response.end(part);
  response.write(part.subarray(0, part.length / 2));
  setTimeout(() => response.destroy(), 50);
}

before(async () => {
  writeFileSync(LIMITS, "127.0.0.0/8\t0\t10000\t4\n");
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  served.set("/robots.txt", Buffer.from("User-agent: *\nAllow: /\n"));
  for (let i = 0; i < 12; i++) served.set(`/img/${i}.jpg`, await picture(i));
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function crawl(name: string, args: string[]): Promise<Ended> {
  const data = join(folder, name);
  useShortList(data, ["apple", "bear", "boat", "bridge"]);
  return run(["crawl", "--data", data, "--quiet", "--host-limits", LIMITS, "--allow-private", "127.0.0.0/8", ...args]);
}

function pairsOf(name: string) {
  const db = openForReading(join(folder, name));
  const pairs = db
    .prepare<[], { caption: string; state: string; reason: string | null; source: string; image_url: string }>(
      "SELECT caption, state, reason, source, image_url FROM pair ORDER BY caption",
    )
    .all();
  db.close();
  return pairs;
}

/** The json of every sample in a workspace's shards, as the tar has it. */
function samplesOf(name: string): Record<string, unknown>[] {
  const tar = readFileSync(join(folder, name, "shards", "00000.tar"));
  const samples: Record<string, unknown>[] = [];
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 135), 8);
    const body = tar.subarray(at + 512, at + 512 + size);
    if (/\.json\0/.test(tar.toString("latin1", at, at + 100))) samples.push(JSON.parse(body.toString("utf8")));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return samples;
}

test("a remote list: read over a connection that breaks, checksums verified, columns kept, place in the json", async () => {
  const sum = (i: number) =>
    createHash("sha256")
      .update(served.get(`/img/${i}.jpg`) ?? "")
      .digest("hex");
  const rows = [0, 1, 2, 3].map((i) => ({
    url: `${base}/img/${i}.jpg`,
    text: `A photo of a red apple, number ${i}`,
    sha256: i === 2 ? sum(1) : sum(i),
    note: `note ${i}`,
  }));
  const padding = Array.from({ length: 3_000 }, (_, i) => ({ url: "none", text: `row ${i}`, sha256: "", note: "" }));
  const lines = [...padding, ...rows].map((row) => `${JSON.stringify(row)}\n`).join("");
  served.set("/list.jsonl.gz", gzipSync(lines));
  breaks.add("/list.jsonl.gz");
  const { code, error } = await crawl("list", ["--urls", `${base}/list.jsonl.gz`, "--save-cols", "note"]);
  assert.equal(code, 0, error);
  assert.deepEqual(
    pairsOf("list").map(({ state, reason }) => reason ?? state),
    ["kept", "kept", "checksum", "kept"],
  );
  const samples = samplesOf("list");
  assert.equal(samples.length, 3);
  for (const { caption, origin } of samples) {
    const i = Number(String(caption).at(-1));
    assert.deepEqual(origin, { file: `${base}/list.jsonl.gz`, row: 3_000 + i, columns: { note: `note ${i}` } });
  }
});

test("a run killed in a list goes on in it, and not in another that lies there now", async () => {
  const [address, data] = [`${base}/long.csv`, join(folder, "killed")];
  const rows = (word: string) =>
    Array.from({ length: 80_000 }, (_, i) => `http://a.example/${i}.jpg,A ${word} of number ${i}\n`).join("");
  const [old, other] = ["boat", "bear"].map((word) => Buffer.from(`url,caption\n${rows(word)}`)) as [Buffer, Buffer];
  useShortList(data, ["bear", "boat"]);
  const args = ["discover", "--data", data, "--quiet", "--allow-private", "127.0.0.0/8", "--urls", address];
  served.set("/long.csv", old);
  stalls.add("/long.csv");
  const child = spawn(process.execPath, ["cli.ts", ...args], { stdio: "ignore" });
  const ended = once(child, "close");
  const written = () => {
    if (!existsSync(join(data, "wit.sqlite"))) return 0;
    const db = openForReading(data);
    try {
      return db.prepare<[], number>("SELECT rows FROM list_position").pluck().get() ?? 0;
    } catch {
      // The tables are just being made.
      return 0;
    } finally {
      db.close();
    }
  };
  while (child.exitCode === null && written() === 0) await sleep(20);
  child.kill("SIGKILL");
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  stalls.clear();
  const at = written();
  served.set("/long.csv", other);
  const replaced = await run(args);
  assert.equal(replaced.code, 1, replaced.error);
  assert.match(
    replaced.error,
    new RegExp(`^error: ${address}: the addresses and captions before row ${at}, .*; put the old one back.*\n$`),
  );
  served.set("/long.csv", old);
  const { code, error } = await run(args);
  assert.equal(code, 0, error);
  const db = openForReading(data);
  const pairs = db.prepare("SELECT count(*) AS all_, sum(seen) AS seen, sum(caption LIKE '%boat%') AS boats FROM pair");
  assert.deepEqual(pairs.get(), { all_: 80_000, seen: 80_000, boats: 80_000 });
  db.close();
});

test("wat.paths.gz, WARC and CDX from a server; what they find is downloaded", async () => {
  const pages = [4, 5, 6].map(
    (i): ArchivePage => ({
      uri: `${base}/page${i}.html`,
      html: Buffer.from(`<img src="/img/${i}.jpg" alt="An old stone bridge, number ${i}">`),
    }),
  );
  const [first, second, third] = pages as [ArchivePage, ArchivePage, ArchivePage];
  served.set("/crawl/a.warc.wat.gz", Buffer.concat(watMembers([first])));
  served.set("/wat.paths.gz", gzipSync("crawl/a.warc.wat.gz\n"));
  served.set("/b.warc.gz", Buffer.concat(warcMembers([second])));
  const members = warcMembers([third]);
  const offset = members.slice(0, -1).reduce((sum, { length }) => sum + length, 0);
  served.set("/crawl/c.warc.gz", Buffer.concat(members));
  const entry = {
    url: third.uri,
    filename: "crawl/c.warc.gz",
    offset: String(offset),
    length: String(members.at(-1)?.length),
  };
  writeFileSync(join(folder, "index.cdxj"), `key 2026 ${JSON.stringify(entry)}\n`);
  const { code, error } = await crawl("archives", [
    ...["--wat", `${base}/wat.paths.gz`, "--warc", `${base}/b.warc.gz`],
    ...["--cdx", join(folder, "index.cdxj"), "--archive-base", base],
  ]);
  assert.equal(code, 0, error);
  assert.deepEqual(
    pairsOf("archives").map(({ caption, state, source }) => [caption.at(-1), state, source]),
    [
      ["4", "kept", "wat"],
      ["5", "kept", "warc"],
      ["6", "kept", "warc"],
    ],
  );
});

test("a folder: captions from side files, pictures read from the disk; its shards taken in again give the same set", async () => {
  const own = join(folder, "own");
  mkdirSync(join(own, "more"), { recursive: true });
  for (const i of [1, 2, 3, 4]) writeFileSync(join(own, i > 2 ? "more" : "", `p ${i}.jpg`), await picture(100 + i));
  writeFileSync(join(own, "p 1.txt"), "A brown bear in the snow\n");
  writeFileSync(
    join(own, "p 2.json"),
    JSON.stringify({ caption: "A fishing boat", license: "CC0", url: "https://a.example/2.jpg" }),
  );
  writeFileSync(join(own, "more", "p 3.json"), "{");
  // As cameras name them; an empty text beside a caption; a link, as caches of models and data sets are made of.
  writeFileSync(join(own, "P5.JPG"), await picture(105));
  writeFileSync(join(own, "P5.TXT"), "A harbour and a bridge");
  writeFileSync(join(own, "p6.jfif"), await picture(106));
  writeFileSync(join(own, "p6.txt"), "\n");
  writeFileSync(join(own, "p6.json"), JSON.stringify({ text: "An apple tree in bloom" }));
  const blob = join(folder, "blob");
  writeFileSync(blob, await picture(107));
  symlinkSync(blob, join(own, "q7.jpg"));
  symlinkSync(join(folder, "gone"), join(own, "q8.jpg"));
  writeFileSync(join(own, "q7.txt"), "A lake and a boat");
  writeFileSync(join(own, "q9.svg"), "<svg/>");
  const { code, error } = await crawl("mine", ["--folder", own]);
  assert.equal(code, 0, error);
  assert.deepEqual(
    pairsOf("mine").map(({ caption, state, image_url }) => [caption, state, image_url]),
    [
      ["A brown bear in the snow", "kept", "file:///own/p%201.jpg"],
      ["A fishing boat", "kept", "https://a.example/2.jpg"],
      ["A harbour and a bridge", "kept", "file:///own/P5.JPG"],
      ["A lake and a boat", "kept", "file:///own/q7.jpg"],
      ["An apple tree in bloom", "kept", "file:///own/p6.jfif"],
    ],
  );
  const db = openForReading(join(folder, "mine"));
  assert.deepEqual(db.prepare("SELECT reason, pairs FROM tally ORDER BY 1").all(), [
    { reason: "bad_record", pairs: 1 },
    { reason: "no_text", pairs: 1 },
    { reason: "not_picture", pairs: 1 },
  ]);
  db.close();
  for (const { origin } of samplesOf("mine")) assert.deepEqual(Object.keys(origin as object), ["file"]);
  // The folder is not needed for what is in the shards.
  rmSync(own, { recursive: true });
  const again = await crawl("again", ["--shards-in", join(folder, "mine", "shards", "*.tar")]);
  assert.equal(again.code, 0, again.error);
  const kept = (name: string) => pairsOf(name).map(({ caption, state }) => [caption, state]);
  assert.deepEqual(kept("again"), kept("mine"));
  assert.equal(samplesOf("again").length, 5);
});

test("a list or folder that has grown is not passed over in silence; under another name it brings what is new", async () => {
  const own = join(folder, "grows");
  mkdirSync(own);
  const add = async (i: number, text: string) => {
    writeFileSync(join(own, `${i}.jpg`), await picture(200 + i));
    writeFileSync(join(own, `${i}.txt`), text);
  };
  await add(1, "A bear");
  const list = join(folder, "grows.tsv");
  writeFileSync(list, `url\tcaption\n${base}/img/1.jpg\tA boat\n`);
  const sources = ["--user-agent", "x", "--urls", list, "--folder", own];
  assert.equal((await crawl("grown", sources)).error, "");
  assert.equal((await crawl("grown", sources)).error, "");
  writeFileSync(list, `${base}/img/2.jpg\tA boat by a bridge\n`, { flag: "a" });
  await add(2, "A bear by a bridge");
  const { code, error } = await crawl("grown", sources);
  assert.equal(code, 0);
  assert.deepEqual(
    error.split("\n").map((line) => line.split(" has changed")[0]),
    [list, own, ""],
  );
  assert.equal(pairsOf("grown").length, 2);
  const link = join(folder, "link.tsv");
  symlinkSync(list, link);
  const again = ["--user-agent", "x", "--urls", link, "--folder", `${own}/`];
  assert.equal((await crawl("grown", again)).error, "");
  assert.deepEqual(
    pairsOf("grown").map(({ caption, state }) => [caption, state]),
    [
      ["A bear", "kept"],
      ["A bear by a bridge", "kept"],
      ["A boat", "kept"],
      ["A boat by a bridge", "kept"],
    ],
  );
});

test("wrong use is said before anything is done", async () => {
  const wrong = [
    [["--search", "bing"], /--search bing: expected commons, flickr or openverse/],
    [["--search", "commons=wiki"], /--search commons=wiki: expected an http\(s\) address/],
    [["--search", "flickr"], /set FLICKR_API_KEY/],
    [["--urls", join(folder, "none-*.parquet")], /none-\*\.parquet: fits no file/],
    [["--shards-in", "https://a.example/0.tar"], /download the shards/],
    [["--folder", join(folder, "nowhere")], /nowhere: there is no such folder/],
  ] as const;
  for (const [i, [args, message]] of wrong.entries()) {
    const data = join(folder, `wrong${i}`);
    const options = ["--data", data, "--quiet", "--user-agent", "x", ...args];
    const { code, error } = await run(["discover", ...options], { env: { ...process.env, FLICKR_API_KEY: "" } });
    assert.equal(code, 2, error);
    assert.match(error, message);
    assert.equal(error.trim().split("\n").length, 1, error);
    assert.equal(existsSync(data), false, "nothing was made");
  }
});
