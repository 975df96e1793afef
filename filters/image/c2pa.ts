/**
 * What a picture's Content Credentials say about training: the assertion `c2pa.training-mining` (C2PA specification 1.x) or
 * `cawg.training-mining` (CAWG Training and Data Mining Assertion 1.1). Signatures are not checked: an opt-out needs no proof.
 */
import { readCbor } from "./cbor.ts";
import type { SourceFormat } from "./sniff.ts";

const ASSERTION = /^(?:c2pa|cawg)\.training-mining(?:\.v\d+)?(?:__\d+)?$/;
/** Uses of this data set. `ai_inference` is none; training of generators is: nobody knows what a model made of it is used for. */
const USES = ["data_mining", "ai_training", "ai_generative_training"];
/** A store holds thumbnails of all earlier versions; the boxes asked for are small. */
const MAX_STORE_BYTES = 16 * 1024 * 1024;
const MAX_DEPTH = 8;
/** Of the box in AVIF (C2PA specification, "Embedding manifests into BMFF-based assets"). */
const BMFF_UUID = Buffer.from("d8fec3d61b0e483c92975828877ec481", "hex");

/**
 * @returns a signal for each use that is reserved: not allowed, or allowed under constraints, which nobody reads for us. Of several
 * manifests a later one speaks for what it mentions. Nothing throws: broken credentials tell nothing.
 */
export function c2paOptOut(bytes: Buffer, format: SourceFormat): string[] {
  const uses = new Map<string, { label: string; use: string }>();
  try {
    for (const store of manifestStores(bytes, format)) {
      walk(store, 0, (label, type, content) => {
        if (!ASSERTION.test(label)) return;
        const assertion = type === "cbor" ? readCbor(content) : JSON.parse(content.toString("utf8"));
        for (const [entry, use] of entriesOf(assertion)) uses.set(entry.replace(/^\w+\./, ""), { label, use });
      });
    }
  } catch {
    // What was read before the damage counts.
  }
  return USES.flatMap((entry) => {
    const found = uses.get(entry);
    return found && found.use !== "allowed" ? [`${found.label} ${entry}: ${found.use}`] : [];
  });
}

/** `{"entries": {"c2pa.ai_training": {"use": "notAllowed"}}}` */
function* entriesOf(assertion: unknown): Generator<[entry: string, use: string]> {
  const entries = (assertion as { entries?: Record<string, { use?: unknown } | null> } | null)?.entries;
  for (const [entry, value] of Object.entries(entries ?? {})) {
    const use = value?.use;
    if (use === "allowed" || use === "notAllowed" || use === "constrained") yield [entry, use];
  }
}

/** The JUMBF of a file, put together from the places that its format has for it. */
function* manifestStores(bytes: Buffer, format: SourceFormat): Generator<Buffer> {
  if (format === "jpeg") yield* jpegStores(bytes);
  if (format === "gif") yield* gifStores(bytes);
  if (format === "png" || format === "webp") {
    const name = format === "png" ? "caBX" : "C2PA";
    for (const [type, data] of chunks(bytes, format)) if (type === name) yield data;
  }
  if (format === "avif") {
    for (const [type, data] of boxes(bytes)) {
      if (type !== "uuid" || !data.subarray(0, 16).equals(BMFF_UUID)) continue;
      // After version and flags the purpose, which ends with a zero, and for a manifest the place of the next hash.
      const purpose = data.toString("latin1", 20, Math.min(data.length, 60)).split("\0")[0] ?? "";
      if (purpose === "manifest" || purpose === "original" || purpose === "update")
        yield data.subarray(20 + purpose.length + 1 + 8);
    }
  }
}

/**
 * APP11 segments (ISO/IEC 18477-3): "JP", the number of the box, the number of the piece, and the head of the box, which each piece
 * repeats.
 */
function jpegStores(bytes: Buffer): Buffer[] {
  const found = new Map<number, Buffer[]>();
  let total = 0;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++; // A fill byte.
      continue;
    }
    if (marker === 0xda || marker === 0xd9) break; // Pixels, or the end.
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (marker === 0xeb && end <= bytes.length && end - at >= 20 && bytes.toString("latin1", at + 4, at + 6) === "JP") {
      const box = bytes.readUInt16BE(at + 6);
      const pieces = found.get(box) ?? [];
      const head = bytes.readUInt32BE(at + 12) === 1 ? 16 : 8;
      pieces.push(bytes.subarray(at + 12 + (pieces.length === 0 ? 0 : head), end));
      total += end - at;
      if (total > MAX_STORE_BYTES) break;
      found.set(box, pieces);
    }
    at = end;
  }
  return [...found.values()].map((pieces) => Buffer.concat(pieces));
}

/** Application extensions before the first frame, in blocks that say their length in a byte. */
function* gifStores(bytes: Buffer): Generator<Buffer> {
  const flags = bytes[10] ?? 0;
  let at = 13 + ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  while (bytes[at] === 0x21) {
    const blocks: Buffer[] = [];
    at += 2;
    for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
      blocks.push(bytes.subarray(at + 1, at + 1 + length));
      at += 1 + length;
    }
    at++;
    if (blocks[0]?.toString("latin1", 0, 8) === "C2PA_GIF") yield Buffer.concat(blocks.slice(1));
  }
}

/** Chunks of PNG (length, type, data, checksum) or of RIFF (type, length in the other byte order, data, even). */
function* chunks(bytes: Buffer, format: "png" | "webp"): Generator<[type: string, data: Buffer]> {
  const png = format === "png";
  for (let at = png ? 8 : 12; at + 8 <= bytes.length; ) {
    const length = png ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at + 4);
    yield [bytes.toString("latin1", png ? at + 4 : at, png ? at + 8 : at + 4), bytes.subarray(at + 8, at + 8 + length)];
    at += 8 + length + (png ? 4 : length % 2);
  }
}

/** Boxes of the ISO base media format, which JUMBF has too: length with its own eight bytes, type, content. */
function* boxes(bytes: Buffer): Generator<[type: string, content: Buffer]> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    let length = bytes.readUInt32BE(at);
    let head = 8;
    if (length === 1 && at + 16 <= bytes.length) {
      length = Number(bytes.readBigUInt64BE(at + 8));
      head = 16;
    } else if (length === 0) {
      length = bytes.length - at; // To the end.
    }
    if (length < head) return;
    yield [type, bytes.subarray(at + head, Math.min(at + length, bytes.length))];
    at += length;
  }
}

/** Visits the contents of all boxes with a label (ISO/IEC 19566-5: `jumb` holds a description `jumd`, then its content). */
function walk(bytes: Buffer, depth: number, visit: (label: string, type: string, content: Buffer) => void): void {
  if (depth > MAX_DEPTH) return;
  for (const [type, content] of boxes(bytes)) {
    if (type !== "jumb") continue;
    let label = "";
    for (const [inner, data] of boxes(content)) {
      // A type of 16 bytes, then a byte of which the second bit says that a label follows, which ends with a zero.
      if (inner === "jumd" && ((data[16] ?? 0) & 2) !== 0) label = data.toString("utf8", 17).split("\0")[0] ?? "";
      else if (inner === "cbor" || inner === "json") visit(label, inner, data);
    }
    walk(content, depth + 1, visit);
  }
}
