import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { findMark } from "./bzip2.ts";

/**
 * lbzip2 (Debian's package of that name) unpacks bzip2 faster than our own decoder, but only whole streams, and it says
 * nothing about bytes between them that are none. So it gets those streams of a multistream dump that follow one another
 * without a gap; the rest, and whatever it refuses, is left to our own decoder. The text is the same.
 */

/** What a batch unpacks to at most; a few MB of a dump take 16. */
const MOST_TEXT = 256 << 20;

/** Where lbzip2 is installed; undefined when it is not. */
export function findLbzip2(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, "lbzip2")).find((file) => existsSync(file));
}

/** Unpacks streams that follow one another without a gap; undefined when any of it is damaged. */
export function unpackStreams(program: string, streams: Uint8Array): Buffer | undefined {
  const options = { input: streams, maxBuffer: MOST_TEXT, env: { PATH: process.env["PATH"] ?? "" } };
  // One thread: the other processors have parts of their own.
  const { status, stdout, stderr } = spawnSync(program, ["-dc", "-n1"], options);
  return status === 0 && stderr.length === 0 ? stdout : undefined;
}

/** "BZh1" to "BZh9" */
export function isStreamHead(bytes: Uint8Array, at: number): boolean {
  const level = bytes[at + 3] ?? 0;
  return bytes[at] === 0x42 && bytes[at + 1] === 0x5a && bytes[at + 2] === 0x68 && level >= 0x31 && level <= 0x39;
}

/**
 * Behind the last of the whole streams that begin at `start` and follow one another without a gap; `start` when there is
 * none that ends before `end`, or at it.
 * @param last whether the file ends at `end`, so that no other stream need begin there.
 */
export function wholeStreams(bytes: Uint8Array, start: number, end: number, last: boolean): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let whole = start;
  for (let at = buffer.indexOf("BZh", start + 4); at >= 0 && at <= end; at = buffer.indexOf("BZh", at + 3)) {
    if (!isStreamHead(bytes, at) || findMark(bytes.subarray(0, at + 10), (at + 4) * 8)?.bit !== (at + 4) * 8) continue;
    if (!endsStream(bytes, at)) return whole;
    whole = at;
  }
  return last && endsStream(bytes, end) ? end : whole;
}

/** Whether a stream ends before byte `at`: 48 bits of mark, 32 of checksum, up to a whole byte. */
function endsStream(bytes: Uint8Array, at: number): boolean {
  if (at < 11) return false;
  const mark = findMark(bytes.subarray(0, at - 4), (at - 11) * 8 + 1);
  return mark?.kind === "end" && Math.ceil((mark.bit + 80) / 8) === at;
}
