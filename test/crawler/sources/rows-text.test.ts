import assert from "node:assert/strict";
import { test } from "node:test";
import type { Input } from "../../../crawler/sources/input.ts";
import { tabRows } from "../../../crawler/sources/rows-text.ts";

/** A file that comes in pieces of so many bytes. */
function inputOf(bytes: Buffer, piece: number): Input {
  return {
    name: "list.tsv",
    size: async () => bytes.length,
    read: async (start, end) => bytes.subarray(start, end),
    stream: async function* (start = 0) {
      for (let at = start; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
    },
  };
}

/** Each row as its place, address and caption, or as its place alone when it could not be read. */
async function rowsOf(bytes: Buffer, piece = 1_000_000): Promise<string[]> {
  const found: string[] = [];
  for await (const rows of tabRows(inputOf(bytes, piece), () => ["url", "caption"])) {
    const [urls, captions] = [rows.column("url"), rows.column("caption")];
    for (let i = 0; i < rows.count; i++)
      found.push(`${rows.place(i)} ${rows.bad(i) ? "bad" : `${urls[i]} ${JSON.stringify(captions[i])}`}`);
  }
  return found;
}

const LIST =
  'url\twidth\tcaption\nhttp://a/1\t10\ta "dog\n\nhttp://a/2\t10\nhttp://a/3\t10\tcafé 犬\t\nhttp://a/4\t\t\rx\nhttp://a/5\t5\t';
const ROWS = [
  'list.tsv:2 http://a/1 "a \\"dog"',
  "list.tsv:4 bad",
  "list.tsv:5 bad",
  'list.tsv:6 http://a/4 "\\rx"',
  'list.tsv:7 http://a/5 ""',
];

test("rows of a tsv file are the same however its bytes arrive", async () => {
  for (const text of [LIST, `${LIST}\n`, `\ufeff${LIST}`])
    for (const piece of [3, 4, 5, 7, 11, 1_000]) assert.deepEqual(await rowsOf(Buffer.from(text), piece), ROWS);
});

test("all lines of a tsv file end as its first one does", async () => {
  for (const [text, rows] of [
    ["url\tcaption\r\nhttp://a/1\ta\nb\r\nhttp://a/2\tc", ['2 http://a/1 "a\\nb"', '3 http://a/2 "c"']],
    ["url\tcaption\rhttp://a/1\ta\rb\rhttp://a/2\tc\r", ['2 http://a/1 "a"', "3 bad", '4 http://a/2 "c"']],
  ] as const) {
    const expected = rows.map((row) => `list.tsv:${row}`);
    for (const piece of [3, 12, 13, 14, 1_000]) assert.deepEqual(await rowsOf(Buffer.from(text), piece), expected);
  }
});

test("a tsv file may be UTF-16 with its mark", async () => {
  const bytes = Buffer.from("\ufeffurl\tcaption\r\nhttp://a/1\tcafé 犬\r\n", "utf16le");
  for (const piece of [3, 5, 1_000]) assert.deepEqual(await rowsOf(bytes, piece), ['list.tsv:2 http://a/1 "café 犬"']);
});

test("a tsv file whose lines do not end is told by its name", async () => {
  const bytes = Buffer.alloc(18 * 1_048_576, "x");
  bytes.write("url\tcaption\n");
  await assert.rejects(rowsOf(bytes), /^Error: list\.tsv byte 12: a line of more than 16777216 bytes/);
});
