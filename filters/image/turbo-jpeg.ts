/**
 * JPEG to smaller JPEG by libjpeg-turbo directly, without libvips: the decoder gives half, a quarter or an eighth of the picture, as the
 * planes of brightness and colour that the file holds; they are averaged down, and encoded as they are. No pixel becomes RGB on the way.
 * Called through a foreign function interface; both packages are optional, and where there is no build for a platform libvips does it all.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Plane, shrinkPlane } from "./planes.ts";

/** A JPEG brought to size. */
export interface SmallJpeg {
  image: Buffer;
  /** Its brightness, valid until the next call. */
  luma: Plane;
}

// Constants of turbojpeg.h, libjpeg-turbo 3.1.
const COMPRESS = 0;
const DECOMPRESS = 1;
const STOP_ON_WARNING = 0;
const NO_REALLOC = 2;
const QUALITY = 3;
const SUBSAMPLING = 4;
const WIDTH = 5;
const HEIGHT = 6;
const PRECISION = 7;
const COLOURSPACE = 8;
const SCAN_LIMIT = 13;
const YCBCR = 1;
const HALF_BOTH = 2;

/** Scales that libjpeg-turbo computes with vector instructions, the smallest first. */
const SCALES = [8, 4, 2, 1];
/** How often the colour planes halve the width and the height, by subsampling: 4:4:4, 4:2:2, 4:2:0, 4:4:0. */
const SUBSAMPLED: Record<number, readonly [x: number, y: number]> = { 0: [1, 1], 1: [2, 1], 2: [2, 2], 4: [1, 2] };
/** This cannot be interrupted; larger pictures and those in many passes are libvips', whose CPU time is watched. */
const MOST_PIXELS = 16_000_000;
const MOST_SCANS = 32;

type Handle = { readonly handle: unique symbol };

interface Turbo {
  header: (handle: Handle, bytes: Uint8Array, length: number) => number;
  get: (handle: Handle, parameter: number) => number;
  set: (handle: Handle, parameter: number, value: number) => number;
  scale: (handle: Handle, factor: { num: number; denom: number }) => number;
  planeWidth: (component: number, width: number, subsampling: number) => number;
  planeHeight: (component: number, height: number, subsampling: number) => number;
  decode: (handle: Handle, bytes: Uint8Array, length: number, planes: Uint8Array[], strides: Int32Array) => number;
  mostBytes: (width: number, height: number, subsampling: number) => number;
  encode: (
    handle: Handle,
    planes: Uint8Array[],
    width: number,
    strides: Int32Array,
    height: number,
    into: Uint8Array[],
    length: number[],
  ) => number;
  destroy: (handle: Handle) => void;
  newDecoder: () => Handle;
  decoder: Handle;
  encoder: Handle;
}

let loaded: Turbo | undefined | "none";

/** Loads libjpeg-turbo; undefined where there is none. */
function turbo(): Turbo | undefined {
  if (loaded === undefined) {
    try {
      loaded = load();
    } catch {
      loaded = "none";
    }
  }
  return loaded === "none" ? undefined : loaded;
}

/** @throws Error when a package is missing, or has no build for this platform. */
function load(): Turbo {
  const require = createRequire(import.meta.url);
  const koffi: typeof import("koffi") = require("koffi");
  const builds = join(dirname(require.resolve("@julusian/jpeg-turbo/package.json")), "prebuilds");
  const build = `jpeg-turbo-${process.platform}-${process.arch}`;
  const libc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime;
  const library = koffi.load(join(builds, libc ? build : `${build}-musl`, "libturbojpeg.so.0"));
  koffi.struct("tjscalingfactor", { num: "int", denom: "int" });
  const init = library.func("void *tj3Init(int)");
  const turbo: Turbo = {
    header: library.func("int tj3DecompressHeader(void *, const uint8_t *, size_t)"),
    get: library.func("int tj3Get(void *, int)"),
    set: library.func("int tj3Set(void *, int, int)"),
    scale: library.func("int tj3SetScalingFactor(void *, tjscalingfactor)"),
    planeWidth: library.func("int tj3YUVPlaneWidth(int, int, int)"),
    planeHeight: library.func("int tj3YUVPlaneHeight(int, int, int)"),
    decode: library.func("int tj3DecompressToYUVPlanes8(void *, const uint8_t *, size_t, uint8_t **, int *)"),
    mostBytes: library.func("size_t tj3JPEGBufSize(int, int, int)"),
    encode: library.func(
      "int tj3CompressFromYUVPlanes8(void *, const uint8_t **, int, int *, int, uint8_t **, _Inout_ size_t *)",
    ),
    destroy: library.func("void tj3Destroy(void *)"),
    newDecoder: () => {
      const decoder = init(DECOMPRESS);
      turbo.set(decoder, STOP_ON_WARNING, 1);
      turbo.set(decoder, SCAN_LIMIT, MOST_SCANS);
      return decoder;
    },
    decoder: init(DECOMPRESS),
    encoder: init(COMPRESS),
  };
  renewDecoder(turbo);
  turbo.set(turbo.encoder, NO_REALLOC, 1);
  turbo.set(turbo.encoder, SUBSAMPLING, HALF_BOTH);
  return turbo;
}

