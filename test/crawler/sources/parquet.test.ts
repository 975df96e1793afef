/** Parquet files with fat rows, odd types, nested columns and damage, written by pyarrow as far as it writes such. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HttpClient } from "../../../crawler/http.ts";
import { inputOf } from "../../../crawler/sources/input.ts";
import { parquetRows } from "../../../crawler/sources/rows-parquet.ts";
import { readUrlList } from "../../../crawler/sources/url-list.ts";
import { closeDatabase, type Database, openDatabase } from "../../../store/database.ts";
import { temporaryFolder } from "../../folder.ts";
import { generator } from "../../random.ts";
import { writeLists } from "./write-lists.ts";

const MIB = 1_048_576;
const folder = temporaryFolder("parquet");
const at = (name: string) => join(folder, name);
const http = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
let db: Database;

const WRITE = `
import json, os, sys
import pyarrow as pa, pyarrow.parquet as pq
os.chdir(sys.argv[1])
U = ['https://a.example/1.jpg', 'https://a.example/2.jpg']
T = ['A red apple', 'Ein Bär']
fat = pa.table(dict(url=[f'https://a.example/{i}.jpg' for i in range(70)], caption=[f'{i} ' + 'x' * (1 << 20) for i in range(70)]))
pq.write_table(fat, 'fat.parquet', use_dictionary=False, write_batch_size=4)
pq.write_table(fat, 'fat-page.parquet', use_dictionary=False)
pq.write_table(pa.table(dict(url=[1, 2], caption=T)), 'url-int.parquet')
pq.write_table(pa.table(dict(url=U, caption=[T, T])), 'caption-list.parquet')
pq.write_table(pa.table(dict(url=U, caption=[1.5, 2.5])), 'caption-double.parquet')
pq.write_table(pa.table(dict(url=[dict(a='x')] * 2, caption=T)), 'url-struct.parquet')
for name, kind in dict(binary=pa.binary(), large=pa.large_string(), dictionary=pa.dictionary(pa.int32(), pa.string())).items():
    table = pa.table(dict(url=pa.array([u.encode() for u in U] if name == 'binary' else U).cast(pa.binary() if name == 'binary' else kind), caption=pa.array([t.encode() for t in T] if name == 'binary' else T).cast(kind)))
    pq.write_table(table, name + '.parquet')
empty = pa.schema([('url', pa.string()), ('caption', pa.string())])
pq.write_table(empty.empty_table(), 'no-rows.parquet')
pq.ParquetWriter('no-groups.parquet', empty).close()
n = 3000
nested = pa.table(dict(
    url=[f'https://a.example/{i}.jpg' for i in range(n)], caption=[f'caption {i}' for i in range(n)],
    tags=[None if i % 7 == 0 else [f'tag {i} {j}' for j in range(i % 5)] for i in range(n)],
    boxes=[[[i + j / 4, float(k)] for k in range(j)] for i in range(n) for j in [i % 3]],
    parts=[None if i % 11 == 0 else dict(a=i, b=[dict(c=str(j)) for j in range(i % 4)]) for i in range(n)]))
json.dump(nested.to_pylist(), open('nested.json', 'w'))
for version in '1.0', '2.0':
    pq.write_table(nested, f'nested-{version}.parquet', row_group_size=1100, data_page_size=512, write_batch_size=16, data_page_version=version)
`;

before(() => {
  writeLists(WRITE, folder);
  db = openDatabase(folder);
});
after(async () => {
  closeDatabase(db);
  await http.close();
});

/** Rows as objects, and how many came at a time. */
async function rowsOf(name: string, columns: readonly string[], from = 0) {
  const rows: Record<string, unknown>[] = [];
  const counts: number[] = [];
  for await (const { first, count, column } of parquetRows(inputOf(at(name), http), from, () => columns)) {
    counts.push(count);
    for (let i = 0; i < count; i++) {
      const row = Object.fromEntries(columns.map((key) => [key, column(key)[i]]));
      if (first + i >= from) rows.push(row);
    }
  }
  return { rows, counts };
}

async function captionsOf(name: string): Promise<string[]> {
  const captions: string[] = [];
  for await (const { candidates } of readUrlList(db, http, { file: at(name) }, new AbortController().signal))
    captions.push(...candidates.map(({ caption }) => caption));
  return captions;
}

