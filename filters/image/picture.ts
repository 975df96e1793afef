import sharp from "sharp";
import type { REASONS } from "../../store/reasons.ts";
import type { Profile } from "../profiles.ts";

/** A reason a picture is dropped for once its bytes are here. */
export type ImageReason = keyof (typeof REASONS)["image"];

/** The bytes are here, but make no picture for the data set. */
export class ImageError extends Error {
  readonly reason: ImageReason;

  constructor(reason: ImageReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A picture as it goes into a shard. */
export interface Picture {
  jpeg: Buffer;
  width: number;
  height: number;
  originalWidth: number;
  originalHeight: number;
  /** jpeg, png, webp, gif or avif, as sent. */
  format: string;
}

/** What the stored picture looks like. */
export interface PictureOptions {
  /** The short side is brought down to this many pixels; smaller pictures stay as they are. */
  resize: number;
  quality: number;
}

// One thread a picture: many pictures are worked on side by side, and libvips' own threads would only fight them.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Checks a picture by its header, then decodes it whole, brings it to sRGB JPEG on white and down to size.
 * @throws ImageError with the drop reason.
 */
export async function makePicture(bytes: Buffer, profile: Profile, options: PictureOptions): Promise<Picture> {
  const format = sniff(bytes);
  try {
    // The profile's own limit gives the reason; libvips' is switched off so that it does not speak first.
    const image = sharp(bytes, { failOn: "error", limitInputPixels: false, sequentialRead: true });
    const { width: w = 0, height: h = 0, pages = 1, orientation = 1 } = await image.metadata();
    if (pages > 1) throw new ImageError("unsupported_format", `${format} with ${pages} frames`);
    const [width, height] = orientation >= 5 ? [h, w] : [w, h];
    const short = Math.min(width, height);
    const long = Math.max(width, height);
    if (w * h > profile.maxPixels) throw new ImageError("too_many_pixels", `${w}x${h}`);
    if (short < profile.minSide) throw new ImageError("too_small", `${width}x${height}`);
    if (long > short * profile.maxAspect) throw new ImageError("aspect_ratio", `${width}x${height}`);

    const { data, info } = await image
      .autoOrient()
      .resize({
        width: options.resize,
        height: options.resize,
        fit: "outside",
        withoutEnlargement: true,
        kernel: "linear",
      })
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .jpeg({ quality: options.quality, optimiseCoding: false })
      .timeout({ seconds: 10 })
      .toBuffer({ resolveWithObject: true });
    return { jpeg: data, width: info.width, height: info.height, originalWidth: width, originalHeight: height, format };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError("undecodable", (error as Error).message.split("\n")[0]?.slice(0, 200) ?? "");
  }
}

/**
 * The format by its first bytes, whatever the server calls it.
 * @throws ImageError for formats that are not taken (vectors, documents, camera formats) and for what is no picture.
 */
function sniff(bytes: Buffer): string {
  const head = bytes.subarray(0, 1024).toString("latin1");
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "webp";
  if (head.slice(4, 8) === "ftyp" && /^(avif|avis|mif1)/.test(head.slice(8, 12))) return "avif";
  for (const [name, beginning] of REFUSED) if (beginning.test(head)) throw new ImageError("unsupported_format", name);
  throw new ImageError("undecodable", `no picture: begins with ${JSON.stringify(head.slice(0, 16))}`);
}

/** Formats that are pictures, but none for a data set of photographs and drawings, or a risk to decode. */
const REFUSED: readonly [string, RegExp][] = [
  ["svg", /<svg[\s>]/i],
  ["pdf", /^%PDF/],
  ["eps", /^%!PS/],
  ["tiff", /^(II\*\0|MM\0\*)/],
  ["bmp", /^BM[\s\S]{4}\0\0\0\0/],
  ["psd", /^8BPS/],
  ["jpeg-xl", /^(\xff\x0a|\0\0\0\x0cJXL )/],
  ["heic", /^[\s\S]{4}ftyp(heic|heix|hevc)/],
];
