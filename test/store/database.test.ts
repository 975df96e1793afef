import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import SQLite from "better-sqlite3";
import sharp from "sharp";
import { closeDatabase, databaseFile, openDatabase, openForReading } from "../../store/database.ts";
import { run, useShortList } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";

const folder = temporaryFolder("database");

async function crawlFolder(name: string) {
  const own = join(folder, "own");
  mkdirSync(own, { recursive: true });
  const picture = sharp({ create: { width: 90, height: 80, channels: 3, background: { r: 9, g: 99, b: 199 } } });
  writeFileSync(join(own, "a.jpg"), await picture.jpeg().toBuffer());
  writeFileSync(join(own, "a.txt"), "A brown bear in the snow");
  const data = join(folder, name);
  useShortList(data, ["bear"]);
  const ended = await run(["crawl", "--data", data, "--quiet", "--folder", own]);
  assert.equal(ended.code, 0, ended.error);
  return data;
}

function count(file: string, table: string): unknown {
  const db = new SQLite(file, { readonly: true });
  const n = db.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  db.close();
  return n;
}

test("a finished run leaves all it knows in the one file, in a form that needs no other file beside it", async () => {
  const file = databaseFile(await crawlFolder("whole"));
  assert.equal(existsSync(`${file}-wal`), false);
  // Bytes 18 and 19 of a file that needs a log, and a folder that can be written even for reading, are 2.
  assert.deepEqual([...readFileSync(file).subarray(18, 20)], [1, 1]);
  const copy = join(folder, "copy.sqlite");
  copyFileSync(file, copy);
  assert.equal(count(copy, "pair WHERE state = 'kept'"), 1);
});

test("the file is whole also when another program has it open all the while", async () => {
  const data = await crawlFolder("read");
  const reader = openForReading(data);
  reader.prepare("SELECT * FROM pair").all();
  const { code, error } = await run(["remove", "--data", data, "--host", "a.example", "--quiet"]);
  assert.equal(code, 0, error);
  const copy = join(folder, "copy-read.sqlite");
  copyFileSync(databaseFile(data), copy);
  assert.equal(count(copy, "removed"), 1);
  reader.close();
});

test("a read that goes on when a run begins is named, not left as a locked database", () => {
  const data = join(folder, "long");
  closeDatabase(openDatabase(data));
  const reader = openForReading(data);
  reader.exec("BEGIN");
  reader.prepare("SELECT * FROM meta").all();
  assert.throws(() => openDatabase(data), /wit\.sqlite is being read by another program/);
  reader.close();
});
