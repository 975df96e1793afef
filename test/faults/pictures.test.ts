import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { openForReading } from "../../store/database.ts";
import { run, useShortList } from "../cli.ts";
import { photo } from "../filters/image/photo.ts";
import { temporaryFolder } from "../folder.ts";
import { type FileServer, serveFiles } from "../servers/files.ts";
import { PICTURE_FAULTS } from "./broken-pictures.ts";

/**
 * Faults 30 to 34: hostile and broken pictures, all in one crawl by the real program, with good ones between them.
 * (35, a decoder that dies or spins, is in test/filters/image/decoders.test.ts.)
 */

const data = temporaryFolder("faults");
let server: FileServer;
before(async () => {
  const files = new Map(PICTURE_FAULTS.map(({ bytes }, i) => [`/${i}.jpg`, { type: "image/jpeg", bytes }]));
  for (const i of PICTURE_FAULTS.keys())
    files.set(`/good-${i}.jpg`, {
      type: "image/jpeg",
      bytes: await photo(100 + i, 90, 90)
        .jpeg()
        .toBuffer(),
    });
  server = await serveFiles(files);
  const list = join(data, "list.csv");
  const rows = [...files.keys()].map((path) => `http://127.0.0.1:${server.port}${path},a boat called ${path}`);
  writeFileSync(list, `url,caption\n${rows.join("\n")}\n`);
  writeFileSync(join(data, "limits.tsv"), "127.0.0.0/8\t0\t10000\t8\n");
  useShortList(data, ["boat"]);
  const ended = await run([
    ...["crawl", "--data", data, "--quiet", "--urls", list],
    ...["--allow-private", "127.0.0.0/8", "--host-limits", join(data, "limits.tsv")],
  ]);
  assert.equal(ended.code, 0, ended.error);
});
after(() => server.close());

interface Row {
  state: string;
  reason: string | null;
  detail: string | null;
  file: string;
  offset: number;
  bytes: number;
}

function pairOf(path: string): Row {
  const db = openForReading(data);
  const row = db.prepare<[string], Row>("SELECT * FROM pair WHERE image_url LIKE '%' || ?").get(path);
  db.close();
  assert.ok(row, path);
  return row;
}

for (const [i, { fault, name, reason }] of PICTURE_FAULTS.entries()) {
  test(`${fault}: ${name}: ${reason ?? "kept, made anew"}`, async () => {
    const row = pairOf(`/${i}.jpg`);
    assert.equal(row.reason ?? undefined, reason, row.detail ?? "");
    assert.equal(row.state, reason ? "dropped" : "kept");
    if (reason) return;
    const stored = readFileSync(join(data, row.file)).subarray(row.offset, row.offset + row.bytes);
    const { format, icc, exif, xmp } = await sharp(stored).metadata();
    assert.deepEqual([format, icc, exif, xmp], ["jpeg", undefined, undefined, undefined]);
    for (const hidden of ["script", "hidden", "PK\x03\x04"]) assert.ok(!stored.includes(hidden), hidden);
  });
}

test("the good pictures between them are all kept, and every pair is accounted for", () => {
  for (const i of PICTURE_FAULTS.keys()) assert.equal(pairOf(`/good-${i}.jpg`).state, "kept");
  const db = openForReading(data);
  const states = db
    .prepare<[], { state: string; n: number }>("SELECT state, count(*) AS n FROM pair GROUP BY state")
    .all();
  assert.equal(
    states.reduce((sum, { n }) => sum + n, 0),
    2 * PICTURE_FAULTS.length,
  );
  assert.deepEqual(states.map(({ state }) => state).sort(), ["dropped", "kept"]);
  db.close();
});
