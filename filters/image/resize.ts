import type { ResizeOptions } from "sharp";

/** Formats of stored pictures; also their extension in a shard. */
export const STORED_FORMATS = ["jpg", "webp", "png"] as const;
export type StoredFormat = (typeof STORED_FORMATS)[number];

/** img2dataset's modes, under its names with hyphens. */
export const RESIZE_MODES = ["none", "keep-ratio", "keep-ratio-largest", "border", "center-crop"] as const;
type ResizeMode = (typeof RESIZE_MODES)[number];

/** What size a stored picture has. */
export interface Resize {
  mode: ResizeMode;
  /** Pixels: of the short side (keep-ratio), of the long side (keep-ratio-largest), of both (border, center-crop). */
  size: number;
}

const USUAL_SIZE = 256;
const MAX_SIZE = 8192;

/**
 * Reads `256`, `MODE` or `MODE:256`; a number alone is the short side.
 * @returns undefined when it is none of these.
 */
export function parseResize(text: string): Resize | undefined {
  const [, name, digits] = /^([a-z-]+)?(?:(?:^|:)(\d+))?$/.exec(text) ?? [];
  const mode = RESIZE_MODES.find((known) => known === (name ?? "keep-ratio"));
  const size = digits === undefined ? USUAL_SIZE : Number(digits);
  if (!mode || (name ?? digits) === undefined || size < 1 || size > MAX_SIZE) return undefined;
  return mode === "none" && digits !== undefined ? undefined : { mode, size };
}

/**
 * sharp's options for a mode; undefined for `none`. The modes that keep the ratio never enlarge: that would add bytes and
 * no information. Border and center-crop promise a square of the given size, and enlarge for it as img2dataset does.
 */
export function resizeOptions({ mode, size }: Resize): ResizeOptions | undefined {
  if (mode === "none") return undefined;
  // Linear: libvips averages while it shrinks, so it does not alias, and the sharper kernels cost up to a third more.
  const square = { width: size, height: size, kernel: "linear" } as const;
  if (mode === "border") return { ...square, fit: "contain", background: "#ffffff" };
  if (mode === "center-crop") return { ...square, fit: "cover", position: "centre" };
  return { ...square, fit: mode === "keep-ratio" ? "outside" : "inside", withoutEnlargement: true };
}

/**
 * The size that a mode which keeps the ratio gives a picture; undefined for the other modes, and where nothing is to be made smaller.
 */
export function keptRatioSize({ mode, size }: Resize, width: number, height: number): [number, number] | undefined {
  if (mode !== "keep-ratio" && mode !== "keep-ratio-largest") return undefined;
  const factor = (mode === "keep-ratio" ? Math.min(width, height) : Math.max(width, height)) / size;
  if (factor < 1) return undefined;
  return [Math.max(Math.round(width / factor), 1), Math.max(Math.round(height / factor), 1)];
}
