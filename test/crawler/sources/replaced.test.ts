/** A stopped run must not go on in the middle of another file that has taken the place of the one it read. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { HttpClient } from "../../../crawler/http.ts";
import { COMMON_CRAWL, readCdx } from "../../../crawler/sources/cdx.ts";
import { readFolder } from "../../../crawler/sources/folder.ts";
import type { Batch } from "../../../crawler/sources/source.ts";
import { readUrlList } from "../../../crawler/sources/url-list.ts";
import { readWat } from "../../../crawler/sources/wat.ts";
import { closeDatabase, type Database, openDatabase } from "../../../store/database.ts";
import { watMembers } from "../../archives/write.ts";
import { temporaryFolder } from "../../folder.ts";
import { generator } from "../../random.ts";

const NEVER = new AbortController().signal;
const folder = temporaryFolder("replaced");
const http = new HttpClient({ userAgent: "test", allowPrivate: ["127.0.0.0/8"], resolve: [] });
let db: Database;
/** What the server has at each path, and how often it was put there: its ETag. */
const served = new Map<string, { body: Buffer; version: number }>();
const server = createServer((request, response) => {
  const { body, version } = served.get(request.url ?? "") ?? { body: Buffer.alloc(0), version: 0 };
  const [, from = "", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const part = from === "" ? body : body.subarray(Number(from), to === "" ? undefined : Number(to) + 1);
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${body.length}`;
  const headers = { etag: `"${version}"`, "content-length": String(part.length) };
  response.writeHead(from === "" ? 200 : 206, from === "" ? headers : { ...headers, "content-range": range }).end(part);
});
let base: string;

before(async () => {
  db = openDatabase(folder);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  await http.close();
  server.close();
  closeDatabase(db);
});

interface Row {
  url: string;
  caption: string;
}
/** Rows `from` to before `to` of a list; those of lists of the same number of letters are of the same length. */
const rowsOf = (list: string, from: number, to: number): Row[] =>
  Array.from({ length: to - from }, (_, i) => ({
    url: `http://${list}.example/${from + i}.jpg`,
    caption: `${list} ${from + i}`,
  }));
const captionsOf = (rows: readonly Row[]) => rows.map(({ caption }) => caption);

const lines = (rows: readonly Row[], line: (row: Row) => string) => Buffer.from(rows.map(line).join(""));
const parquet = (rows: readonly Row[], rowGroupSize: number) =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: (["url", "caption"] as const).map((name) => ({
        name,
        data: rows.map((row) => row[name]),
        type: "STRING",
      })),
      rowGroupSize,
    }),
  );
const FORMS: Record<string, (rows: readonly Row[]) => Buffer> = {
  csv: (rows) => Buffer.concat([Buffer.from("url,caption\n"), lines(rows, (row) => `${row.url},${row.caption}\n`)]),
  tsv: (rows) => Buffer.concat([Buffer.from("url\tcaption\n"), lines(rows, (row) => `${row.url}\t${row.caption}\n`)]),
  "jsonl.gz": (rows) => gzipSync(lines(rows, (row) => `${JSON.stringify(row)}\n`)),
  json: (rows) => Buffer.from(JSON.stringify(rows)),
  parquet: (rows) => parquet(rows, 900),
};

/** Puts a file where a run finds it, on the disk or on the server. */
function put(file: string, body: Buffer): void {
  const path = URL.parse(file)?.pathname;
  if (path === undefined) writeFileSync(file, body);
  else served.set(path, { body, version: (served.get(path)?.version ?? 0) + 1 });
}

/** The captions of the next batches, as many as are wanted; each is written before the next is asked for. */
async function captions(source: AsyncIterable<Batch>, batches = Number.POSITIVE_INFINITY): Promise<string[]> {
  const found: string[] = [];
  let left = batches;
  for await (const { candidates, done } of source) {
    found.push(...candidates.map(({ caption }) => caption));
    db.transaction(done)();
    if (--left === 0) break;
  }
  return found;
}
const list = (file: string, batches?: number) => captions(readUrlList(db, http, { file }, NEVER), batches);
const marks = () => db.prepare("SELECT key FROM meta WHERE key LIKE 'read of %'").all().length;

for (const place of ["on the disk", "on a server"]) {
  for (const [form, written] of Object.entries(FORMS)) {
    test(`a list as ${form} ${place}: one that grew is read on, another in its place is an error, the old one is taken again`, async () => {
      const file = place === "on the disk" ? join(folder, `list.${form}`) : `${base}/list.${form}`;
      const old = rowsOf("old", 0, 2_500);
      put(file, written(old));
      const first = await list(file, 2);
      const at = first.length;
      assert.ok(at > 0 && at < old.length);
      const others = {
        "as long": rowsOf("new", 0, 2_500),
        longer: rowsOf("new", 0, 4_000),
        "one row less": old.slice(1),
      };
      for (const [what, rows] of Object.entries(others)) {
        put(file, written(rows));
        await assert.rejects(list(file), (error: Error) => {
          assert.ok(error.message.startsWith(`${file}: `), error.message);
          assert.match(
            error.message,
            /the addresses and captions before row \d+, .* put the old one back, or give the new one another/,
            what,
          );
          return true;
        });
      }
      put(file, written(rowsOf("old", 0, at - 1)));
      await assert.rejects(list(file), new RegExp(`list.${form}: it ends before row ${at}, where it was left`));
      put(file, written([...old, ...rowsOf("more", 0, 700)]));
      const more = await list(file, 1);
      put(file, written([...old, ...rowsOf("more", 0, 1_200)]));
      const rest = await list(file);
      assert.deepEqual([...first, ...more, ...rest], captionsOf([...old, ...rowsOf("more", 0, 1_200)]));
      assert.equal(marks(), 0, "what was read to its end needs no mark");
    });
  }
}

