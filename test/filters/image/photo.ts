import sharp, { type Sharp } from "sharp";
import { generator } from "../../random.ts";

/**
 * A picture with light, shapes and texture, different for each seed and the same on every machine: what a photograph is to
 * a decoder and to a perceptual hash.
 */
export function photo(seed: number, width: number, height: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  const random = generator(seed);
  const waves = Array.from({ length: 6 }, () => ({
    x: (random() - 0.5) * 14,
    y: (random() - 0.5) * 14,
    phase: random() * 6.3,
    colour: [random() * 50, random() * 50, random() * 50],
  }));
  const discs = Array.from({ length: 14 }, () => ({
    x: random() * width,
    y: random() * height,
    radius: (0.05 + random() * 0.25) * Math.min(width, height),
    colour: [random() * 160 - 80, random() * 160 - 80, random() * 160 - 80],
  }));
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const noise = (random() - 0.5) * 16;
      let [red, green, blue] = [128 + noise, 128 + noise, 128 + noise];
      for (const wave of waves) {
        const value = Math.sin((wave.x * x) / width + (wave.y * y) / height + wave.phase);
        red += value * (wave.colour[0] ?? 0);
        green += value * (wave.colour[1] ?? 0);
        blue += value * (wave.colour[2] ?? 0);
      }
      for (const disc of discs) {
        if ((x - disc.x) ** 2 + (y - disc.y) ** 2 > disc.radius ** 2) continue;
        red += disc.colour[0] ?? 0;
        green += disc.colour[1] ?? 0;
        blue += disc.colour[2] ?? 0;
      }
      for (const value of [red, green, blue]) pixels[at++] = Math.min(Math.max(value, 0), 255);
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}
