/** JPEG to smaller JPEG without libvips: as good as with it, and only where it may. */
import assert from "node:assert/strict";
import { test } from "node:test";
import sharp, { type Sharp } from "sharp";
import { makePicture } from "../../../filters/image/picture.ts";
import { shrinkJpeg } from "../../../filters/image/turbo-jpeg.ts";
import { USUAL } from "./options.ts";
import { photo } from "./photo.ts";

const plain = await photo(3, 683, 512).jpeg().toBuffer();
const there = shrinkJpeg(plain, [683, 512], [342, 256], 90) !== undefined;
const skip = there ? false : "libjpeg-turbo has no build for this platform";
if (skip) console.log(skip);

async function rgb(image: Sharp): Promise<Buffer> {
  return image.toColourspace("srgb").removeAlpha().raw().toBuffer();
}

/** Peak signal-to-noise ratio in dB. */
function psnr(a: Buffer, b: Buffer): number {
  assert.equal(a.length, b.length);
  let squares = 0;
  for (const [i, value] of a.entries()) squares += (value - (b[i] ?? 0)) ** 2;
  return 10 * Math.log10((255 * 255 * a.length) / squares);
}

test("every subsampling, progressive or not, at every scale of the decoder: as close to a full decoding as libvips", {
  skip,
}, async () => {
  const rows: string[] = [];
  for (const [seed, size] of [
    [11, [256, 300]],
    [12, [301, 257]],
    [13, [450, 500]],
    [14, [512, 640]],
    [15, [683, 683]],
    [16, [769, 1021]],
    [18, [1300, 1111]],
  ] as const) {
    for (const chromaSubsampling of seed % 3 === 0 ? ["4:4:4"] : ["4:2:0"]) {
      const bytes = await photo(seed, size[0], size[1])
        .jpeg({ quality: 92, chromaSubsampling, progressive: seed % 2 === 0 })
        .toBuffer();
      const factor = Math.min(...size) / 256;
      const [width, height] = size.map((side) => Math.round(side / factor)) as [number, number];
      const small = shrinkJpeg(bytes, size, [width, height], 90);
      assert.ok(small, `${size} ${chromaSubsampling}`);
      const best = await rgb(
        sharp(bytes).resize({ width, height, fit: "fill", kernel: "lanczos3", fastShrinkOnLoad: false }),
      );
      const libvips = await sharp(bytes)
        .resize({ width, height, fit: "fill", kernel: "linear" })
        .jpeg({ quality: 90 })
        .toBuffer();
      const [ours, theirs] = [psnr(best, await rgb(sharp(small.image))), psnr(best, await rgb(sharp(libvips)))];
      rows.push(`${size} ${chromaSubsampling}: ${ours.toFixed(1)} dB, libvips ${theirs.toFixed(1)} dB`);
      assert.ok(ours > theirs - 1.5 && ours > 30, rows.at(-1));
      const { width: w, height: h, chromaSubsampling: stored } = await sharp(small.image).metadata();
      assert.deepEqual([w, h, stored], [width, height, "4:2:0"]);
    }
  }
  console.log(rows.join("\n"));
});

test("colours, edges and the last row and column are where they were", { skip }, async () => {
  // Four fields and a frame of one colour each, in an odd size.
  const [width, height] = [1001, 771];
  const pixels = Buffer.alloc(width * height * 3);
  const colourAt = (x: number, y: number) => {
    if (x < 24 || y < 24 || x >= width - 24 || y >= height - 24) return [250, 250, 250];
    return x < width / 2
      ? y < height / 2
        ? [200, 40, 40]
        : [40, 180, 60]
      : y < height / 2
        ? [40, 60, 200]
        : [20, 20, 20];
  };
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++) for (const value of colourAt(x, y)) pixels[at++] = value;
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95 })
    .toBuffer();
  const { image, width: w, height: h } = await makePicture(bytes, USUAL);
  assert.deepEqual([w, h], [332, 256]);
  const found = await rgb(sharp(image));
  for (const [x, y] of [
    [0, 0],
    [331, 0],
    [0, 255],
    [331, 255],
    [80, 60],
    [80, 200],
    [250, 60],
    [250, 200],
    [3, 128],
    [328, 128],
  ] as const) {
    const expected = colourAt(((x + 0.5) * width) / w, ((y + 0.5) * height) / h);
    for (const [i, value] of expected.entries()) {
      const got = found[(y * w + x) * 3 + i] ?? -1;
      assert.ok(
        Math.abs(got - value) < 12,
        `${x},${y}: ${[...found.subarray((y * w + x) * 3, (y * w + x) * 3 + 3)]}, not ${expected}`,
      );
    }
  }
});

test("what is not plain YCbCr, is damaged, or is not what the header said is left to libvips", { skip }, async () => {
  const target = [300, 225] as const;
  const size = [683, 512] as const;
  const odd: [string, Buffer][] = [
    [
      "grey",
      await photo(3, ...size)
        .toColourspace("b-w")
        .jpeg()
        .toBuffer(),
    ],
    [
      "CMYK",
      await photo(3, ...size)
        .toColourspace("cmyk")
        .jpeg()
        .toBuffer(),
    ],
    ["cut", plain.subarray(0, plain.length * 0.7)],
    [
      "PNG",
      await photo(3, ...size)
        .png()
        .toBuffer(),
    ],
    ["empty", Buffer.alloc(0)],
    ["only a header", plain.subarray(0, 300)],
  ];
  for (const [name, bytes] of odd) {
    assert.ok(shrinkJpeg(bytes, size, target, 90) === undefined, name);
    assert.ok(shrinkJpeg(plain, size, target, 90), `a good one after: ${name}`);
  }
  assert.ok(shrinkJpeg(plain, [682, 512], target, 90) === undefined, "another width than the header's");
  assert.ok(shrinkJpeg(plain, size, [700, 525], 90) === undefined, "larger");
  for (let at = 20; at < plain.length; at += 197) shrinkJpeg(flipped(plain, at), size, target, 90);
  assert.ok(shrinkJpeg(plain, size, target, 90), "and still works");
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x55;
  return copy;
}

test("the same hash within a few bits, and the same size within a pixel, whichever way a picture takes", {
  skip,
}, async () => {
  for (let seed = 30; seed < 40; seed++) {
    const image = photo(seed, 500 + 37 * (seed % 11), 480 + 29 * (seed % 7));
    const direct = await makePicture(await image.clone().jpeg({ quality: 95 }).toBuffer(), USUAL);
    const through = await makePicture(await image.clone().png().toBuffer(), USUAL);
    assert.ok(Math.abs(direct.width - through.width) <= 1 && Math.abs(direct.height - through.height) <= 1);
    const differing = (BigInt(`0x${direct.phash}`) ^ BigInt(`0x${through.phash}`))
      .toString(2)
      .replaceAll("0", "").length;
    assert.ok(differing <= 2, `${seed}: ${differing} bits`);
  }
});
