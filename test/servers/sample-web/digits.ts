import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import sharp from "sharp";

/** Digits of MNIST, 28x28, one byte a pixel; each file of the package holds about a thousand of one kind. */
const require = createRequire(import.meta.url);
const SIDE = 28;
const SCALED = 64;
const CANVAS = 128;

export const DIGIT_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"] as const;

/** Ordered pairs of digits as `left * 10 + right`. */
export type DigitPair = number;

/**
 * The twenty pairs that no page shows: each digit is left in two of them and right in two, so that every digit is still
 * seen on both sides.
 */
export const UNSEEN: readonly DigitPair[] = Array.from({ length: 10 }, (_, left) => [
  left * 10 + ((left + 3) % 10),
  left * 10 + ((left * 3 + 1) % 10),
])
  .flatMap(([one = 0, two = 0]) => (one === two ? [one, Math.floor(one / 10) * 10 + ((one + 5) % 10)] : [one, two]))
  .sort((a, b) => a - b);

let loaded: Uint8Array[][] | undefined;

function digits(): Uint8Array[][] {
  loaded ??= DIGIT_NAMES.map((_, digit) => {
    const { data } = JSON.parse(readFileSync(require.resolve(`mnist/src/digits/${digit}.json`), "utf8")) as {
      data: number[];
    };
    const bytes = Uint8Array.from(data, (value) => Math.round(value * 255));
    return Array.from({ length: Math.floor(bytes.length / (SIDE * SIDE)) }, (_, i) =>
      bytes.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE),
    );
  });
  return loaded;
}

/** How many digits of each kind pages may use; those behind are held out for the test. */
export function seenDigits(digit: number): number {
  return Math.floor((digits()[digit]?.length ?? 0) * 0.8);
}

/** How many digits of each kind are held out. */
export function heldOutDigits(digit: number): number {
  return (digits()[digit]?.length ?? 0) - seenDigits(digit);
}

/** Two digits side by side on a square canvas, white on black; `shift` moves them up or down by some pixels. */
export function drawPair(
  left: { digit: number; index: number },
  right: { digit: number; index: number },
  shift: number,
): Uint8Array {
  const canvas = new Uint8Array(CANVAS * CANVAS);
  place(canvas, digits()[left.digit]?.[left.index], 0, 32 + shift);
  place(canvas, digits()[right.digit]?.[right.index], SCALED, 32 - shift);
  return canvas;
}

/** Bilinear enlargement from 28 to 64 pixels. */
function place(canvas: Uint8Array, digit: Uint8Array | undefined, x: number, y: number): void {
  if (!digit) throw new Error("no such digit");
  for (let row = 0; row < SCALED; row++) {
    const fromY = Math.min(((row + 0.5) * SIDE) / SCALED - 0.5, SIDE - 1.001);
    const top = Math.max(Math.floor(fromY), 0);
    const dy = Math.max(fromY - top, 0);
    for (let column = 0; column < SCALED; column++) {
      const fromX = Math.min(((column + 0.5) * SIDE) / SCALED - 0.5, SIDE - 1.001);
      const first = Math.max(Math.floor(fromX), 0);
      const dx = Math.max(fromX - first, 0);
      const at = top * SIDE + first;
      const upper = (digit[at] ?? 0) * (1 - dx) + (digit[at + 1] ?? 0) * dx;
      const lower = (digit[at + SIDE] ?? 0) * (1 - dx) + (digit[at + SIDE + 1] ?? 0) * dx;
      canvas[(y + row) * CANVAS + x + column] = upper * (1 - dy) + lower * dy;
    }
  }
}

/** The canvas as a file. */
export function encode(canvas: Uint8Array, format: "jpeg" | "png"): Promise<Buffer> {
  const image = sharp(canvas, { raw: { width: CANVAS, height: CANVAS, channels: 1 } });
  return (format === "jpeg" ? image.jpeg({ quality: 90 }) : image.png({ compressionLevel: 3 })).toBuffer();
}