/** A decoder that met a broken file may refuse all that follow. */
function renewDecoder(tj: Turbo): void {
  tj.destroy(tj.decoder);
  tj.decoder = tj.newDecoder();
}

/**
 * Brings a JPEG of `sourceWidth` x `sourceHeight` in YCbCr, of which nothing but its pixels counts (no profile, no orientation), to
 * `width` x `height`, stored with half the colour resolution as cameras and browsers do.
 * @returns undefined when it is something else, damaged in the least, or this platform has no libjpeg-turbo: libvips has the say then.
 */
export function shrinkJpeg(
  bytes: Buffer,
  [sourceWidth, sourceHeight]: readonly [number, number],
  [width, height]: readonly [number, number],
  quality: number,
): SmallJpeg | undefined {
  const tj = turbo();
  if (!tj || sourceWidth * sourceHeight > MOST_PIXELS || width > sourceWidth || height > sourceHeight) return undefined;
  if (tj.header(tj.decoder, bytes, bytes.length) !== 0) return void renewDecoder(tj);
  // The planes are as large as this says, so it must be what is decoded.
  if (tj.get(tj.decoder, WIDTH) !== sourceWidth || tj.get(tj.decoder, HEIGHT) !== sourceHeight) return undefined;
  const [precision, colours, subsampling] = [PRECISION, COLOURSPACE, SUBSAMPLING].map((p) => tj.get(tj.decoder, p));
  const subsampled = SUBSAMPLED[subsampling ?? -1];
  if (precision !== 8 || colours !== YCBCR || subsampling === undefined || !subsampled) return undefined;

  const denom = SCALES.find((d) => Math.ceil(sourceWidth / d) >= width && Math.ceil(sourceHeight / d) >= height) ?? 1;
  const [scaledWidth, scaledHeight] = [Math.ceil(sourceWidth / denom), Math.ceil(sourceHeight / denom)];
  const sources = planes(tj, "from", scaledWidth, scaledHeight, subsampling);
  if (tj.scale(tj.decoder, { num: 1, denom }) !== 0) return undefined;
  if (tj.decode(tj.decoder, bytes, bytes.length, samplesOf(sources), stridesOf(sources)) !== 0)
    return void renewDecoder(tj);

  const targets = planes(tj, "to", width, height, HALF_BOTH);
  // Of the picture's own size, not of what the decoder rounded up.
  const [ratioX, ratioY] = [sourceWidth / denom / width, sourceHeight / denom / height];
  for (const [component, target] of targets.entries()) {
    const colour = component > 0;
    const [x, y] = colour ? [2 / subsampled[0], 2 / subsampled[1]] : [1, 1];
    shrinkPlane(sources[component] as Plane, ratioX * x, ratioY * y, target);
  }
  const into = buffer("jpeg", tj.mostBytes(width, height, HALF_BOTH));
  const length = [into.length];
  tj.set(tj.encoder, QUALITY, quality);
  if (tj.encode(tj.encoder, samplesOf(targets), width, stridesOf(targets), height, [into], length) !== 0)
    return undefined;
  return { image: Buffer.from(into.subarray(0, length[0])), luma: targets[0] as Plane };
}

/** The three planes of a picture, as large as libjpeg-turbo writes and reads them, in memory that is used again. */
function planes(tj: Turbo, name: string, width: number, height: number, subsampling: number): Plane[] {
  return [0, 1, 2].map((component) => {
    const planeWidth = tj.planeWidth(component, width, subsampling);
    const planeHeight = tj.planeHeight(component, height, subsampling);
    const stride = (planeWidth + 3) & ~3;
    const samples = buffer(`${name} ${component}`, stride * planeHeight);
    return { samples, stride, width: planeWidth, height: planeHeight };
  });
}

const buffers = new Map<string, Uint8Array<ArrayBuffer>>();

function buffer(name: string, size: number): Uint8Array<ArrayBuffer> {
  let found = buffers.get(name);
  if (!found || found.length < size) {
    found = new Uint8Array(size);
    buffers.set(name, found);
  }
  return found;
}

function stridesOf(of: readonly Plane[]): Int32Array {
  return Int32Array.from(of, ({ stride }) => stride);
}

function samplesOf(of: readonly Plane[]): Uint8Array[] {
  return of.map(({ samples }) => samples);
}
