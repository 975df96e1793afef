/**
 * The perceptual hash of Zauner's pHash ("Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, 3.1):
 * the picture as 32x32 grey, its discrete cosine transform, of that the 8x8 lowest frequencies without the first row and
 * column (the mean brightness and plain gradients along an edge), one bit each: above their median or not. Re-encoding,
 * scaling and small changes of brightness move few bits; see docs/decisions/037.
 */

const SIDE = 32;
const KEPT = 8;
/** Standard deviation of the 32x32 grey values under which a picture is too flat to be told from another by this hash. */
const FLAT = 2;

/** Row u holds cos((2x+1)(u+1)π / 64): the basis for frequencies 1 to 8. */
const COSINES = Float64Array.from({ length: KEPT * SIDE }, (_, i) =>
  Math.cos(((2 * (i % SIDE) + 1) * (Math.floor(i / SIDE) + 1) * Math.PI) / (2 * SIDE)),
);

/**
 * @param luma the brightness of each pixel (ITU-R BT.601): `width` samples a row, a row every `stride` samples.
 * @returns 16 hexadecimal digits; undefined for a picture that is flat, or less than 32 pixels on a side.
 */
export function perceptualHash(luma: Uint8Array, width: number, height: number, stride = width): string | undefined {
  if (width < SIDE || height < SIDE) return undefined;
  const grey = greyGrid(luma, width, height, stride);
  let mean = 0;
  for (const value of grey) mean += value / grey.length;
  let variance = 0;
  for (const value of grey) variance += (value - mean) ** 2 / grey.length;
  if (Math.sqrt(variance) < FLAT) return undefined;

  // Separable: first along x for all 32 rows, then along y.
  const rows = new Float64Array(SIDE * KEPT);
  for (let y = 0; y < SIDE; y++) {
    for (let u = 0; u < KEPT; u++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += (grey[y * SIDE + x] ?? 0) * (COSINES[u * SIDE + x] ?? 0);
      rows[y * KEPT + u] = sum;
    }
  }
  const coefficients = new Float64Array(KEPT * KEPT);
  for (let v = 0; v < KEPT; v++) {
    for (let u = 0; u < KEPT; u++) {
      let sum = 0;
      for (let y = 0; y < SIDE; y++) sum += (rows[y * KEPT + u] ?? 0) * (COSINES[v * SIDE + y] ?? 0);
      coefficients[v * KEPT + u] = sum;
    }
  }
  const sorted = coefficients.toSorted();
  const median = ((sorted[31] ?? 0) + (sorted[32] ?? 0)) / 2;
  let bits = 0n;
  for (const value of coefficients) bits = (bits << 1n) | (value > median ? 1n : 0n);
  return bits.toString(16).padStart(16, "0");
}

/** The brightness of sRGB pixels of three bytes. */
export function lumaOf(pixels: Uint8Array): Uint8Array {
  const luma = new Uint8Array(pixels.length / 3);
  // 77 + 150 + 29 = 256: the weights 0.299, 0.587, 0.114 as integers.
  for (let i = 0, at = 0; i < luma.length; i++, at += 3)
    luma[i] = (77 * (pixels[at] ?? 0) + 150 * (pixels[at + 1] ?? 0) + 29 * (pixels[at + 2] ?? 0)) >> 8;
  return luma;
}

/** Means over a grid of 32x32 cells; a pixel belongs to the cell that its left or upper edge lies in. */
function greyGrid(luma: Uint8Array, width: number, height: number, stride: number): Float64Array {
  const grid = new Float64Array(SIDE * SIDE);
  const starts = (size: number) => Array.from({ length: SIDE + 1 }, (_, cell) => Math.ceil((cell * size) / SIDE));
  const [columns, rows] = [starts(width), starts(height)];
  for (let cell = 0; cell < grid.length; cell++) {
    const [x, y] = [cell % SIDE, cell >> 5];
    const [left = 0, right = 0, top = 0, bottom = 0] = [columns[x], columns[x + 1], rows[y], rows[y + 1]];
    let sum = 0;
    for (let row = top; row < bottom; row++)
      for (let at = row * stride + left; at < row * stride + right; at++) sum += luma[at] as number;
    grid[cell] = sum / ((right - left) * (bottom - top));
  }
  return grid;
}
