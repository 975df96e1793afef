import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bzip2Chunks, type Damage, isBzip2, plainChunks } from "../../queries/blocks.ts";
import { findMark } from "../../queries/bzip2.ts";
import { Pages, readSiteInfo } from "../../queries/pages.ts";
import { temporaryFolder } from "../folder.ts";
import { bzip2, fixture, multistream, SAMPLE, unpack } from "./fixtures.ts";

const folder = temporaryFolder("blocks");
const packed = readFileSync(SAMPLE);
const xml = unpack(SAMPLE);
const plain = join(folder, "plain.xml");
writeFileSync(plain, xml);
const streams = join(folder, "streams.xml.bz2");
writeFileSync(streams, multistream(xml, 20));

/** Every page of a file, read in parts of so many bytes. */
function pagesOf(file: string, step: number, damages: Damage[] = []): { pages: string[]; broken: number } {
  const { length } = readFileSync(file);
  const pages: string[] = [];
  let broken = 0;
  for (let from = 0; from < length; from += step) {
    const to = Math.min(length, from + step);
    const reader = new Pages();
    const chunks = isBzip2(file)
      ? bzip2Chunks(file, from, to, (damage) => damages.push(damage))
      : plainChunks(file, from, to);
    for (const page of reader.read(chunks)) {
      const text = createHash("sha1").update(reader.bytes.subarray(page.start, page.end)).digest("hex");
      pages.push([page.title, page.namespace, page.redirect, text].join("|"));
    }
    broken += reader.broken;
  }
  return { pages, broken };
}

test("the sample decodes to the bytes that bzip2 makes of it", () => {
  assert.equal(
    createHash("sha256").update(xml).digest("hex"),
    "34c1c63050c87cc8477b9ae36b1cb0edf372612c92938b742e579a7109c20fa4",
  );
});

test("blocks of all sizes, long runs, incompressible and empty inputs come back as they were", () => {
  const noise = Buffer.alloc(250_000);
  for (let i = 0, state = 1; i < noise.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    noise[i] = state >>> 16;
  }
  const inputs = [noise, Buffer.alloc(3_000_000, "a"), Buffer.alloc(0), Buffer.from("a"), xml.subarray(0, 700_000)];
  for (const level of [1, 9]) {
    for (const [index, input] of inputs.entries()) {
      const file = join(folder, `${level}-${index}.bz2`);
      writeFileSync(file, bzip2(input, level));
      assert.ok(unpack(file).equals(input), `${level}-${index}`);
    }
  }
});

test("every page belongs to exactly one part, wherever a file is cut", () => {
  const whole = pagesOf(plain, xml.length).pages;
  assert.equal(whole.length, 206);
  for (const [file, steps] of [
    [plain, [700_001, 50_021]],
    [SAMPLE, [packed.length, 200_003]],
    [streams, [1_000_000, 90_001]],
  ] as const)
    for (const step of steps) assert.deepEqual(pagesOf(file, step), { pages: whole, broken: 0 }, `${file} by ${step}`);
});

test("a damaged block is told with its offset and costs only the pages it cuts", () => {
  const whole = pagesOf(SAMPLE, packed.length).pages;
  const third = nthBlock(packed, 3);
  const damaged = Buffer.from(packed);
  const at = third + 60_000;
  damaged[at] = (damaged[at] ?? 0) ^ 0x10;
  const file = join(folder, "damaged.bz2");
  writeFileSync(file, damaged);
  for (const step of [packed.length, 200_003]) {
    const damages: Damage[] = [];
    const { pages, broken } = pagesOf(file, step, damages);
    assert.equal(damages.length, 1);
    assert.deepEqual({ ...damages[0], reason: "" }, { offset: third, reason: "", file });
    assert.match(damages[0]?.reason ?? "", /damaged block|checksum is wrong|cut short/);
    assert.equal(broken, 1);
    assert.ok(pages.length > 150 && pages.length < whole.length, String(pages.length));
    assert.deepEqual(
      pages,
      whole.filter((page) => pages.includes(page)),
    );
  }
});

test("a file that is cut short is told, and what is whole is read", () => {
  const file = join(folder, "cut.bz2");
  const last = nthBlock(packed, 6);
  for (const length of [last + 1_000, last + 3]) {
    writeFileSync(file, packed.subarray(0, length));
    const damages: Damage[] = [];
    const { pages } = pagesOf(file, length, damages);
    assert.deepEqual(
      damages.map(({ offset }) => offset),
      [last],
    );
    assert.ok(pages.length > 100);
  }
  // In the end mark: all blocks are whole.
  writeFileSync(file, packed.subarray(0, packed.length - 2));
  const damages: Damage[] = [];
  assert.equal(pagesOf(file, packed.length, damages).pages.length, 206);
  assert.match(damages[0]?.reason ?? "", /cut short/);
});

test("what is no bzip2 between or behind streams is told", () => {
  const file = join(folder, "garbage.bz2");
  writeFileSync(file, Buffer.concat([packed, Buffer.from("no stream"), bzip2(xml.subarray(-100_000))]));
  const damages: Damage[] = [];
  pagesOf(file, 10_000_000, damages);
  assert.deepEqual(damages, [{ offset: packed.length, reason: "no bzip2 stream begins here", file }]);
});

test("a dump's head gives language, main page and the names of its namespaces", () => {
  const english = readSiteInfo(xml.subarray(0, 10_000));
  assert.equal(english.language, "en");
  assert.equal(english.mainPage, "Main Page");
  assert.deepEqual([english.files, english.categories], [["File"], ["Category"]]);
  assert.ok(english.namespaces.includes("User talk") && !english.namespaces.includes(""));
  const bulgarian = unpack(fixture("bgwiki-sample.xml.bz2")).toString("utf16le");
  const info = readSiteInfo(Buffer.from(bulgarian));
  assert.equal(info.language, "bg");
  assert.equal(info.mainPage, "Начална страница");
  assert.deepEqual([info.files, info.categories], [["Файл"], ["Категория"]]);
});

/** The byte in which the n-th block begins. */
function nthBlock(bytes: Uint8Array, n: number): number {
  let bit = 0;
  for (let i = 1; ; i++) {
    const mark = findMark(bytes, bit);
    assert.ok(mark);
    if (i === n) return Math.floor(mark.bit / 8);
    bit = mark.bit + 1;
  }
}
