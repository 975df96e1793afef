import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { BlockDecoder, findMark, SLACK } from "./bzip2.ts";
import { findLbzip2, isStreamHead, unpackStreams, wholeStreams } from "./lbzip2.ts";

/** A piece of a dump's text, in order. */
export interface Chunk {
  /** Valid until the next chunk is asked for. */
  text: Uint8Array;
  /** It begins behind the part that was asked for: only the end of the last page may be taken from it. */
  beyond: boolean;
}

/** A stretch of a file that could not be read. */
export interface Damage {
  /** Where it begins: a byte of the compressed file. */
  offset: number;
  reason: string;
  file: string;
}

/** Of a compressed file, what is held in memory at least: more than one block can take, so blocks are always whole. */
const WINDOW = 8 << 20;
const AHEAD = 2 << 20;
const CHUNK = 1 << 20;
/** Whole streams that lbzip2 gets at once: few enough that their text is small, enough that starting it costs little. */
const BATCH = 4 << 20;

/** A file seen through a window that only moves forward. */
class Window {
  readonly size: number;
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  start = 0;
  readonly #fd: number;

  constructor(file: string) {
    this.#fd = openSync(file, "r");
    this.size = fstatSync(this.#fd).size;
  }

  /** Makes at least {@link AHEAD} bytes from `offset` on visible, as far as the file goes. */
  show(offset: number): void {
    if (offset >= this.start && Math.min(offset + AHEAD, this.size) <= this.start + this.bytes.length) return;
    const length = Math.min(WINDOW, Math.max(0, this.size - offset));
    const buffer = new Uint8Array(length + SLACK);
    let filled = 0;
    while (filled < length) {
      const count = readSync(this.#fd, buffer, filled, length - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    this.bytes = buffer.subarray(0, filled);
    this.start = offset;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Whether a file is bzip2, by its first bytes. */
export function isBzip2(file: string): boolean {
  const window = new Window(file);
  try {
    window.show(0);
    return isStreamHead(window.bytes, 0);
  } finally {
    window.close();
  }
}

/**
 * The text of the blocks that begin in the bytes [from, to) of a bzip2 file (one stream or many), then of those behind,
 * marked as beyond, until the caller stops. A block that is damaged is told to `damaged` and passed over. Whole streams are
 * given to lbzip2 where it is installed.
 */
export function* bzip2Chunks(
  file: string,
  from: number,
  to: number,
  damaged: (damage: Damage) => void,
): Generator<Chunk | undefined> {
  const window = new Window(file);
  const decoder = new BlockDecoder();
  // Positions are in bits of the whole file: below 2^53, so plain numbers; bit operators only see the window.
  const inWindow = (bit: number) => bit - window.start * 8;
  const tell = (bit: number, reason: string) => {
    if (bit < to * 8) damaged({ offset: Math.floor(bit / 8), reason, file });
  };
  /** The next mark at or after a bit, however far; undefined at the end of the file. */
  const search = (from: number): number | undefined => {
    let bit = from;
    for (;;) {
      window.show(Math.floor(bit / 8));
      const mark = findMark(window.bytes, inWindow(bit));
      if (mark) return mark.bit + window.start * 8;
      const seen = window.start + window.bytes.length;
      if (seen >= window.size) return undefined;
      bit = (seen - 6) * 8; // The mark may straddle.
    }
  };
  const lbzip2 = findLbzip2();
  let refused = from;
  /** The text of whole streams of this part that begin at a byte, when lbzip2 can unpack them, and where they end. */
  const batch = (byte: number): { text: Buffer; end: number } | undefined => {
    if (lbzip2 === undefined || byte < refused || byte >= to) return undefined;
    window.show(byte);
    const at = byte - window.start;
    const seen = Math.min(window.bytes.length, at + BATCH, to - window.start);
    const end = wholeStreams(window.bytes, at, seen, window.start + seen === window.size);
    const text = end > at ? unpackStreams(lbzip2, window.bytes.subarray(at, end)) : undefined;
    refused = window.start + Math.max(end, at + 1);
    return text && { text, end: window.start + end };
  };
  try {
    window.show(from);
    let head = isStreamHead(window.bytes, 0);
    let bit: number | undefined = head ? (from + 4) * 8 : search(from * 8);
    while (bit !== undefined) {
      const byte = Math.floor(bit / 8);
      if (byte >= window.size) return;
      const streams = head ? batch(byte - 4) : undefined;
      head = false;
      if (streams) {
        const { text, end } = streams;
        for (let at = 0; at < text.length; at += CHUNK) yield { text: text.subarray(at, at + CHUNK), beyond: false };
        if (end >= window.size) return;
        bit = (end + 4) * 8;
        head = true;
        continue;
      }
      window.show(byte);
      const mark = findMark(window.bytes.subarray(0, byte - window.start + 7), inWindow(bit));
      const here: boolean = mark !== undefined && mark.bit === inWindow(bit);
      if (here && mark?.kind === "end") {
        // 48 bits of mark, 32 of checksum, up to a whole byte; then another stream, or nothing.
        const next = Math.ceil((bit + 80) / 8);
        if (next >= window.size) {
          if (next > window.size) tell(bit, "the file is cut short");
          return;
        }
        if (isStreamHead(window.bytes, next - window.start)) {
          bit = (next + 4) * 8;
          head = true;
          continue;
        }
        tell(next * 8, "no bzip2 stream begins here");
        yield undefined;
        bit = search(next * 8);
        continue;
      }
      try {
        if (!here) throw new Error("no block begins here");
        const text = decoder.decode(window.bytes, inWindow(bit));
        const after: number = decoder.position + window.start * 8;
        yield { text, beyond: bit >= to * 8 };
        bit = after;
      } catch (error) {
        tell(bit, (error as Error).message);
        yield undefined;
        bit = search(bit + 1);
      }
    }
  } finally {
    window.close();
  }
}

/** The same for a plain file: bytes [from, to), then those behind. */
export function* plainChunks(file: string, from: number, to: number): Generator<Chunk | undefined> {
  const fd = openSync(file, "r");
  try {
    const buffer = new Uint8Array(CHUNK);
    for (let at = from; ; ) {
      const beyond = at >= to;
      const count = readSync(fd, buffer, 0, beyond ? CHUNK : Math.min(CHUNK, to - at), at);
      if (count === 0) return;
      at += count;
      yield { text: buffer.subarray(0, count), beyond };
    }
  } finally {
    closeSync(fd);
  }
}
