import assert from "node:assert/strict";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { HttpClient } from "../../../crawler/http.ts";
import { expandNames } from "../../../crawler/sources/input.ts";
import type { Batch } from "../../../crawler/sources/source.ts";
import { readUrlList, type UrlListOptions } from "../../../crawler/sources/url-list.ts";
import { closeDatabase, type Database, openDatabase } from "../../../store/database.ts";
import { temporaryFolder } from "../../folder.ts";

const http = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
after(() => http.close());
const NEVER = new AbortController().signal;
const folder = () => temporaryFolder("list");

async function read(db: Database, options: UrlListOptions, batches = Number.POSITIVE_INFINITY): Promise<Batch[]> {
  const read: Batch[] = [];
  for await (const batch of readUrlList(db, http, options, NEVER)) {
    batch.done();
    if (batch.candidates.length + batch.drops.length > 0) read.push(batch);
    if (read.length >= batches) break;
  }
  return read;
}

const rowsOf = (batches: Batch[]) =>
  batches.flatMap(({ candidates }) => candidates.map(({ imageUrl, caption }) => [imageUrl, caption]));
const dropsOf = (batches: Batch[]) =>
  batches.flatMap(({ drops }) => drops.map(({ reason, example }) => `${reason} ${example.replace(/^.*\//, "")}`));

const EXPECTED = [
  ["http://a.example/1.jpg", "A red apple, on a table"],
  ["http://a.example/2.jpg", 'He said "hello"'],
];

/** Python's bz2 of the csv below. */
const BZ2 = Buffer.from(
  "QlpoOTFBWSZTWcb4KFAAADtfiQASUAXwECZkFsA299xAAAiAAKAAdQ1RpkMjQBpo0AYQEqnqNGp6no0NEwABBokD1F2yLdhekhu2QiU4yPVrB9VZ4KxQjROCW6ohZozU7PSbKSHvgC4+YLcBBzQsKaEFDjRIOYdETYHhf0XHBGTDDvt38XckU4UJDG+ChQA=",
  "base64",
);

test("csv, tsv, json, jsonl and parquet, plain and compressed, with the usual column names", async () => {
  const data = folder();
  const db = openDatabase(data);
  const csv =
    '\ufeffURL,WIDTH,TEXT\r\nhttp://a.example/1.jpg,10,"A red apple, on a table"\r\nhttp://a.example/2.jpg,10,"He said ""hello"""\r\n';
  const tsv =
    'id\timage_url\tcaption\n1\thttp://a.example/1.jpg\tA red apple, on a table\n2\thttp://a.example/2.jpg\tHe said "hello"\n';
  const jsonl = EXPECTED.map(([url, caption]) => `${JSON.stringify({ url, caption, extra: 1 })}\n`).join("");
  const parquet = parquetWriteBuffer({
    columnData: [
      { name: "url", data: EXPECTED.map(([url]) => url), type: "STRING" },
      { name: "alt_text", data: EXPECTED.map(([, caption]) => caption), type: "STRING" },
    ],
  });
  for (const [name, bytes] of [
    ["a.csv", csv],
    ["a.csv.gz", gzipSync(csv)],
    ["a.tsv", tsv],
    ["a.csv.zst", zstdCompressSync(csv)],
    ["a.csv.bz2", BZ2],
    ["a.jsonl", jsonl],
    ["a.json", JSON.stringify(EXPECTED.map(([url, caption]) => ({ url, caption })))],
    ["b.json", JSON.stringify({ info: { n: 2 }, annotations: EXPECTED.map(([url, caption]) => ({ url, caption })) })],
    [
      "sbu.json",
      JSON.stringify({ image_urls: EXPECTED.map(([url]) => url), captions: EXPECTED.map(([, text]) => text) }),
    ],
    ["a.jsonl.gz", gzipSync(jsonl)],
    ["a.parquet", new Uint8Array(parquet)],
  ] as const) {
    const file = join(data, name);
    writeFileSync(file, bytes);
    assert.deepEqual(rowsOf(await read(db, { file })), EXPECTED, name);
    assert.deepEqual(await read(db, { file }), [], `${name} is done`);
  }
  closeDatabase(db);
});

