/** Our side of `npm run bench:resize`, in a process with a decoder's settings: PICTURES OUT ROUNDS, answers like the peer. */
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { makePicture, type PictureOptions } from "../filters/image/picture.ts";
import { CLIP } from "../filters/profiles.ts";

const [pictures = "", out = "", rounds = "5"] = process.argv.slice(2);
const OPTIONS: PictureOptions = {
  profile: CLIP,
  resize: { mode: "keep-ratio", size: 256 },
  format: "jpg",
  quality: 90,
  optOut: "obey",
};
const RESIZE = { width: 256, height: 256, fit: "outside", withoutEnlargement: true } as const;
const files = globSync(join(pictures, "*.jpg")).sort();
const bytes = files.map((file) => readFileSync(file));

/** Each way once more than the one before it costs, so that the table shows where the time goes. */
const WAYS: Record<string, (picture: Buffer) => Promise<Buffer>> = {
  "ours, all checks and hash": async (picture) => (await makePicture(picture, OPTIONS)).image,
  "sharp as we set it, nothing else": (picture) =>
    sharp(picture, { failOn: "error" })
      .resize({ ...RESIZE, kernel: "linear" })
      .jpeg({ quality: 90, optimiseCoding: false })
      .toBuffer(),
  "sharp by its defaults": (picture) => sharp(picture).resize(RESIZE).jpeg({ quality: 90 }).toBuffer(),
  "sharp, scaled by the decoder where OpenCV does": (picture) => decoderScaled(picture),
  "sharp decode only": (picture) => sharp(picture).raw().toBuffer(),
  "sharp header only": async (picture) => {
    await sharp(picture).metadata();
    return picture;
  },
};

/**
 * sharp does not take half of the picture from the JPEG decoder for a factor of 2 up to 3 (nor a quarter for 4 to 5, an eighth for
 * 8 to 9), because libjpeg's rounding could cost a pixel there. Asking for a factor just beyond shows what that costs; the pictures
 * come out smaller, so this is a measurement and not a way out.
 */
async function decoderScaled(picture: Buffer): Promise<Buffer> {
  const { width, height } = await sharp(picture).metadata();
  const factor = Math.min(width, height) / 256;
  const beyond = [2, 4, 8].includes(Math.floor(factor)) ? Math.floor(factor) + 1.01 : Math.max(factor, 1);
  return sharp(picture, { failOn: "error" })
    .resize({ width: Math.round(width / beyond), height: Math.round(height / beyond), fit: "fill", kernel: "linear" })
    .jpeg({ quality: 90, optimiseCoding: false })
    .toBuffer();
}

const times = new Map<string, number[]>(Object.keys(WAYS).map((name) => [name, []]));
for (const [name, way] of Object.entries(WAYS)) {
  mkdirSync(join(out, name), { recursive: true });
  for (const [i, file] of files.entries()) {
    const made = await way(bytes[i] as Buffer);
    if (!name.includes("only")) writeFileSync(join(out, name, basename(file)), made);
  }
}
for (let round = 0; round < Number(rounds); round++) {
  for (const [name, way] of Object.entries(WAYS)) {
    const before = process.cpuUsage();
    for (const picture of bytes) await way(picture);
    const { user, system } = process.cpuUsage(before);
    times.get(name)?.push((user + system) / 1000 / bytes.length);
  }
}
for (const [name, all] of times) {
  const ms = all.sort((a, b) => a - b)[all.length >> 1];
  console.log(JSON.stringify({ name, ms, version: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}` }));
}
