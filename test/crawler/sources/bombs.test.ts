/** Archives made to fill the memory: what is too large is counted and left out, and what is around it is read. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { createGzip, gunzipSync } from "node:zlib";
import { HttpClient } from "../../../crawler/http.ts";
import { extractArchivedPage } from "../../../crawler/sources/archive/archived-page.ts";
import { readCdx } from "../../../crawler/sources/cdx.ts";
import type { Source } from "../../../crawler/sources/source.ts";
import { Tally } from "../../../crawler/sources/tally.ts";
import { readWarc } from "../../../crawler/sources/warc.ts";
import { readWat } from "../../../crawler/sources/wat.ts";
import { closeDatabase, openDatabase } from "../../../store/database.ts";
import { member, response, warcMembers, watMembers } from "../../archives/write.ts";
import { temporaryFolder } from "../../folder.ts";

const MIB = 1_048_576;
const MOST = 400 * MIB;
const NEVER = new AbortController().signal;
const http = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
const folder = temporaryFolder("bombs");
const db = openDatabase(join(folder, "data"));
after(async () => {
  await http.close();
  closeDatabase(db);
});

async function read(source: Source) {
  const captions: string[] = [];
  const tally = new Tally();
  for await (const batch of source) {
    captions.push(...batch.candidates.map(({ caption }) => caption));
    for (const { reason, pairs, example } of batch.drops) tally.add(reason, example.replace(/^.*\//, ""), pairs);
    batch.done();
  }
  return { captions, drops: tally.drops().map(({ reason, pairs, example }) => `${pairs} ${reason} ${example}`) };
}

const write = (name: string, ...parts: Buffer[]) => {
  const path = join(folder, name);
  writeFileSync(path, "");
  for (const part of parts) appendFileSync(path, part);
  return path;
};
const page = (caption: string) => ({
  uri: "https://a.example/",
  html: Buffer.from(`<img src="x.jpg" alt="${caption}">`),
});
/** Packs parts that are never whole in memory: what is measured is what reads them. */
const packed = (level: number, parts: readonly Buffer[]): Promise<Buffer> =>
  buffer(Readable.from(parts).pipe(createGzip({ level })));
const mibs = (count: number, one: Buffer) => Array.from({ length: count }, () => one);
/** 80 MiB that pack to some hundred KB. */
const zeros = mibs(80, Buffer.alloc(MIB));
const bomb = await packed(1, zeros);

/** A member that says it is a record of 80 MiB, packed the same way. */
const bombRecord = (fields: string) =>
  packed(1, [Buffer.from(`WARC/1.0\r\n${fields}Content-Length: ${80 * MIB}\r\n\r\n`), ...zeros]);

test("WAT: members that inflate to 80 MiB are counted with their place, others are read, and memory stays small", async () => {
  const [info = bomb, ...first] = watMembers([page("one")]);
  const second = watMembers([page("two")]).slice(1);
  const third = watMembers([page("three")]).slice(1);
  const json = await bombRecord("WARC-Type: metadata\r\nWARC-Target-URI: https://a.example/\r\n");
  const path = write("bomb.warc.wat.gz", info, ...first, bomb, ...second, json, bomb, ...third);
  const { captions, drops } = await read(readWat(db, http, path, "webimagetext", NEVER));
  assert.deepEqual(captions, ["one", "two", "three"]);
  assert.match(drops.join(), /^3 bad_record bomb\.warc\.wat\.gz byte \d+$/);
  assert.ok(process.resourceUsage().maxRSS * 1024 < MOST);
});

test("WARC: a body that inflates to 80 MiB is a bad record, and so is one behind an index's line", async () => {
  const members = warcMembers([page("one")]);
  const fields = { "WARC-Target-URI": "https://a.example/b", "Content-Type": "application/http; msgtype=response" };
  const headers = { "Content-Encoding": "gzip" };
  const inner = member("response", fields, response({ uri: "", html: bomb, headers }));
  const path = write("bomb.warc.gz", ...members, inner, ...warcMembers([page("two")]));
  const { captions, drops } = await read(readWarc(db, http, path, "webimagetext", NEVER));
  assert.deepEqual(captions, ["one", "two"]);
  assert.match(drops.join(), /^1 bad_record bomb\.warc\.gz byte \d+$/);
  const record = await bombRecord("WARC-Type: response\r\nWARC-Target-URI: https://a.example/\r\n");
  write("one.warc.gz", record);
  const line = (length: number) => `${JSON.stringify({ filename: "one.warc.gz", offset: 0, length })}\n`;
  const index = write("bomb.cdxj", Buffer.from(line(record.length) + line(33 * MIB)));
  assert.deepEqual((await read(readCdx(db, http, index, folder, "webimagetext", NEVER))).drops, [
    "1 bad_record bomb.cdxj:1",
    "1 bad_row bomb.cdxj:2",
  ]);
  assert.ok(process.resourceUsage().maxRSS * 1024 < MOST);
});

test("a member of 40 MiB of video is passed over; an archive packed as a whole is an error", async () => {
  const header = Buffer.from(`WARC/1.0\r\nWARC-Type: response\r\nContent-Length: ${40 * MIB}\r\n\r\n`);
  const video = [header, ...mibs(40, randomBytes(MIB))];
  const long = await packed(0, video);
  const [before, behind] = [warcMembers([page("one")]), warcMembers([page("two")])];
  const path = write("video.warc.gz", ...before, long, ...behind);
  const start = before.reduce((sum, { length }) => sum + length, 0);
  const { captions, drops } = await read(readWarc(db, http, path, "webimagetext", NEVER));
  assert.deepEqual(captions, ["one", "two"]);
  assert.deepEqual(drops, [`1 bad_record video.warc.gz byte ${start}`]);
  const whole = write("whole.warc.gz", await packed(0, [...before.map((one) => gunzipSync(one)), ...video]));
  await assert.rejects(
    read(readWarc(db, http, whole, "webimagetext", NEVER)),
    /whole\.warc\.gz: no gzip member ends within 32 MiB: the archive is packed as a whole; unpack it/,
  );
  assert.ok(process.resourceUsage().maxRSS * 1024 < MOST);
});

/** Without its bounds the scanner would take from half a minute to hours for each: the runner's time limit would end it. */
test("pages made to keep the scanner busy", () => {
  const repeated = (...parts: string[]) => parts.map((part) => part.repeat(100_000)).join("");
  for (const html of [
    repeated("<img src=a alt=b>", "<img src=a alt=b>", "<img src=a alt=b>"),
    repeated("<noscript>", "<img src=a alt=b>"),
    repeated("<figure>", "<figcaption>x", "<img src=a alt=b>"),
    repeated("<figure><figcaption>x", "y<b>"),
    repeated("<x>", "</y>"),
    `<picture>${repeated("<source srcset=c.jpg>", "<img src=a alt=b>")}`,
    `<img alt=b srcset="a${",".repeat(500_000)}b,">`,
  ]) {
    extractArchivedPage(Buffer.from(html), "https://a.example/", undefined, "webimagetext");
  }
});
