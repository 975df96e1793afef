import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import sharp from "sharp";
import { HttpClient } from "../../../crawler/http.ts";
import { readUrlList } from "../../../crawler/sources/url-list.ts";
import { cleanCaption } from "../../../filters/caption/clean.ts";
import type { Database } from "../../../store/database.ts";
import { dataCard, hubLicence } from "../../../store/export/card.ts";
import { exportTo } from "../../../store/export/export.ts";
import { removePairs } from "../../../store/remove.ts";
import { PlaceReader } from "../../../store/spool.ts";
import { collectStats } from "../../../store/stats.ts";
import { addDroppedHostile, builtWorkspace, SCRIPT } from "../built-workspace.ts";

interface Kept {
  id: string;
  image_url: string;
  caption: string;
  key: string;
  shard: string;
  file: string;
  offset: number;
  bytes: number;
  sha256: string;
}

const keptOf = (db: Database) =>
  db.prepare<[], Kept>("SELECT * FROM pair WHERE state = 'kept' ORDER BY shard, key").all();
const readParquet = async (file: string) => parquetReadObjects({ file: await asyncBufferFromFile(file), utf8: false });

test("hf: a Parquet a shard with pictures, captions and lists, typed for the datasets library, and a card", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const kept = keptOf(db);
  const folder = join(data, "export/hf");
  assert.equal(await exportTo("hf", db, data, folder, () => {}), kept.length);
  const files = readdirSync(join(folder, "data")).sort();
  assert.equal(files.length, new Set(kept.map(({ shard }) => shard)).size);
  const rows = (await Promise.all(files.map((name) => readParquet(join(folder, "data", name))))).flat();
  assert.deepEqual(
    rows.map(({ id, caption, url }) => [id, caption, url]),
    kept.map((row) => [row.id, row.caption, row.image_url]),
  );
  const reader = new PlaceReader(data);
  for (const [i, row] of rows.entries()) {
    const image = row["image"] as { bytes: Uint8Array; path: string };
    const place = kept[i];
    assert.ok(place && Buffer.from(image.bytes).equals(reader.read(place)));
    assert.ok((Array.isArray(row["queries"]) && row["queries"].includes("cat")) || row["caption"] === SCRIPT);
  }
  reader.close();
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(join(folder, "data", files[0] ?? "")));
  const told = JSON.parse(metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value ?? "{}");
  assert.deepEqual(told.info.features.image, { _type: "Image" });
  assert.match(readFileSync(join(folder, "README.md"), "utf8"), /^---\nlicense: other\n/);
});

test("the card is filled from the run and nothing found on the web is markup in it", async (t) => {
  const { db, data } = await builtWorkspace(t);
  addDroppedHostile(db);
  const [victim] = keptOf(db);
  assert.ok(victim);
  await removePairs(db, data, [{ kind: "pair", value: victim.id }], { dryRun: false, progress: () => {} });
  const stats = collectStats(db, { top: 25 });
  const card = dataCard(stats, stats.states.kept);
  assert.match(card, /creativecommons\.org\/licenses\/by\/4\.0\/ \| \d+ \|/);
  assert.match(card, /unknown \| \d+ \|/);
  assert.match(card, /meta robots: noai \| 1 \| 0 \|/);
  assert.match(card, /\n1 pair taken down on request/);
  assert.match(card, /`not_english` [^|]+ \| 2 \|/);
  assert.doesNotMatch(card, /NaN|undefined|\[object/);
  const rest = card.split("\n").filter((line) => line.includes("alert"));
  assert.ok(rest.length > 0);
  for (const line of rest) assert.doesNotMatch(line, /(?<!\\)[<>]/);
});

test("licences by the names the hub has for them", () => {
  assert.equal(hubLicence("https://creativecommons.org/licenses/by-nc-sa/4.0/deed.en"), "cc-by-nc-sa-4.0");
  assert.equal(hubLicence("http://creativecommons.org/publicdomain/zero/1.0/"), "cc0-1.0");
  assert.equal(hubLicence("all rights reserved"), undefined);
});

test("parquet and img2dataset: every kept pair once, with what is needed to fetch it again", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const kept = keptOf(db);
  for (const format of ["parquet", "img2dataset"] as const) {
    const folder = join(data, "export", format);
    await exportTo(format, db, data, folder, () => {});
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, "pairs.parquet")) });
    assert.deepEqual(
      rows.map(({ id, url, caption, sha256 }) => [id, url, caption, sha256]),
      kept.map((row) => [row.id, row.image_url, row.caption, row.sha256]),
    );
  }
});

