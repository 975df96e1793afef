import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import type { ImageReason } from "../../filters/image/image-error.ts";
import { photo } from "../filters/image/photo.ts";

/** A picture that is broken, huge or not what it says, and how its pair must end. */
export interface PictureFault {
  /** Number in the list of faults. */
  fault: number;
  name: string;
  bytes: Buffer;
  /** Undefined when the picture is kept. */
  reason: ImageReason | undefined;
}

const jpeg = await photo(1, 320, 240).jpeg({ quality: 85 }).toBuffer();
const png = await photo(2, 320, 240).png().toBuffer();
const webp = await photo(3, 320, 240).webp({ quality: 80 }).toBuffer();
const gif = await photo(4, 96, 96).gif().toBuffer();

const text = (lines: string) => Buffer.from(lines, "latin1");

function pngChunk(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length);
  head.write(type, 4, "latin1");
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), body])));
  return Buffer.concat([head, body, sum]);
}

/** A black PNG of one bit a pixel; only its first 1,000 rows are there, which the header does not tell. */
function bomb(side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side);
  header.writeUInt32BE(side, 4);
  header[8] = 1;
  const rows = deflateSync(Buffer.alloc(1000 * (1 + side / 8)));
  return Buffer.concat([
    png.subarray(0, 8),
    pngChunk("IHDR", header),
    pngChunk("IDAT", rows),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A GIF of `count` equal frames. */
function frames(count: number): Buffer {
  // After screen descriptor and colour table: the frame (extensions included) up to the trailer.
  const table = 13 + 3 * 2 ** (((gif[10] ?? 0) & 7) + 1);
  const frame = Buffer.from([0x21, 0xf9, 4, 0, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
  return Buffer.concat([gif.subarray(0, table), ...Array.from({ length: count }, () => frame), text(";")]);
}

/** A JPEG segment after the start marker. */
function withSegments(marker: number, bodies: readonly Buffer[]): Buffer {
  const segments = bodies.map((body) => {
    const head = Buffer.from([0xff, marker, 0, 0]);
    head.writeUInt16BE(body.length + 2, 2);
    return Buffer.concat([head, body]);
  });
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

/** An ICC profile of noise in as many segments as it needs (ICC.1, annex B.4). */
function withProfile(bytes: number): Buffer {
  const size = 60_000;
  const count = Math.ceil(bytes / size);
  return withSegments(
    0xe2,
    Array.from({ length: count }, (_, i) =>
      Buffer.concat([text("ICC_PROFILE\0"), Buffer.from([i + 1, count]), Buffer.alloc(size, i)]),
    ),
  );
}

function changed(bytes: Buffer, at: number, ...values: number[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const [i, value] of values.entries()) copy[at + i] = value;
  return copy;
}

/** A PNG with one more chunk before its data. */
const withChunk = (chunk: Buffer) => Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);

const ENTITY =
  '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg" width="200" height="200"><text>&x;</text></svg>';
const LAUGHS = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "ha">${"bcdefghij".replace(/./g, (c, i) => `<!ENTITY ${c} "${`&${"abcdefghi"[i]};`.repeat(10)}">`)}]><svg><text>&j;</text></svg>`;

/** Faults 30 to 34. */
export const PICTURE_FAULTS: readonly PictureFault[] = [
  { fault: 30, name: "png of 50,000 x 50,000 zeros", bytes: bomb(50_000), reason: "too_many_pixels" },
  { fault: 30, name: "gif of 65,535 frames", bytes: frames(65_535), reason: "animated" },
  { fault: 30, name: "animated webp", bytes: await animation("webp"), reason: "animated" },
  {
    fault: 30,
    name: "animated png",
    bytes: withChunk(pngChunk("acTL", Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]))),
    reason: "animated",
  },
  { fault: 30, name: "jpeg that says 65,000 x 65,000", bytes: hugeJpeg(), reason: "too_many_pixels" },
  { fault: 31, name: "jpeg cut in the middle", bytes: jpeg.subarray(0, jpeg.length / 2), reason: "undecodable" },
  { fault: 31, name: "jpeg cut in its header", bytes: jpeg.subarray(0, 100), reason: "undecodable" },
  { fault: 31, name: "png cut in the middle", bytes: png.subarray(0, png.length / 2), reason: "undecodable" },
  {
    fault: 31,
    name: "png with a wrong checksum",
    bytes: changed(png, png.length - 20, 1, 2, 3, 4),
    reason: "undecodable",
  },
  { fault: 31, name: "webp cut in the middle", bytes: webp.subarray(0, webp.length / 2), reason: "undecodable" },
  { fault: 31, name: "gif cut in the middle", bytes: gif.subarray(0, gif.length / 2), reason: "undecodable" },
  { fault: 31, name: "zeros", bytes: Buffer.alloc(10_000), reason: "undecodable" },
  { fault: 32, name: "jpeg with 10 MB of broken ICC profile", bytes: withProfile(10_000_000), reason: undefined },
  { fault: 32, name: "jpeg with a small broken ICC profile", bytes: withProfile(60_000), reason: undefined },
  {
    fault: 32,
    name: "jpeg with 10 MB of EXIF",
    bytes: withSegments(
      0xe1,
      Array.from({ length: 160 }, () => Buffer.concat([text("Exif\0\0"), Buffer.alloc(65_000, 7)])),
    ),
    reason: undefined,
  },
  {
    fault: 32,
    name: "png with 10 MB of XMP",
    bytes: withChunk(
      pngChunk("iTXt", Buffer.concat([text("XML:com.adobe.xmp\0\0\0\0\0<rdf:RDF>"), Buffer.alloc(10_000_000, "<a>")])),
    ),
    reason: undefined,
  },
  { fault: 33, name: "svg with an external entity", bytes: text(ENTITY), reason: "unsupported_format" },
  { fault: 33, name: "svg of a billion laughs", bytes: text(LAUGHS), reason: "unsupported_format" },
  {
    fault: 33,
    name: "svg that shows a local file",
    bytes: text(
      '<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><image href="file:///etc/passwd"/></svg>',
    ),
    reason: "unsupported_format",
  },
  {
    fault: 34,
    name: "gif that is a script",
    bytes: Buffer.concat([gif, text("/*<script>alert(1)</script>*/")]),
    reason: undefined,
  },
  {
    fault: 34,
    name: "jpeg that is a zip",
    bytes: Buffer.concat([jpeg, text("PK\x03\x04"), Buffer.alloc(500, "hidden.txt")]),
    reason: undefined,
  },
  { fault: 34, name: "tiff called jpg", bytes: await photo(5, 80, 80).tiff().toBuffer(), reason: "unsupported_format" },
  {
    fault: 34,
    name: "psd called jpg",
    bytes: Buffer.concat([text("8BPS\0\x01"), Buffer.alloc(200)]),
    reason: "unsupported_format",
  },
  {
    fault: 34,
    name: "eps called jpg",
    bytes: text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"),
    reason: "unsupported_format",
  },
  { fault: 34, name: "pdf called jpg", bytes: text("%PDF-1.7\n1 0 obj\n"), reason: "unsupported_format" },
  { fault: 34, name: "web page called jpg", bytes: text("<!doctype html><title>gone</title>"), reason: "undecodable" },
];

async function animation(format: "webp"): Promise<Buffer> {
  const pages = await Promise.all([6, 7].map((seed) => photo(seed, 96, 96).png().toBuffer()));
  return sharp(pages, { join: { animated: true } })
    .toFormat(format)
    .toBuffer();
}

/** The start-of-frame segment holds height and width after its precision. */
function hugeJpeg(): Buffer {
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  return changed(jpeg, frame + 5, 0xfd, 0xe8, 0xfd, 0xe8);
}
