/** A plane of 8-bit samples, row after row. */
export interface Plane {
  samples: Uint8Array<ArrayBuffer>;
  /** Samples of a row that mean something. */
  width: number;
  height: number;
  /** Samples from one row to the next: a multiple of four. */
  stride: number;
}

/** Weights are integers that add up to this: an 8-bit sample times it fills 16 bits, and two such passes 24. */
const ONE = 256;

/** Which three samples each output sample is made of, in one direction, and in what proportion: enough up to a ratio of 2. */
interface Taps {
  first: Int32Array;
  weights: readonly [Int32Array, Int32Array, Int32Array];
}

function newPlane(width: number, height: number): Plane {
  const stride = (width + 3) & ~3;
  return { samples: new Uint8Array(stride * height), width, height, stride };
}

/**
 * Brings a plane to a smaller size by averaging areas: each output sample is the mean of the rectangle it covers, parts of samples
 * counted as parts. First rows are mixed, four samples at a time in two integers, then columns.
 * @param ratioX,ratioY source samples an output sample, at least 1.
 */
export function shrinkPlane(from: Plane, ratioX: number, ratioY: number, to: Plane): void {
  if (ratioX > 2 || ratioY > 2) {
    const [x, y] = [ratioX > 2 ? 2 : 1, ratioY > 2 ? 2 : 1];
    const half = newPlane(Math.ceil(from.width / x), Math.ceil(from.height / y));
    shrinkPlane(from, x, y, half);
    shrinkPlane(half, ratioX / x, ratioY / y, to);
    return;
  }
  const across = tapsOf(from.width, to.width, ratioX);
  const down = tapsOf(from.height, to.height, ratioY);
  // Views of memory cost more than a row is worth: they are made here, once.
  const row = new Uint16Array(from.stride + 4);
  const rowWords = new Int32Array(row.buffer);
  const words = new Int32Array(from.samples.buffer, from.samples.byteOffset, (from.stride * from.height) >> 2);
  for (let y = 0; y < to.height; y++) {
    mixRows(words, from, down, y, rowWords);
    mixColumns(row, across, to.samples, y * to.stride, to.width);
  }
}

/** Adds up three source rows, each by its weight: 256 times the samples, into 16 bits each. */
function mixRows(words: Int32Array, { stride, height }: Plane, { first, weights }: Taps, y: number, into: Int32Array) {
  const [a, b, c] = [weights[0][y] as number, weights[1][y] as number, weights[2][y] as number];
  const top = first[y] as number;
  const perRow = stride >> 2;
  // Rows past the end have no weight.
  const above = top * perRow;
  const centre = Math.min(top + 1, height - 1) * perRow;
  const below = Math.min(top + 2, height - 1) * perRow;
  // Math.imul and `| 0` keep all this in integers of 32 bits, several times as fast as numbers that might become fractions.
  for (let i = 0; i < perRow; i++) {
    const p = words[above + i] as number;
    const q = words[centre + i] as number;
    const r = words[below + i] as number;
    let even = (Math.imul(p & 0xff00ff, a) + Math.imul(q & 0xff00ff, b)) | 0;
    even = (even + Math.imul(r & 0xff00ff, c)) | 0;
    let odd = (Math.imul((p >>> 8) & 0xff00ff, a) + Math.imul((q >>> 8) & 0xff00ff, b)) | 0;
    odd = (odd + Math.imul((r >>> 8) & 0xff00ff, c)) | 0;
    into[2 * i] = (even & 0xffff) | (odd << 16);
    into[2 * i + 1] = (even >>> 16) | (odd & 0xffff0000);
  }
}

/** Adds up what each output sample covers of a row. */
function mixColumns(row: Uint16Array, { first, weights }: Taps, into: Uint8Array, at: number, width: number): void {
  const [left, middle, right] = weights;
  for (let x = 0; x < width; x++) {
    const start = first[x] as number;
    let sum = (Math.imul(left[x] as number, row[start] as number) + (ONE * ONE) / 2) | 0;
    sum = (sum + Math.imul(middle[x] as number, row[start + 1] as number)) | 0;
    sum = (sum + Math.imul(right[x] as number, row[start + 2] as number)) | 0;
    into[at + x] = sum >> 16;
  }
}

function tapsOf(from: number, to: number, ratio: number): Taps {
  const taps: Taps = {
    first: new Int32Array(to),
    weights: [new Int32Array(to), new Int32Array(to), new Int32Array(to)],
  };
  const [left, middle, right] = taps.weights;
  for (let i = 0; i < to; i++) {
    // Output samples that only fill a row up repeat the last source sample.
    const begin = Math.min(i * ratio, from - 1);
    const end = Math.max(Math.min((i + 1) * ratio, from), begin + 1e-6);
    const start = Math.floor(begin);
    const scale = ONE / (end - begin);
    const a = Math.round((Math.min(end, start + 1) - begin) * scale);
    const c = Math.round(Math.max(0, end - start - 2) * scale);
    taps.first[i] = start;
    left[i] = a;
    middle[i] = ONE - a - c;
    right[i] = c;
  }
  return taps;
}