test("our own crawl takes up the list of addresses again", async (t) => {
  const { db, data } = await builtWorkspace(t);
  await exportTo("img2dataset", db, data, join(data, "list"), () => {});
  const http = new HttpClient({ userAgent: "test", allowPrivate: [], resolve: [] });
  t.after(() => http.close());
  const found: unknown[] = [];
  const file = join(data, "list/pairs.parquet");
  for await (const { candidates } of readUrlList(db, http, { file }, new AbortController().signal))
    found.push(...candidates.map(({ imageUrl, caption, checksum }) => [imageUrl, caption, checksum]));
  assert.deepEqual(
    found,
    keptOf(db).map((row) => [row.image_url, cleanCaption(row.caption), `sha256:${row.sha256}`]),
  );
});

test("coco and fiftyone: pictures as files, captions that point to them", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const kept = keptOf(db);
  await exportTo("coco", db, data, join(data, "coco"), () => {});
  const coco = JSON.parse(readFileSync(join(data, "coco/captions.json"), "utf8"));
  assert.deepEqual([coco.images.length, coco.annotations.length], [kept.length, kept.length]);
  const licences = new Set(coco.licenses.map(({ id }: { id: number }) => id));
  for (const [i, image] of coco.images.entries()) {
    assert.equal(coco.annotations[i].image_id, image.id);
    assert.equal(coco.annotations[i].caption, kept[i]?.caption);
    assert.ok(licences.has(image.license));
    const { width, height } = await sharp(join(data, "coco/images", image.file_name)).metadata();
    assert.deepEqual([width, height], [image.width, image.height]);
  }
  await exportTo("fiftyone", db, data, join(data, "fiftyone"), () => {});
  const { samples } = JSON.parse(readFileSync(join(data, "fiftyone/samples.json"), "utf8"));
  assert.deepEqual(
    samples.map((sample: { caption: string }) => sample.caption),
    kept.map(({ caption }) => caption),
  );
  for (const { filepath } of samples) assert.ok(existsSync(join(data, "fiftyone", filepath)));
});

test("an export stands there whole or not at all, replaces only exports, and can be made again", async (t) => {
  const { db, data } = await builtWorkspace(t);
  const folder = join(data, "out");
  mkdirSync(folder);
  writeFileSync(join(folder, "thesis.txt"), "mine");
  await assert.rejects(
    exportTo("parquet", db, data, folder, () => {}),
    /holds something that is no export/,
  );
  assert.deepEqual(readdirSync(folder), ["thesis.txt"]);
  const other = join(data, "other");
  const cut = () => {
    throw new Error("disk full");
  };
  await assert.rejects(exportTo("coco", db, data, other, cut), /disk full/);
  assert.deepEqual(
    readdirSync(data).filter((name) => name.startsWith("other")),
    [],
  );
  for (let i = 0; i < 2; i++) await exportTo("parquet", db, data, other, () => {});
  await exportTo("coco", db, data, other, () => {});
  assert.deepEqual(readdirSync(other).sort(), ["captions.json", "images", "webimagetext-export.json"]);
});

test("the command writes into DATA/export and refuses other forms", async (t) => {
  const { data } = await builtWorkspace(t);
  const run = promisify(execFile);
  const args = ["cli.ts", "export", "--data", data, "--quiet", "--to"];
  assert.match((await run(process.execPath, [...args, "parquet"])).stdout, /export\/parquet \(\d+ pairs\)/);
  await assert.rejects(run(process.execPath, [...args, "tfrecord"]), { code: 2 });
});
