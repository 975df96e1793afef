import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bzip2Chunks, type Damage } from "../../queries/blocks.ts";
import { findLbzip2, unpackStreams, wholeStreams } from "../../queries/lbzip2.ts";
import { temporaryFolder } from "../folder.ts";
import { debianPackages } from "../servers/debian.ts";
import { bzip2, multistream, SAMPLE, unpack } from "./fixtures.ts";

const folder = temporaryFolder("lbzip2");
const xml = unpack(SAMPLE);
const packed = multistream(xml, 20);
const missing = debianPackages(["lbzip2"], () => findLbzip2() !== undefined);
const program = findLbzip2();
const skip = missing !== undefined && `lbzip2 is ${missing}`;

/** What is read of a file in parts of so many bytes, and whether lbzip2 is to be found. */
function read(file: string, step: number, path: string | undefined) {
  const before = process.env["PATH"];
  process.env["PATH"] = path ?? "";
  try {
    const { length } = readFileSync(file);
    const damages: Damage[] = [];
    const parts: string[] = [];
    for (let from = 0; from < length; from += step) {
      const hash = createHash("sha1");
      for (const chunk of bzip2Chunks(file, from, Math.min(length, from + step), (damage) => damages.push(damage))) {
        if (chunk?.beyond) break;
        hash.update(chunk?.text ?? "damage");
      }
      parts.push(hash.digest("hex"));
    }
    return { parts, damages };
  } finally {
    process.env["PATH"] = before;
  }
}

/** A byte changed in the middle of the third stream. */
function damaged(): Buffer {
  const copy = Buffer.from(packed);
  const third = copy.indexOf("BZh9", copy.indexOf("BZh9", copy.indexOf("BZh9", 4) + 4) + 4);
  copy[third + 20_000] = (copy[third + 20_000] ?? 0) ^ 0x20;
  return copy;
}

const FILES: [string, Buffer][] = [
  ["streams", packed],
  ["one stream", bzip2(xml)],
  ["a damaged stream", damaged()],
  ["what is no bzip2 between streams", Buffer.concat([packed, Buffer.from("no stream"), packed])],
  ["what is no bzip2 at the end", Buffer.concat([packed, Buffer.from("BZh no stream")])],
  ["an empty stream", Buffer.concat([packed, bzip2(Buffer.alloc(0)), packed])],
  ["a file cut short", packed.subarray(0, -2)],
];

for (const [index, [name, bytes]] of FILES.entries()) {
  test(`with lbzip2 and without, every part has the same text and the same damage: ${name}`, { skip }, () => {
    const file = join(folder, `${index}.bz2`);
    writeFileSync(file, bytes);
    for (const step of [bytes.length, 400_001])
      assert.deepEqual(read(file, step, process.env["PATH"]), read(file, step, undefined), String(step));
  });
}

test("whole streams end where the next begins, and not behind a gap or in a stream", { skip }, () => {
  assert.equal(wholeStreams(packed, 0, packed.length, true), packed.length);
  const last = packed.lastIndexOf("BZh9");
  assert.equal(wholeStreams(packed, 0, packed.length, false), last);
  assert.equal(wholeStreams(packed, 0, last - 1, false), packed.lastIndexOf("BZh9", last - 1));
  const gap = Buffer.concat([packed, Buffer.from("no stream"), packed]);
  assert.equal(wholeStreams(gap, 0, gap.length, true), last);
  assert.ok(unpackStreams(program ?? "", packed)?.equals(xml));
  assert.equal(unpackStreams(program ?? "", damaged()), undefined);
});
