import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PictureFile } from "../../../crawler/ranks/picture-file.ts";
import { PlaceReader } from "../../../store/spool.ts";
import { temporaryFolder } from "../../folder.ts";

const folder = temporaryFolder("picture-file");

const pictureOf = (i: number, bytes: number) => Buffer.alloc(bytes, `picture ${i} `);

test("pictures from more files than are kept open, small ones and ones beyond the buffer, stand one after the other", () => {
  const sizes = Array.from({ length: 600 }, (_, i) => (i % 100 === 50 ? 1_500_000 : 1 + 37 * i));
  for (const [i, bytes] of sizes.entries())
    writeFileSync(join(folder, `${i}.pack`), Buffer.concat([Buffer.from("before"), pictureOf(i, bytes)]));
  const reader = new PlaceReader(folder);
  const all = new PictureFile(join(folder, "all.bin"));
  const offsets = sizes.map((bytes, i) => all.add(reader, { file: `${i}.pack`, offset: 6, bytes }));
  all.close();
  const written = readFileSync(join(folder, "all.bin"));
  for (const [i, bytes] of sizes.entries()) {
    const offset = offsets[i] ?? -1;
    assert.ok(pictureOf(i, bytes).equals(written.subarray(offset, offset + bytes)), `picture ${i}`);
    assert.ok(pictureOf(i, bytes).equals(reader.read({ file: `${i}.pack`, offset: 6, bytes })), `picture ${i} again`);
  }
  assert.equal(
    written.length,
    sizes.reduce((sum, bytes) => sum + bytes, 0),
  );
  assert.equal(all.size, written.length);
  assert.throws(() => reader.read({ file: "1.pack", offset: 6, bytes: 39 }), /1\.pack: ends before byte 45/);
  reader.close();
});
