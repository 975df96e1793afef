import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import tar from "tar-stream";
import { HttpClient } from "../../../crawler/http.ts";
import { RecordReader } from "../../../crawler/sources/archive/records.ts";
import { readFolder } from "../../../crawler/sources/folder.ts";
import { readShard } from "../../../crawler/sources/shards.ts";
import type { Source } from "../../../crawler/sources/source.ts";
import { readUrlList } from "../../../crawler/sources/url-list.ts";
import { cleanCaption } from "../../../filters/caption/clean.ts";
import { closeDatabase, openDatabase } from "../../../store/database.ts";
import { temporaryFolder } from "../../folder.ts";

const http = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
const folder = temporaryFolder("hostile");
const db = openDatabase(join(folder, "data"));
after(async () => {
  await http.close();
  closeDatabase(db);
});
const NEVER = new AbortController().signal;
const MIB = 1_048_576;

async function read(source: Source) {
  const captions: string[] = [];
  const drops: string[] = [];
  for await (const batch of source) {
    captions.push(...batch.candidates.map(({ caption }) => caption));
    drops.push(...batch.drops.map(({ reason, example }) => `${reason} ${example.replace(/^.*\//, "")}`));
  }
  return { captions, drops };
}

function readList(name: string, content: string | Buffer) {
  const file = join(folder, name);
  writeFileSync(file, content);
  return read(readUrlList(db, http, { file }, NEVER));
}

test("a line of 40 MB is a bad row, and those around it are read", async () => {
  const row = (n: number, caption: string) => JSON.stringify({ url: `http://a.example/${n}.jpg`, caption });
  const lines = [row(1, "a boat"), row(2, "x".repeat(40 * MIB)), row(3, "a horse"), ""];
  assert.deepEqual(await readList("long.jsonl", lines.join("\n")), {
    captions: ["a boat", "a horse"],
    drops: ["bad_row long.jsonl:2"],
  });
});

test("a quote that is not closed: the error names file and line, and memory stays small", async () => {
  const lines = ["url,caption", 'http://a.example/1.jpg,"a boat', "http://a.example/2.jpg,a horse", ""];
  await assert.rejects(readList("short.csv", lines.join("\n")), /short\.csv: Quote Not Closed.*line 3/);
  const long = `${lines.join("\n")}${"http://a.example/3.jpg,an apple\n".repeat(600_000)}`;
  await assert.rejects(readList("unclosed.csv", long), /unclosed\.csv: .*record.*at line \d+/);
});

test("an object of 40 MB in a JSON array: the error names file and item", async () => {
  const rows = [
    { url: "http://a.example/1.jpg", caption: "a boat" },
    { url: "http://a.example/2.jpg", caption: "x".repeat(40 * MIB) },
  ];
  await assert.rejects(readList("large.json", JSON.stringify(rows)), /large\.json item 1: longer than/);
});

test("objects that leave out what has no value: the first ones together say which columns there are", async () => {
  const rows = [{ url: "http://a.example/1.jpg" }, { url: "http://a.example/2.jpg", caption: "a boat" }];
  const expected = (name: string) => ({ captions: ["a boat"], drops: [`no_text ${name}`] });
  const lines = rows.map((row) => JSON.stringify(row)).join("\n");
  assert.deepEqual(await readList("gaps.jsonl", lines), expected("gaps.jsonl:1"));
  assert.deepEqual(await readList("gaps.json", JSON.stringify(rows)), expected("gaps.json item 0"));
});

test("a packed shard is an error that says what to do", async () => {
  const file = join(folder, "packed.tar.gz");
  writeFileSync(file, gzipSync(randomBytes(10_240)));
  await assert.rejects(
    read(readShard(db, http, file, NEVER)),
    /packed\.tar\.gz: a packed shard \(unpack it first: gunzip/,
  );
});

test("a shard whose last picture is cut short is an error that says where", async () => {
  const pack = tar.pack();
  for (const name of ["a", "b"]) {
    pack.entry({ name: `${name}.txt` }, "a boat");
    pack.entry({ name: `${name}.jpg` }, Buffer.alloc(4_096));
  }
  pack.finalize();
  const whole = Buffer.concat(await Readable.from(pack).toArray());
  const file = join(folder, "cut.tar");
  writeFileSync(file, whole.subarray(0, -3_000));
  await assert.rejects(read(readShard(db, http, file, NEVER)), /cut\.tar: cut short at byte \d+/);
});

test("an empty file with Parquet's name is none", async () => {
  await assert.rejects(readList("empty.parquet", ""), /empty\.parquet: no Parquet file: it has 0 bytes/);
});

test("a caption of 20 MB is cut before regular expressions see it", () => {
  assert.equal(cleanCaption("x".repeat(20 * MIB)).length, 65_536);
});

test("records of a plain archive: a header without end and a length of a petabyte are passed over, the next one is found", () => {
  const good = "WARC/1.0\r\nWARC-Type: metadata\r\nContent-Length: 4\r\n\r\nbody\r\n\r\n";
  const whole = Buffer.from(
    [
      good,
      `WARC/1.0\r\nX: ${"y".repeat(2 * MIB)}`,
      good,
      `WARC/1.0\r\nContent-Length: 999999999999999\r\n\r\n${"z".repeat(MIB)}`,
      good,
      `WARC/1.0\r\nContent-Length: ${8 * MIB}\r\n\r\n${"w".repeat(8 * MIB)}\r\n\r\n`,
      good,
    ].join(""),
  );
  const reader = new RecordReader();
  const lengths: number[] = [];
  const offsets: number[] = [];
  for (let start = 0; start < whole.length; start += 65_536) {
    const bytes = whole.subarray(start, start + 65_536);
    const piece = { bytes, start, end: start + bytes.length, packed: false, members: () => undefined, damaged: 0 };
    for (const { from, to, offset } of reader.read(piece)) {
      lengths.push(to - from);
      offsets.push(offset);
    }
  }
  assert.deepEqual(lengths, [4, 4, 4, 8 * MIB, 4]);
  for (const offset of offsets) assert.equal(whole.toString("latin1", offset, offset + 6), "WARC/1");
  assert.ok(reader.damaged >= 2);
  assert.equal(reader.cutOff, 0);
});

test("a folder with a loop of links, captions in UTF-16, a folder named like a caption and one of 20 MB", async () => {
  const root = join(folder, "pictures");
  mkdirSync(join(root, "below"), { recursive: true });
  symlinkSync("..", join(root, "below/loop"));
  for (const name of ["1", "2", "3", "4"]) writeFileSync(join(root, `${name}.jpg`), "");
  writeFileSync(join(root, "1.txt"), Buffer.from("\ufeffa boat on a lake", "utf16le"));
  writeFileSync(join(root, "2.txt"), Buffer.from("\ufeffa horse", "utf16le").swap16());
  mkdirSync(join(root, "3.txt"));
  writeFileSync(join(root, "4.txt"), "x".repeat(20 * MIB));
  const { captions, drops } = await read(readFolder(db, root, NEVER));
  assert.deepEqual(captions, ["a boat on a lake", "a horse"]);
  assert.equal(drops.length, 1);
  assert.match(drops[0] ?? "", /^no_text/);
});