test("rows that cannot be used are counted with file and line", async () => {
  const data = folder();
  const db = openDatabase(data);
  writeFileSync(
    join(data, "b.csv"),
    "url,caption\nhttp://a.example/1.jpg,one\nnot an address,two\nhttp://a.example/3.jpg,\nhttp://a.example/4.jpg\nhttp://a.example/5.jpg,five\n",
  );
  const csv = await read(db, { file: join(data, "b.csv") });
  assert.deepEqual(
    rowsOf(csv).map(([, caption]) => caption),
    ["one", "five"],
  );
  assert.deepEqual(dropsOf(csv), ["bad_url b.csv:3", "no_text b.csv:4", "bad_row b.csv:5"]);
  writeFileSync(
    join(data, "b.jsonl"),
    '{"url":"http://a.example/1.jpg","text":"one"}\n{"url":\n[1]\n{"url":"http://a.example/4.jpg","text":null}\n',
  );
  const jsonl = await read(db, { file: join(data, "b.jsonl") });
  assert.deepEqual(dropsOf(jsonl), ["bad_row b.jsonl:2", "bad_row b.jsonl:3", "no_text b.jsonl:4"]);
  closeDatabase(db);
});

test("a list goes on behind the last row that was written", async () => {
  const data = folder();
  const db = openDatabase(data);
  const file = join(data, "c.tsv");
  writeFileSync(
    file,
    `url\tcaption\n${Array.from({ length: 2_500 }, (_, i) => `http://a.example/${i}.jpg\tcaption ${i}\n`).join("")}`,
  );
  const first = rowsOf(await read(db, { file }, 1));
  const rest = rowsOf(await read(db, { file }));
  assert.equal(first.length, 1_000);
  assert.deepEqual(
    [...first, ...rest].map(([, caption]) => caption),
    Array.from({ length: 2_500 }, (_, i) => `caption ${i}`),
  );
  closeDatabase(db);
});

test("columns by name; missing ones, odd names and missing files are said", async () => {
  const data = folder();
  const db = openDatabase(data);
  const file = join(data, "d.csv");
  writeFileSync(file, "src,words\nhttp://a.example/1.jpg,one\n");
  await assert.rejects(read(db, { file }), /d\.csv: no column url or .*; it has src, words: name one with --url-col/);
  await assert.rejects(read(db, { file, urlColumn: "src" }), /--caption-col/);
  assert.deepEqual(rowsOf(await read(db, { file, urlColumn: "src", captionColumn: "words" })), [
    ["http://a.example/1.jpg", "one"],
  ]);
  await assert.rejects(read(db, { file: join(data, "e.xml") }), /expected a name ending in \.csv/);
  await assert.rejects(read(db, { file: join(data, "e.csv") }), /e\.csv: ENOENT/);
  await assert.rejects(read(db, { file: join(data, "e.parquet") }), /e\.parquet: ENOENT/);
  writeFileSync(join(data, "f.parquet"), "no parquet");
  await assert.rejects(read(db, { file: join(data, "f.parquet") }), /f\.parquet: /);
  closeDatabase(db);
});

test("names: patterns, ranges, brackets of a file's own; those that name nothing are said", () => {
  const data = folder();
  const at = (name: string) => join(data, name);
  for (const name of ["part-1.csv", "part-2.csv", "odd[1].csv"]) writeFileSync(at(name), "");
  assert.deepEqual(expandNames([at("part-*.csv")], "--urls"), [at("part-1.csv"), at("part-2.csv")]);
  assert.deepEqual(expandNames(["s3://b/{08..10}.csv"], "--urls"), ["s3://b/08.csv", "s3://b/09.csv", "s3://b/10.csv"]);
  assert.deepEqual(expandNames([at("odd[1].csv")], "--urls"), [at("odd[1].csv")]);
  assert.throws(() => expandNames([at("x*.csv")], "--urls"), /--urls .*x\*\.csv: fits no file/);
  assert.throws(
    () => expandNames(["https://a.example/{3..1}.csv"], "--urls"),
    /--urls .*\{3\.\.1\}\.csv: the range is empty/,
  );
});

test("a line of 200 MB, with or without an end, is one bad row with its number; its memory stays small", async () => {
  const data = folder();
  const db = openDatabase(data);
  const row = (i: number) => `${JSON.stringify({ url: `http://a.example/${i}.jpg`, caption: `An apple ${i}` })}\n`;
  const block = "x".repeat(1_048_576);
  for (const [name, end] of [
    ["ended.jsonl", `"}\n${row(2)}`],
    ["endless.jsonl", ""],
  ] as const) {
    const file = join(data, name);
    writeFileSync(file, `${row(1)}{"url":"http://a.example/long.jpg","caption":"`);
    for (let i = 0; i < 200; i++) appendFileSync(file, block);
    appendFileSync(file, end);
    const before = process.memoryUsage().rss;
    const batches = await read(db, { file });
    assert.ok(process.memoryUsage().rss - before < 300e6);
    assert.deepEqual(dropsOf(batches), [`bad_row ${name}:2`]);
    assert.equal(rowsOf(batches).length, end === "" ? 1 : 2);
  }
  closeDatabase(db);
});
