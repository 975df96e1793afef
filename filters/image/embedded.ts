import readExif from "exif-reader";
import type { Metadata } from "sharp";
import { prohibitsTraining, readXmpRights, type XmpRights } from "./xmp.ts";

/** What a picture says about itself, as kept with its pair; empty fields are left out. */
export interface Embedded {
  /** Description, artist, copyright, date: what a data set can use. Camera, serial numbers and places are left out. */
  exif: Record<string, string>;
  rights: XmpRights;
  /** Opt-out signals, e.g. `plus:DataMining DMI-PROHIBITED`. */
  optOut: string[];
}

/**
 * EXIF tags that are kept. Left out on purpose: make, model, lens and settings (of the camera, not of the picture), serial
 * numbers, owner and GPS (they identify people), thumbnails and maker notes.
 */
const KEPT: readonly [group: "Image" | "Photo", tag: string, name: string][] = [
  ["Image", "ImageDescription", "description"],
  ["Image", "Artist", "artist"],
  ["Image", "Copyright", "copyright"],
  ["Photo", "DateTimeOriginal", "date"],
  ["Photo", "UserComment", "comment"],
];
const MAX_VALUE = 1000;
const MAX_EXIF_BYTES = 128 * 1024;

/** Reads EXIF, IPTC and XMP from what sharp found in the file; what is broken is left out, nothing throws. */
export function readEmbedded({ exif, iptc, xmp }: Metadata): Embedded {
  const found: Embedded = { exif: {}, rights: {}, optOut: [] };
  if (exif && exif.length <= MAX_EXIF_BYTES) found.exif = keptExif(exif);
  if (xmp) found.rights = readXmpRights(xmp);
  const { copyright, artist } = found.exif;
  const notice = found.rights.copyright ?? copyright ?? (iptc && iptcText(iptc, COPYRIGHT_NOTICE));
  if (notice) found.rights.copyright = notice;
  const creator = found.rights.creator ?? artist ?? (iptc && iptcText(iptc, BY_LINE));
  if (creator) found.rights.creator = creator;
  if (found.rights.dataMining && prohibitsTraining(found.rights)) found.optOut.push(found.rights.dataMining);
  return found;
}

function keptExif(bytes: Buffer): Record<string, string> {
  const kept: Record<string, string> = {};
  try {
    const tags = readExif(bytes);
    for (const [group, tag, name] of KEPT) {
      const text = toText(tags[group]?.[tag]);
      if (text) kept[name] = text;
    }
  } catch {
    // Cut or invented tags: the picture may still be fine.
  }
  return kept;
}

function toText(value: unknown): string {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString().slice(0, 19);
  // UserComment begins with the name of its encoding in eight bytes.
  const text = Buffer.isBuffer(value) ? value.subarray(8).toString("utf8") : typeof value === "string" ? value : "";
  return text
    .replace(/[\0-\x20\x7f\ufffd]+/g, " ")
    .trim()
    .slice(0, MAX_VALUE);
}

/** Datasets of the application record (IPTC IIM 4.2): 2:80 and 2:116. */
const BY_LINE = 80;
const COPYRIGHT_NOTICE = 116;

/** The first value of a dataset of record 2: marker 0x1c, record, dataset, length in two bytes, bytes. */
function iptcText(block: Buffer, dataset: number): string | undefined {
  for (let at = block.indexOf(0x1c); at >= 0 && at + 5 <= block.length; at = block.indexOf(0x1c, at + 1)) {
    if (block[at + 1] !== 2 || block[at + 2] !== dataset) continue;
    const length = block.readUInt16BE(at + 3);
    const text = toText(block.subarray(at + 5, at + 5 + Math.min(length, MAX_VALUE)).toString("utf8"));
    if (text) return text;
  }
  return undefined;
}