test("wherever a run stops, a list that is the same goes on", async () => {
  // Row groups of 7 rows are batches of 7: fewer than are looked at.
  for (const [form, body] of [
    ["parquet", parquet(rowsOf("old", 0, 50), 7)],
    ["csv", FORMS["csv"]?.(rowsOf("old", 0, 3_000)) ?? Buffer.alloc(0)],
  ] as const) {
    const whole = join(folder, `whole.${form}`);
    writeFileSync(whole, body);
    const expected = await list(whole);
    assert.ok(expected.length > 0);
    const file = join(folder, `piecemeal.${form}`);
    writeFileSync(file, body);
    const found: string[] = [];
    for (let piece = await list(file, 1); piece.length > 0; piece = await list(file, 1)) found.push(...piece);
    assert.deepEqual(found, expected);
  }
});

test("a position that an earlier version wrote has no mark: what is long enough is gone on with", async () => {
  const file = join(folder, "earlier.csv");
  const csv = FORMS["csv"] as (rows: readonly Row[]) => Buffer;
  writeFileSync(file, csv(rowsOf("old", 0, 2_500)));
  await list(file, 1);
  db.prepare("DELETE FROM meta WHERE key LIKE 'read of %'").run();
  writeFileSync(file, csv(rowsOf("new", 0, 900)));
  await assert.rejects(list(file), /it ends before row 1000/);
  writeFileSync(file, csv(rowsOf("new", 0, 2_500)));
  assert.deepEqual(await list(file, 1), captionsOf(rowsOf("new", 1_000, 2_000)));
  // And leaves the mark of a later version as it was, when it reads on in between.
  db.prepare("UPDATE list_position SET rows = 2100 WHERE file = ?").run(file);
  assert.deepEqual(await list(file), captionsOf(rowsOf("new", 2_100, 2_500)));
});

test("an archive: another in its place is an error, one that grew is read on", async () => {
  const random = generator(7);
  // Addresses that do not compress, so that the archive is of several windows.
  const archive = (name: string, pages: number) =>
    Buffer.concat(
      watMembers(
        Array.from({ length: pages }, (_, i) => ({
          uri: `https://a.example/${name}${i}/`,
          html: Buffer.from(
            `<img src="${Array.from({ length: 200 }, () => random().toString(36).slice(2)).join("")}" alt="${name} ${i}">`,
          ),
        })),
      ),
    );
  const [old, other] = [archive("old", 600), archive("new", 600)];
  const file = join(folder, "a.warc.wat.gz");
  const read = (batches?: number) => captions(readWat(db, http, file, "webimagetext", NEVER), batches);
  writeFileSync(file, old);
  const first = await read(1);
  assert.ok(first.length < 500);
  writeFileSync(file, other);
  await assert.rejects(read(), /a\.warc\.wat\.gz: no gzip member begins at byte \d+, .* put the old one back/);
  writeFileSync(file, Buffer.concat([old, other]));
  const names = (name: string) => Array.from({ length: 600 }, (_, i) => `${name} ${i}`);
  assert.deepEqual([...first, ...(await read())], [...names("old"), ...names("new")]);
});

test("an index of records: the same", async () => {
  const file = join(folder, "index.cdxj");
  const index = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${name} ${i} {"filename": 0}\n`).join("");
  const drops: string[] = [];
  const read = async (batches = Number.POSITIVE_INFINITY) => {
    for await (const batch of readCdx(db, http, file, COMMON_CRAWL, "webimagetext", NEVER)) {
      batch.done();
      drops.push(...batch.drops.map(({ example }) => example.replace(/^.*:/, "")));
      if (--batches === 0) break;
    }
  };
  writeFileSync(file, index("old", 50));
  await read(30);
  writeFileSync(file, index("new", 50));
  await assert.rejects(read(), /index\.cdxj: the lines before line 30/);
  writeFileSync(file, index("old", 29));
  await assert.rejects(read(), /index\.cdxj: it ends before line 30/);
  writeFileSync(file, index("old", 60));
  await read();
  assert.deepEqual(
    drops,
    Array.from({ length: 60 }, (_, i) => String(i + 1)),
  );
});

test("a folder: files that came before the position are an error, those behind it are read", async () => {
  const own = join(folder, "own");
  mkdirSync(own);
  const add = (name: string) => {
    writeFileSync(join(own, `${name}.jpg`), "picture");
    writeFileSync(join(own, `${name}.txt`), `Picture ${name}`);
  };
  const names = Array.from({ length: 1_200 }, (_, i) => `b${1_000 + i}`);
  for (const name of names) add(name);
  const read = (named: string, batches?: number) => captions(readFolder(db, named, NEVER), batches);
  const first = await read(own, 1);
  add("a");
  await assert.rejects(read(own), new RegExp(`^Error: ${own}: files before number 1000, .* as ${own}/\\., to have`));
  assert.equal((await read(`${own}/.`)).length, 1_201);
  for (const ending of ["jpg", "txt"]) rmSync(join(own, `a.${ending}`));
  add("c");
  const expected = [...names, "c"].map((name) => `Picture ${name}`);
  assert.deepEqual([...first, ...(await read(own))], expected);
});