test("rows of a megabyte each come a few at a time", async () => {
  const { rows, counts } = await rowsOf("fat.parquet", ["url", "caption"]);
  assert.deepEqual(
    rows.map(({ caption }) => String(caption).length),
    Array.from({ length: 70 }, (_, i) => MIB + String(i).length + 1),
  );
  assert.ok(Math.max(...counts) <= 24, String(counts));
});

test("a page that would take too much memory is an error that says what to do", async () => {
  await assert.rejects(
    captionsOf("fat-page.parquet"),
    /fat-page\.parquet: column caption: the page at byte \d+ has 70 values of 73\d{6} bytes.*smaller pages/,
  );
});

for (const [name, message] of [
  ["url-int", /url-int\.parquet: column url holds INT64, no text: name another with --url-col/],
  ["caption-list", /caption-list\.parquet: column caption holds LIST, no text: name another with --caption-col/],
  ["caption-double", /caption-double\.parquet: column caption holds DOUBLE, no text/],
  ["url-struct", /url-struct\.parquet: column url holds records, no text/],
] as const)
  test(`${name}: the column, its type and the option are named`, () =>
    assert.rejects(captionsOf(`${name}.parquet`), message));

for (const name of ["binary", "large", "dictionary"])
  test(`text as pyarrow's ${name}`, async () =>
    assert.deepEqual(await captionsOf(`${name}.parquet`), ["A red apple", "Ein Bär"]));

for (const name of ["no-rows", "no-groups"])
  test(`${name}: a list without pairs`, async () => assert.deepEqual(await captionsOf(`${name}.parquet`), []));

for (const version of ["1.0", "2.0"]) {
  test(`nested columns over many pages and row groups, from any row on (pages ${version})`, async () => {
    const columns = ["parts", "url", "tags", "boxes"];
    const expected: Record<string, unknown>[] = JSON.parse(readFileSync(at("nested.json"), "utf8"));
    for (const from of [0, 1, 1_099, 1_100, 2_501, 2_999]) {
      const { rows, counts } = await rowsOf(`nested-${version}.parquet`, columns, from);
      // Of what is not there pyarrow says null, hyparquet undefined.
      const plain = JSON.parse(
        JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? Number(value) : (value ?? null))),
      );
      assert.deepEqual(
        plain,
        expected.slice(from).map((row) => Object.fromEntries(columns.map((key) => [key, row[key]]))),
      );
      assert.ok(counts.length < 6);
    }
  });
}

test("a record with 64-bit integers is kept as JSON", async () => {
  const options = { file: at("nested-1.0.parquet"), saveColumns: ["parts"] };
  for await (const { candidates } of readUrlList(db, http, options, new AbortController().signal)) {
    const kept = JSON.parse(JSON.stringify(candidates[1]?.origin?.columns));
    assert.deepEqual(kept, { parts: { a: 1, b: [{ c: "0" }] } });
    break;
  }
});

test("a footer that is encrypted, or missing: said with the file's name", async () => {
  const whole = readFileSync(at("binary.parquet"));
  writeFileSync(at("encrypted.parquet"), Buffer.concat([whole.subarray(0, -4), Buffer.from("PARE")]));
  await assert.rejects(captionsOf("encrypted.parquet"), /encrypted\.parquet: its footer is encrypted/);
  writeFileSync(at("cut.parquet"), whole.subarray(0, -50));
  await assert.rejects(captionsOf("cut.parquet"), /cut\.parquet: no Parquet file, or cut short/);
  const long = Buffer.from(whole);
  long.writeUInt32LE(whole.length, whole.length - 8);
  writeFileSync(at("long.parquet"), long);
  await assert.rejects(captionsOf("long.parquet"), /long\.parquet: its footer is damaged: it has \d+ bytes/);
});

test("a file with any byte damaged is read or is an error with its name", async () => {
  const whole = readFileSync(at("nested-1.0.parquet"));
  let errors = 0;
  const next = generator(1);
  const random = (n: number) => Math.floor(next() * n);
  const small = at("damaged.parquet");
  for (let i = 0; i < 150; i++) {
    const damaged = Buffer.from(whole);
    // Every other time in the last bytes, where the footer is.
    const where = i % 2 === 0 ? whole.length - 1 - random(2_000) : random(whole.length);
    damaged[where] = random(256);
    writeFileSync(small, damaged);
    try {
      await rowsOf("damaged.parquet", ["tags"], 2_990);
    } catch (error) {
      errors++;
      assert.ok((error as Error).message.startsWith(small), String(error));
    }
  }
  assert.ok(errors > 10, String(errors));
});
