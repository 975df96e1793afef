import assert from "node:assert/strict";
import { test } from "node:test";
import sharp, { type Sharp } from "sharp";
import type { ImageError } from "../../../filters/image/image-error.ts";
import { makePicture } from "../../../filters/image/picture.ts";
import { parseResize } from "../../../filters/image/resize.ts";
import { USUAL } from "./options.ts";
import { photo } from "./photo.ts";

const wide = await photo(1, 600, 400).png().toBuffer();
const small = await photo(2, 200, 100).png().toBuffer();

/** The colour in the middle of the left and of the right half. */
async function halves(image: Buffer): Promise<number[][]> {
  const { data, info } = await sharp(image).raw().toBuffer({ resolveWithObject: true });
  assert.equal(info.channels, 3);
  return [0.25, 0.75].map((x) => {
    const at = (Math.floor(info.height / 2) * info.width + Math.floor(info.width * x)) * 3;
    return [...data.subarray(at, at + 3)];
  });
}

function near(found: number[] | undefined, expected: number[], within = 12): void {
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs((found?.[i] ?? -1000) - value) <= within, `${found} is not about ${expected}`);
}

test("sizes of every resize mode, for a picture larger and one smaller than asked", async () => {
  for (const [text, large, little] of [
    ["256", [384, 256], [200, 100]],
    ["keep-ratio", [384, 256], [200, 100]],
    ["keep-ratio:128", [192, 128], [200, 100]],
    ["keep-ratio-largest:300", [300, 200], [200, 100]],
    ["border:128", [128, 128], [128, 128]],
    ["border:300", [300, 300], [300, 300]],
    ["center-crop:224", [224, 224], [224, 224]],
    ["none", [600, 400], [200, 100]],
  ] as const) {
    const resize = parseResize(text);
    assert.ok(resize, text);
    for (const [bytes, size] of [
      [wide, large],
      [small, little],
    ] as const) {
      const { width, height, image } = await makePicture(bytes, { ...USUAL, resize });
      const stored = await sharp(image).metadata();
      assert.deepEqual([width, height], size, text);
      assert.deepEqual([stored.width, stored.height], size, text);
    }
  }
  for (const text of ["", "0", "-5", "none:5", "border:", "border256", "keep_ratio:256", "9000", "256px", "crop:5"])
    assert.equal(parseResize(text), undefined, text);
});

test("border adds white above and below, center-crop cuts the sides", async () => {
  const stripes = await sharp({ create: { width: 300, height: 150, channels: 3, background: "#ff0000" } })
    .composite([
      { input: { create: { width: 150, height: 150, channels: 3, background: "#0000ff" } }, left: 75, top: 0 },
    ])
    .png()
    .toBuffer();
  const border = await makePicture(stripes, { ...USUAL, resize: { mode: "border", size: 100 } });
  const pixels = await sharp(border.image).raw().toBuffer();
  near([...pixels.subarray(10 * 300 + 150, 10 * 300 + 153)], [255, 255, 255]);
  near([...pixels.subarray(50 * 300 + 150, 50 * 300 + 153)], [0, 0, 255]);
  const crop = await makePicture(stripes, { ...USUAL, resize: { mode: "center-crop", size: 100 } });
  for (const colour of await halves(crop.image)) near(colour, [0, 0, 255]);
});

test("formats of stored pictures, and their quality", async () => {
  const sizes: Record<string, number> = {};
  for (const format of ["jpg", "webp", "png"] as const) {
    for (const quality of [30, 95]) {
      const { image, extension } = await makePicture(wide, { ...USUAL, format, quality });
      assert.equal((await sharp(image).metadata()).format, format === "jpg" ? "jpeg" : format);
      assert.equal(extension, format);
      sizes[`${format} ${quality}`] = image.length;
    }
  }
  assert.ok((sizes["jpg 30"] ?? 0) * 2 < (sizes["jpg 95"] ?? 0));
  assert.ok((sizes["webp 30"] ?? 0) * 2 < (sizes["webp 95"] ?? 0));
  assert.equal(sizes["png 30"], sizes["png 95"]);
});

