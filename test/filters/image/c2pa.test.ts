/**
 * Training and mining assertions of Content Credentials. The files are made here, box by box as ISO/IEC 19566-5 and the C2PA
 * specification describe them, around pictures that sharp writes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { c2paOptOut } from "../../../filters/image/c2pa.ts";
import { readCbor } from "../../../filters/image/cbor.ts";
import type { ImageError } from "../../../filters/image/image-error.ts";
import { makePicture } from "../../../filters/image/picture.ts";
import { USUAL } from "./options.ts";
import { photo } from "./photo.ts";

type Uses = Record<string, string>;

function box(type: string, ...content: Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  const all = Buffer.concat(content);
  head.writeUInt32BE(all.length + 8);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, all]);
}

/** A superbox: its type is four letters and the rest of ISO's base UUID; the label can be asked for (toggles 3). */
function superbox(type: string, label: string, ...content: Buffer[]): Buffer {
  const uuid = Buffer.concat([Buffer.from(type), Buffer.from("00110010800000aa00389b71", "hex")]);
  return box("jumb", box("jumd", uuid, Buffer.from([3]), Buffer.from(`${label}\0`)), ...content);
}

/** CBOR of objects, lists, texts and small numbers, as RFC 8949 has it. */
function cbor(value: unknown): Buffer {
  const head = (major: number, length: number) =>
    length < 24 ? Buffer.from([(major << 5) | length]) : Buffer.from([(major << 5) | 25, length >> 8, length & 255]);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === "number") return head(0, value);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  const entries = Object.entries(value as object);
  return Buffer.concat([head(5, entries.length), ...entries.flatMap(([key, one]) => [cbor(key), cbor(one)])]);
}

/** A manifest with a thumbnail-sized assertion before the one that matters. */
function manifest(name: string, label: string, uses: Uses, form: "cbor" | "json" = "cbor"): Buffer {
  const prefix = label.split(".")[0];
  const entries = Object.fromEntries(Object.entries(uses).map(([key, use]) => [`${prefix}.${key}`, { use }]));
  const content = form === "cbor" ? cbor({ entries }) : Buffer.from(JSON.stringify({ entries }));
  return superbox(
    "c2ma",
    name,
    superbox(
      "c2as",
      "c2pa.assertions",
      superbox("cbor", "c2pa.actions", box("cbor", cbor({ actions: [{ action: "c2pa.created" }] }))),
      superbox("@\xcb\x0c2".slice(0, 4), "c2pa.thumbnail.claim.jpeg", box("bidb", Buffer.alloc(100_000, 7))),
      superbox(form, label, box(form, content)),
    ),
    superbox("c2cl", "c2pa.claim", box("cbor", cbor({ dc: "x" }))),
  );
}

function store(...manifests: Buffer[]): Buffer {
  return superbox("c2pa", "c2pa", ...manifests);
}

