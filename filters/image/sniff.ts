import { ImageError } from "./image-error.ts";

/** Formats that are taken. */
export type SourceFormat = "jpeg" | "png" | "gif" | "webp" | "avif";

/**
 * The format by its first bytes, whatever the server calls it.
 * @throws ImageError for formats that are not taken (vectors, documents, camera formats), for animations that show in the
 *   first bytes, and for what is no picture.
 */
export function sniff(bytes: Buffer): SourceFormat {
  const head = bytes.subarray(0, 1024).toString("latin1");
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) {
    if (isAnimatedPng(bytes)) throw new ImageError("animated", "an animated png");
    return "png";
  }
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "webp";
  if (head.slice(4, 8) === "ftyp" && head.slice(8, 12) === "avis") throw new ImageError("animated", "an avif sequence");
  if (head.slice(4, 8) === "ftyp" && /^(avif|mif1)/.test(head.slice(8, 12))) return "avif";
  for (const [name, beginning] of REFUSED) if (beginning.test(head)) throw new ImageError("unsupported_format", name);
  throw new ImageError("undecodable", `no picture: begins with ${JSON.stringify(head.slice(0, 16))}`);
}

/** Formats that are pictures, but none for a data set of photographs and drawings, or a risk to decode. */
const REFUSED: readonly [string, RegExp][] = [
  ["svg", /<svg[\s>]/i],
  ["svg", /<!DOCTYPE\s+svg/i],
  ["pdf", /^%PDF/],
  ["eps", /^%!PS/],
  ["tiff", /^(II\*\0|MM\0\*)/],
  ["bmp", /^BM[\s\S]{4}\0\0\0\0/],
  ["psd", /^8BPS/],
  ["ico", /^\0\0\x01\0/],
  ["jpeg-xl", /^(\xff\x0a|\0\0\0\x0cJXL )/],
  ["jpeg-2000", /^(\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/],
  ["heic", /^[\s\S]{4}ftyp(heic|heix|hevc)/],
];

/** An animation control chunk stands before the first data chunk (APNG 1.0); libvips would show the first frame only. */
function isAnimatedPng(bytes: Buffer): boolean {
  for (let at = 8; at + 8 <= bytes.length; ) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (type === "acTL") return true;
    if (type === "IDAT") return false;
    at += 12 + bytes.readUInt32BE(at);
  }
  return false;
}
