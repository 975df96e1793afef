/**
 * `npm run bench:resize`: a web picture to 256 pixels and JPEG again, ours beside OpenCV as img2dataset uses it and tuned as
 * far as it goes, one thread, CPU time, medians of rounds that alternate. `-- FOLDER` takes other pictures than the made ones.
 * The error is that of the stored picture against a full decoding with Lanczos, in dB (higher is better).
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { KEEP_MEMORY } from "../filters/image/decoders.ts";
import { ensureVenv } from "../store/python.ts";

const DATA = "bench/.data/resize";
const ROUNDS = "5";
const COUNT = 42;
const LONG_SIDES = [500, 640, 800, 1024, 1200, 1600, 2000];
const say = (text: string) => process.stderr.write(`${text}\n`);

/** Pictures with detail at every scale, like photographs: noise of falling strength, octave by octave. */
async function makePictures(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  say(`making ${COUNT} pictures in ${folder}`);
  mkdirSync(`${folder}.next`, { recursive: true });
  let state = 1;
  const noise = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 24) - 128;
  };
  for (let i = 0; i < COUNT; i++) {
    const width = LONG_SIDES[i % LONG_SIDES.length] ?? 500;
    const height = Math.round(width * (i % 3 === 0 ? 0.66 : 0.75));
    const sum = new Float32Array(width * height * 3).fill(128);
    for (let cells = 4; cells < width; cells *= 2) {
      const rows = Math.max(2, Math.round((cells * height) / width));
      const small = Buffer.from(Array.from({ length: cells * rows * 3 }, () => noise() + 128));
      const large = await sharp(small, { raw: { width: cells, height: rows, channels: 3 } })
        .resize(width, height, { fit: "fill", kernel: "cubic" })
        .raw()
        .toBuffer();
      const strength = 1.6 / cells ** 0.45;
      for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + ((large[at] as number) - 128) * strength;
    }
    await sharp(Buffer.from(Uint8ClampedArray.from(sum).buffer), { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 82 })
      .toFile(join(`${folder}.next`, `${String(i).padStart(2, "0")}-${width}.jpg`));
  }
  renameSync(`${folder}.next`, folder);
}

/** Mean PSNR in dB of a way's pictures against the reference; undefined when it stored none of the right size. */
async function quality(out: string, pictures: string): Promise<number | undefined> {
  const found: number[] = [];
  for (const file of globSync(join(out, "*.jpg")).sort()) {
    const made = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const { width, height } = made.info;
    const image = sharp(readFileSync(join(pictures, basename(file))), { sequentialRead: false });
    const reference = await image
      .resize({ width, height, fit: "fill", kernel: "lanczos3", fastShrinkOnLoad: false })
      .raw()
      .toBuffer();
    if (Math.min(width, height) < 250 || reference.length !== made.data.length) return undefined;
    let squares = 0;
    for (let i = 0; i < reference.length; i++) squares += ((reference[i] as number) - (made.data[i] as number)) ** 2;
    found.push(10 * Math.log10(255 ** 2 / (squares / reference.length)));
  }
  return found.length === 0 ? undefined : found.reduce((sum, value) => sum + value, 0) / found.length;
}

interface Line {
  name: string;
  ms: number;
  version: string;
}

const pictures = process.argv[2] ?? join(DATA, "pictures");
if (process.argv[2] === undefined) await makePictures(pictures);
const python = ensureVenv("bench/.venv-resize", "bench/resize-requirements.txt", say);
const out = join(DATA, "out");
const lines = (program: string, args: string[], env = {}): Line[] =>
  execFileSync(program, [...args, pictures, out, ROUNDS], { encoding: "utf8", env: { ...process.env, ...env } })
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const rows = [
  ...lines(process.execPath, ["bench/resize_ours.ts"], KEEP_MEMORY),
  ...lines(process.execPath, ["bench/resize_ours.ts"]).map((line) => ({ ...line, name: `${line.name} *` })),
  ...lines(python, ["bench/resize_peer.py"]),
].filter(({ name }) => !name.endsWith("*") || name.startsWith("ours"));
const base = rows.find(({ name }) => name.startsWith("OpenCV area"))?.ms ?? Number.NaN;
console.log(
  `${globSync(join(pictures, "*.jpg")).length} pictures; ${[...new Set(rows.map(({ version }) => version))].join("; OpenCV ")}`,
);
console.log(`${"".padEnd(48)}   ms   pictures/CPU-s   of OpenCV area      dB`);
for (const { name, ms } of rows) {
  const db = await quality(join(out, name.replace(/ \*$/, "")), pictures);
  console.log(
    `${name.padEnd(48)} ${ms.toFixed(2)} ${(1000 / ms).toFixed(0).padStart(13)} ${(base / ms).toFixed(2).padStart(14)}x ${db === undefined ? "" : db.toFixed(1).padStart(10)}`,
  );
}
console.log("* with glibc's own idea of when to give memory back");
