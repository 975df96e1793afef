import sharp, { type Metadata, type Sharp } from "sharp";
import type { Profile } from "../profiles.ts";
import { c2paOptOut } from "./c2pa.ts";
import { type Embedded, readEmbedded } from "./embedded.ts";
import { ImageError } from "./image-error.ts";
import { lumaOf, perceptualHash } from "./perceptual-hash.ts";
import { keptRatioSize, type Resize, resizeOptions, type StoredFormat } from "./resize.ts";
import { type SourceFormat, sniff } from "./sniff.ts";
import { shrinkJpeg } from "./turbo-jpeg.ts";

/** What the stored picture looks like, and what may become one. */
export interface PictureOptions {
  profile: Profile;
  resize: Resize;
  format: StoredFormat;
  /** 1 to 100, of JPEG and WebP; PNG has none. */
  quality: number;
  /** What to do with a picture whose metadata reserves it: leave it, or only record that. */
  optOut: "obey" | "record";
}

/** A picture as it goes into a shard. */
export interface Picture extends Embedded {
  image: Buffer;
  extension: StoredFormat;
  width: number;
  height: number;
  /** As sent, turned upright. */
  originalWidth: number;
  originalHeight: number;
  /** As sent. */
  format: SourceFormat;
  /** See perceptual-hash.ts. */
  phash: string | null;
}

// One thread a picture: pictures are worked on side by side, and libvips' own threads would only fight them.
sharp.concurrency(1);
sharp.cache(false);

// The profile's own limit gives the reason; libvips' is switched off so that it does not speak first.
const INPUT = { failOn: "error", limitInputPixels: false, sequentialRead: true } as const;

/**
 * Checks a picture by its header, then decodes it whole, turns it upright, brings it to sRGB on white, to size and to the
 * stored format. Nothing of the file as sent goes on: what hides behind or inside the picture ends here.
 * @throws ImageError with the drop reason.
 */
export async function makePicture(bytes: Buffer, options: PictureOptions): Promise<Picture> {
  const format = sniff(bytes);
  let optOut: string[] = [];
  try {
    const image = sharp(bytes, INPUT);
    const header = await image.metadata();
    const embedded = readEmbedded(header);
    embedded.optOut.push(...c2paOptOut(bytes, format));
    optOut = embedded.optOut;
    if (optOut.length > 0 && options.optOut === "obey") throw new ImageError("opt_out_metadata", optOut.join("; "));
    const [originalWidth, originalHeight] = checkHeader(header, format, options.profile);
    const { minBytes = 0 } = options.profile;
    if (bytes.length < minBytes) throw new ImageError("too_few_bytes", `${bytes.length} bytes`);
    const quick = format === "jpeg" ? encodeDirectly(bytes, header, options) : undefined;
    const resize = resizeOptions(options.resize);
    const upright = image.autoOrient().flatten({ background: "#ffffff" }).toColourspace("srgb");
    if (resize) upright.resize(resize);
    const { encoded, width, height, phash } =
      quick ?? (await (resize ? encodeSmall(upright, options) : encodeWhole(upright, options)));
    return {
      ...embedded,
      image: encoded,
      extension: options.format,
      width,
      height,
      originalWidth,
      originalHeight,
      format,
      phash: phash ?? null,
    };
  } catch (error) {
    const failure =
      error instanceof ImageError
        ? error
        : new ImageError("undecodable", (error as Error).message.split("\n")[0]?.slice(0, 200) ?? "");
    failure.optOut = optOut;
    throw failure;
  }
}

/** @returns width and height as they will be seen. */
function checkHeader(header: Metadata, format: SourceFormat, profile: Profile): [number, number] {
  const { width: w = 0, height: h = 0, pages = 1, orientation = 1 } = header;
  if (pages > 1) throw new ImageError("animated", `${format} with ${pages} frames`);
  const [width, height] = orientation >= 5 ? [h, w] : [w, h];
  const short = Math.min(width, height);
  const long = Math.max(width, height);
  if (w * h > profile.maxPixels) throw new ImageError("too_many_pixels", `${w}x${h}`);
  if (short < profile.minSide) throw new ImageError("too_small", `${width}x${height}`);
  if (long > short * profile.maxAspect) throw new ImageError("aspect_ratio", `${width}x${height}`);
  return [width, height];
}

interface Encoded {
  encoded: Buffer;
  width: number;
  height: number;
  phash: string | undefined;
}

/** Most photographs of the web: a JPEG to a smaller JPEG, in the same colours and the same way up. See docs/decisions/036. */
function encodeDirectly(bytes: Buffer, header: Metadata, options: PictureOptions): Encoded | undefined {
  const { width = 0, height = 0, orientation = 1, space, icc } = header;
  const size = keptRatioSize(options.resize, width, height);
  const sameColours = space === "srgb" && (icc === undefined || isSrgb(icc));
  if (!size || options.format !== "jpg" || orientation !== 1 || !sameColours) return undefined;
  const small = shrinkJpeg(bytes, [width, height], size, options.quality);
  if (!small) return undefined;
  const { samples, stride } = small.luma;
  return { encoded: small.image, width: size[0], height: size[1], phash: perceptualHash(samples, ...size, stride) };
}

/** By its description: the one that cameras and programs write. */
function isSrgb(profile: Buffer): boolean {
  return profile.length < 4096 && profile.includes("sRGB IEC61966-2.1");
}

/** One decoding serves both the file and the hash: a second one, even of the small file, would cost a third more. */
async function encodeSmall(image: Sharp, options: PictureOptions): Promise<Encoded> {
  const { data, info } = await image.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const pixels = sharp(data, { raw: { width, height, channels } });
  const encoded = await inFormat(pixels, options).toBuffer();
  const rgb = channels === 3 ? data : await pixels.clone().toColourspace("srgb").removeAlpha().raw().toBuffer();
  return { encoded, width, height, phash: perceptualHash(lumaOf(rgb), width, height) };
}

/** At full size 64 million pixels would need 192 MB twice, so the hash is taken from a second, small decoding. */
async function encodeWhole(image: Sharp, options: PictureOptions): Promise<Encoded> {
  const { data: encoded, info } = await inFormat(image.clone(), options).toBuffer({ resolveWithObject: true });
  const small = await sharp(encoded, INPUT)
    .resize({ width: 256, height: 256, fit: "outside", withoutEnlargement: true, kernel: "linear" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const phash = perceptualHash(lumaOf(small.data), small.info.width, small.info.height);
  return { encoded, width: info.width, height: info.height, phash };
}

function inFormat(image: Sharp, { format, quality }: PictureOptions): Sharp {
  // Optimal Huffman tables would cost a second pass (+14 % time) for 4 % of the bytes.
  if (format === "jpg") return image.jpeg({ quality, optimiseCoding: false });
  if (format === "webp") return image.webp({ quality, effort: 2 });
  return image.png({ compressionLevel: 6 });
}