test("all eight EXIF orientations end upright, and nothing says so twice", async () => {
  // Red on the left, green on the right, and higher than wide.
  const upright = await sharp({ create: { width: 100, height: 200, channels: 3, background: "#ff0000" } })
    .composite([
      { input: { create: { width: 50, height: 200, channels: 3, background: "#00ff00" } }, left: 50, top: 0 },
    ])
    .png()
    .toBuffer();
  const turned: Record<number, (image: Sharp) => Sharp> = {
    1: (image) => image,
    2: (image) => image.flop(),
    3: (image) => image.rotate(180),
    4: (image) => image.flip(),
    6: (image) => image.rotate(270),
    8: (image) => image.rotate(90),
  };
  for (const [orientation, turn] of Object.entries(turned)) {
    const bytes = await turn(sharp(upright))
      .jpeg()
      .withMetadata({ orientation: Number(orientation) })
      .toBuffer();
    const picture = await makePicture(bytes, USUAL);
    assert.deepEqual([picture.originalWidth, picture.originalHeight], [100, 200], orientation);
    assert.deepEqual([picture.width, picture.height], [100, 200], orientation);
    const [left, right] = await halves(picture.image);
    near(left, [255, 0, 0], 40);
    near(right, [0, 255, 0], 40);
    assert.equal((await sharp(picture.image).metadata()).orientation, undefined);
  }
});

test("CMYK, wide gamut, grey, 16 bit and transparent pictures become sRGB on white", async () => {
  const red = () => sharp({ create: { width: 100, height: 100, channels: 3, background: "#ff0000" } });
  for (const [name, bytes, expected, within] of [
    ["cmyk", await red().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer(), [255, 0, 0], 40],
    ["display p3", await red().withIccProfile("p3").jpeg({ quality: 100 }).toBuffer(), [255, 0, 0], 12],
    ["grey", await red().greyscale().png().toBuffer(), [127, 127, 127], 40],
    ["16 bit", await red().toColourspace("rgb16").png().toBuffer(), [255, 0, 0], 12],
    [
      "transparent",
      await sharp({ create: { width: 100, height: 100, channels: 4, background: "#00000000" } })
        .png()
        .toBuffer(),
      [255, 255, 255],
      2,
    ],
    ["palette gif", await red().gif().toBuffer(), [255, 0, 0], 12],
    ["avif", await red().avif().toBuffer(), [255, 0, 0], 12],
  ] as const) {
    const { image } = await makePicture(bytes, USUAL);
    const { space, icc, format } = await sharp(image).metadata();
    assert.deepEqual([name, space, icc, format], [name, "srgb", undefined, "jpeg"]);
    for (const colour of await halves(image)) near(colour, [...expected], within);
  }
});

test("a picture in a wide gamut keeps its colours: they are converted, not relabelled", async () => {
  // Display P3's pure green is outside sRGB; a relabelled file would show (0, 255, 0) also for what is inside.
  const inside = await sharp({ create: { width: 80, height: 80, channels: 3, background: { r: 60, g: 160, b: 90 } } })
    .withIccProfile("p3")
    .png()
    .toBuffer();
  const raw = await sharp(inside, { ignoreIcc: true }).raw().toBuffer();
  assert.notDeepEqual([...raw.subarray(0, 3)], [60, 160, 90], "the file itself holds P3 values");
  const { image } = await makePicture(inside, { ...USUAL, format: "png" });
  for (const colour of await halves(image)) near(colour, [60, 160, 90], 2);
});

test("the profile's limits, judged by the header", async () => {
  const gradient = (width: number, height: number) => photo(3, width, height).png().toBuffer();
  for (const [bytes, reason] of [
    [await gradient(63, 100), "too_small"],
    [await gradient(64, 193), "aspect_ratio"],
    [await gradient(64, 192), undefined],
  ] as const) {
    const outcome = await makePicture(bytes, USUAL).then(
      () => undefined,
      (error: ImageError) => error.reason,
    );
    assert.equal(outcome, reason);
  }
  const profile = { ...USUAL.profile, maxPixels: 200 * 100 - 1 };
  await assert.rejects(makePicture(small, { ...USUAL, profile }), { reason: "too_many_pixels" });
});
