import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import tar from "tar-stream";
import { closeDatabase, type Database, openDatabase, setMeta } from "../../store/database.ts";
import { pairId } from "../../store/pair-id.ts";
import { finishSwap, writeShards } from "../../store/shards.ts";
import { PlaceReader, Spool } from "../../store/spool.ts";
import { temporaryFolder } from "../folder.ts";

const OPTIONS = { seed: 0, shardSize: 4 };

/** A workspace with `count` downloaded pairs, inserted in the given order. */
function workspace(count: number, turned = false): { data: string; db: Database } {
  const data = temporaryFolder("shards");
  const db = openDatabase(data);
  db.exec(
    "INSERT INTO query (id, term, source, wiki_count, score) VALUES (0, 'cat', 'unigram', 5, 1), (1, 'a cat', 'synset', 0, 0)",
  );
  addPairs(
    db,
    data,
    turned ? Array.from({ length: count }, (_, i) => count - 1 - i) : Array.from({ length: count }, (_, i) => i),
  );
  return { data, db };
}

function addPairs(db: Database, data: string, numbers: number[]): void {
  const spool = new Spool(data);
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, caption, kind, source, host, state, queries, chosen_for, width, height, original_width, original_height, sha256, file, offset, bytes, extension)
     VALUES (@id, @url, @caption, 'alt', 'web', 'h', 'chosen', '[0,1]', '[0]', 1, 1, 1, 1, @sha256, @file, @offset, @bytes, 'jpg')`,
  );
  for (const i of numbers) {
    const url = `http://h/${i}.png`;
    const caption = `a cat “${i}”\\'`;
    const image = Buffer.from(`picture ${i} `.repeat(100 + i));
    insert.run({
      id: pairId(url, caption),
      url,
      caption,
      sha256: createHash("sha256").update(image).digest("hex"),
      ...spool.append(image),
    });
  }
  spool.sync();
  spool.close();
}

async function members(file: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const extract = tar.extract();
  extract.on("entry", (header, stream, next) => {
    const chunks: Buffer[] = [];
    stream
      .on("data", (chunk) => chunks.push(chunk as Buffer))
      .on("end", () => {
        found.set(header.name, Buffer.concat(chunks));
        next();
      });
  });
  await new Promise((resolve, reject) =>
    extract
      .on("finish", () => resolve(undefined))
      .on("error", reject)
      .end(readFileSync(file)),
  );
  return found;
}

test("tar, Parquet and rows agree; every picture lies where its row says", async () => {
  const { data, db } = workspace(10);
  const counts = await writeShards(db, data, OPTIONS, () => {});
  assert.deepEqual([counts.shards, counts.pairs, counts.changed], [3, 10, true]);
  const reader = new PlaceReader(data);
  const rows = db
    .prepare<
      [],
      {
        id: string;
        state: string;
        shard: string;
        key: string;
        caption: string;
        file: string;
        offset: number;
        bytes: number;
      }
    >("SELECT * FROM pair")
    .all();
  for (const row of rows) {
    assert.equal(row.state, "kept");
    const tarball = await members(join(data, `shards/${row.shard}.tar`));
    assert.deepEqual(tarball.get(`${row.key}.jpg`), reader.read(row));
    assert.equal(tarball.get(`${row.key}.txt`)?.toString(), row.caption);
    const json = JSON.parse(tarball.get(`${row.key}.json`)?.toString() ?? "");
    assert.deepEqual(
      [json.id, json.caption, json.queries, json.chosen_for, json.licence],
      [row.id, row.caption, ["cat", "a cat"], ["cat"], null],
    );
    const table = await parquetReadObjects({
      file: await asyncBufferFromFile(join(data, `shards/${row.shard}.parquet`)),
    });
    assert.deepEqual(
      table.find(({ key }) => key === row.key),
      json,
    );
  }
  for (const { shard, bytes, sha256 } of db
    .prepare<[], { shard: string; bytes: number; sha256: string }>("SELECT * FROM shard_stats")
    .all()) {
    const file = readFileSync(join(data, `shards/${shard}.tar`));
    assert.equal(file.length, bytes);
    assert.equal(createHash("sha256").update(file).digest("hex"), sha256);
  }
  assert.equal(existsSync(join(data, "spool")), false);
  assert.deepEqual(db.prepare("SELECT kept, downloaded FROM query ORDER BY id").raw().all(), [
    [10, 10],
    [0, 0],
  ]);
  closeDatabase(db);
});

test("the same set gives the same bytes in any order of arrival, and nothing is written twice", async () => {
  const [one, two] = [workspace(9), workspace(9, true)];
  await writeShards(one.db, one.data, OPTIONS, () => {});
  await writeShards(two.db, two.data, OPTIONS, () => {});
  assert.deepEqual(one.db.prepare("SELECT * FROM shard").all(), two.db.prepare("SELECT * FROM shard").all());
  assert.equal((await writeShards(one.db, one.data, OPTIONS, () => {})).changed, false);
  const seeded = workspace(9);
  await writeShards(seeded.db, seeded.data, { ...OPTIONS, seed: 1 }, () => {});
  assert.notDeepEqual(
    one.db.prepare("SELECT sha256 FROM shard").all(),
    seeded.db.prepare("SELECT sha256 FROM shard").all(),
  );
  for (const { db } of [one, two, seeded]) closeDatabase(db);
});

test("pairs that leave and pairs that come: the set is written anew from the old shards", async () => {
  const { data, db } = workspace(9);
  await writeShards(db, data, OPTIONS, () => {});
  db.exec("UPDATE pair SET state = 'reserve', chosen_for = NULL WHERE image_url = 'http://h/3.png'");
  addPairs(db, data, [9, 10]);
  const counts = await writeShards(db, data, OPTIONS, () => {});
  assert.deepEqual([counts.pairs, counts.changed], [10, true]);
  assert.deepEqual(db.prepare("SELECT file, shard, key FROM pair WHERE state = 'reserve'").all(), [
    { file: null, shard: null, key: null },
  ]);
  const other = workspace(0);
  addPairs(other.db, other.data, [10, 9, 8, 7, 6, 5, 4, 2, 1, 0]);
  await writeShards(other.db, other.data, OPTIONS, () => {});
  assert.deepEqual(db.prepare("SELECT * FROM shard").all(), other.db.prepare("SELECT * FROM shard").all());
  closeDatabase(db);
  closeDatabase(other.db);
});

test("a swap that was cut at any step is completed", async () => {
  for (const cut of ["before renaming", "between the renames", "after renaming"]) {
    const { data, db } = workspace(5);
    await writeShards(db, data, OPTIONS, () => {});
    addPairs(db, data, [5]);
    await writeShards(db, data, OPTIONS, () => {});
    // Rebuild what a kill would have left: rows committed, folders not yet in place.
    setMeta(db, "swap", "pending");
    if (cut !== "after renaming") renameSync(join(data, "shards"), join(data, "shards.next"));
    finishSwap(db, data);
    assert.equal(readdirSync(join(data, "shards")).filter((name) => name.endsWith(".tar")).length, 2, cut);
    assert.equal((await writeShards(db, data, OPTIONS, () => {})).changed, false);
    closeDatabase(db);
  }
});