/** In pieces of at most 60,000 bytes, each with the head of the box again (ISO/IEC 18477-3). */
function intoJpeg(jpeg: Buffer, jumbf: Buffer): Buffer {
  const segments: Buffer[] = [];
  const head = jumbf.subarray(0, 8);
  for (let at = 8, piece = 1; at < jumbf.length; at += 60_000, piece++) {
    const data = jumbf.subarray(at, at + 60_000);
    const lead = Buffer.alloc(12);
    lead.writeUInt16BE(0xffeb, 0);
    lead.writeUInt16BE(2 + 8 + 8 + data.length, 2);
    lead.write("JP", 4, "latin1");
    lead.writeUInt16BE(1, 6);
    lead.writeUInt32BE(piece, 8);
    segments.push(lead, head, data);
  }
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

function intoPng(png: Buffer, jumbf: Buffer): Buffer {
  const chunk = Buffer.concat([Buffer.from("caBX"), jumbf]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(jumbf.length);
  sum.writeUInt32BE(crc32(chunk));
  return Buffer.concat([png.subarray(0, 33), length, chunk, sum, png.subarray(33)]);
}

function intoWebp(webp: Buffer, jumbf: Buffer): Buffer {
  const head = Buffer.from("C2PA\0\0\0\0", "latin1");
  head.writeUInt32LE(jumbf.length, 4);
  const whole = Buffer.concat([webp, head, jumbf, Buffer.alloc(jumbf.length % 2)]);
  whole.writeUInt32LE(whole.length - 8, 4);
  return whole;
}

/** At the end of the file, so that no offset in it moves. */
function intoAvif(avif: Buffer, jumbf: Buffer): Buffer {
  const uuid = Buffer.from("d8fec3d61b0e483c92975828877ec481", "hex");
  return Buffer.concat([avif, box("uuid", uuid, Buffer.alloc(4), Buffer.from("manifest\0"), Buffer.alloc(8), jumbf)]);
}

/** An application extension in blocks of at most 255 bytes, before the first frame. */
function intoGif(gif: Buffer, jumbf: Buffer): Buffer {
  const colours = ((gif[10] ?? 0) & 0x80) === 0 ? 0 : 3 * 2 ** (((gif[10] ?? 0) & 7) + 1);
  const blocks: Buffer[] = [Buffer.from("\x21\xff\x0bC2PA_GIF\x01\0\0", "latin1")];
  for (let at = 0; at < jumbf.length; at += 255) {
    const data = jumbf.subarray(at, at + 255);
    blocks.push(Buffer.from([data.length]), data);
  }
  return Buffer.concat([gif.subarray(0, 13 + colours), ...blocks, Buffer.alloc(1), gif.subarray(13 + colours)]);
}

const picture = photo(5, 120, 90);
const jpeg = await picture.clone().jpeg().toBuffer();
const FILES = {
  jpeg: (jumbf: Buffer) => intoJpeg(jpeg, jumbf),
  png: async (jumbf: Buffer) => intoPng(await picture.clone().png().toBuffer(), jumbf),
  webp: async (jumbf: Buffer) => intoWebp(await picture.clone().webp().toBuffer(), jumbf),
  gif: async (jumbf: Buffer) => intoGif(await picture.clone().gif().toBuffer(), jumbf),
  avif: async (jumbf: Buffer) => intoAvif(await picture.clone().avif({ effort: 0 }).toBuffer(), jumbf),
};

test("a picture that its credentials reserve is dropped before it is decoded, in each format; or only noted", async () => {
  const jumbf = store(manifest("urn:uuid:1", "cawg.training-mining", { ai_training: "notAllowed" }));
  for (const [format, into] of Object.entries(FILES)) {
    const bytes = await into(jumbf);
    await assert.rejects(makePicture(bytes, USUAL), (error: ImageError) => {
      assert.equal(error.reason, "opt_out_metadata", format);
      assert.deepEqual(error.optOut, ["cawg.training-mining ai_training: notAllowed"], format);
      return true;
    });
    const { optOut, width } = await makePicture(bytes, { ...USUAL, optOut: "record" });
    assert.deepEqual([width, optOut], [120, ["cawg.training-mining ai_training: notAllowed"]], format);
  }
});

const C2PA = "c2pa.training-mining";
const SAID: [string, Buffer, string[]][] = [
  [
    "every use",
    store(
      manifest("a", C2PA, {
        ai_generative_training: "notAllowed",
        ai_inference: "notAllowed",
        ai_training: "notAllowed",
        data_mining: "notAllowed",
      }),
    ),
    ["data_mining: notAllowed", "ai_training: notAllowed", "ai_generative_training: notAllowed"],
  ],
  ["allowed", store(manifest("a", C2PA, { ai_training: "allowed", data_mining: "allowed" })), []],
  ["constrained", store(manifest("a", C2PA, { data_mining: "constrained" })), ["data_mining: constrained"]],
  ["inference only", store(manifest("a", C2PA, { ai_inference: "notAllowed" })), []],
  ["in JSON", store(manifest("a", C2PA, { ai_training: "notAllowed" }, "json")), ["ai_training: notAllowed"]],
  ["a second instance", store(manifest("a", `${C2PA}__1`, { ai_training: "notAllowed" })), ["ai_training: notAllowed"]],
  ["another assertion", store(manifest("a", "c2pa.training-mining-notes", { ai_training: "notAllowed" })), []],
  [
    "a later manifest is silent: the earlier one holds",
    store(manifest("a", C2PA, { ai_training: "notAllowed" }), manifest("b", "c2pa.metadata", { x: "y" })),
    ["ai_training: notAllowed"],
  ],
  [
    "a later manifest allows what it mentions",
    store(
      manifest("a", C2PA, { ai_training: "notAllowed", data_mining: "notAllowed" }),
      manifest("b", C2PA, { ai_training: "allowed" }),
    ),
    ["data_mining: notAllowed"],
  ],
  ["not a use", store(manifest("a", C2PA, { ai_training: "perhaps" })), []],
];

for (const [name, jumbf, expected] of SAID)
  test(`what credentials say: ${name}`, () => {
    const found = c2paOptOut(intoJpeg(jpeg, jumbf), "jpeg").map((signal) => signal.replace(/^\S+ /, ""));
    assert.deepEqual(found, expected);
  });

test("broken credentials tell nothing, stop nothing, and hide nothing that came before", async () => {
  const good = store(manifest("a", C2PA, { ai_training: "notAllowed" }));
  const whole = intoJpeg(jpeg, good);
  for (let length = 0; length < whole.length; length += 61) c2paOptOut(whole.subarray(0, length), "jpeg");
  for (let at = 0; at < good.length; at += at < 600 ? 1 : 997) {
    const broken = Buffer.from(good);
    broken[at] = (broken[at] ?? 0) ^ 0xff;
    c2paOptOut(intoJpeg(jpeg, broken), "jpeg");
  }
  let nested: Buffer = Buffer.alloc(0);
  for (let i = 0; i < 5000; i++) nested = superbox("c2as", "x", nested);
  assert.deepEqual(c2paOptOut(intoJpeg(jpeg, nested), "jpeg"), []);
  assert.throws(() => readCbor(Buffer.alloc(100, 0x81)), /deep/);
  assert.throws(() => readCbor(Buffer.from("9a7fffffff", "hex")), /cut|long/);
  const both = store(
    manifest("a", C2PA, { ai_training: "notAllowed" }),
    superbox("c2ma", "b", superbox("cbor", C2PA, box("cbor", Buffer.from([0xbf, 0x61])))),
  );
  assert.deepEqual(c2paOptOut(intoJpeg(jpeg, both), "jpeg"), [`${C2PA} ai_training: notAllowed`]);
  assert.equal((await makePicture(intoJpeg(jpeg, Buffer.from("no box at all, just text")), USUAL)).width, 120);
});

test("CBOR: the examples of RFC 8949, appendix A, that credentials use", () => {
  for (const [hex, value] of [
    ["1903e8", 1000],
    ["1b000000e8d4a51000", 1_000_000_000_000],
    ["3863", -100],
    ["f4", false],
    ["f6", null],
    ["c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"],
    ["62c3bc", "ü"],
    ["83010203", [1, 2, 3]],
    ["9f018202039f0405ffff", [1, [2, 3], [4, 5]]],
    ["a26161016162820203", { a: 1, b: [2, 3] }],
    ["bf61610161629f0203ffff", { a: 1, b: [2, 3] }],
    ["7f657374726561646d696e67ff", "streaming"],
  ] as const)
    assert.deepEqual(readCbor(Buffer.from(hex, "hex")), value, hex);
});
