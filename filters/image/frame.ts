/**
 * What goes between the crawl and its decoders: a small JSON text, then bytes, over a socket. Node's own channel would copy the bytes
 * three times on the way and leave the copies to the garbage collector, which cost as much as fetching them.
 */
import { readSync, writeSync } from "node:fs";

/** Two lengths, 32 bits each: of the text and of the bytes. */
const LENGTHS = 8;

/** The beginning of a frame whose `length` bytes follow it. */
export function frameHead(message: object, length: number): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  const head = Buffer.allocUnsafe(LENGTHS + text.length);
  head.writeUInt32LE(text.length, 0);
  head.writeUInt32LE(length, 4);
  text.copy(head, LENGTHS);
  return head;
}

/** Puts frames together from what a socket gives. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** @returns the message and its bytes once they are whole. */
  add(chunk: Buffer): { message: unknown; bytes: Buffer } | undefined {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < LENGTHS) return undefined;
    // The first chunk holds both lengths, unless the socket gave a few bytes only.
    if ((this.#chunks[0]?.length ?? 0) < LENGTHS) this.#chunks = [Buffer.concat(this.#chunks)];
    const [first = chunk] = this.#chunks;
    const text = LENGTHS + first.readUInt32LE(0);
    const end = text + first.readUInt32LE(4);
    if (this.#length < end) return undefined;
    const all = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    return { message: JSON.parse(all.toString("utf8", LENGTHS, text)), bytes: all.subarray(text, end) };
  }
}

/** Most frames are no longer: for one that is, memory is taken and given back. */
const USUAL = 256 * 1024;
const KEPT = 4 * 1024 * 1024;
let memory = Buffer.allocUnsafeSlow(USUAL);

/**
 * Waits for a frame, doing nothing else.
 * @returns undefined at the end of the stream. The bytes are good until the next call.
 */
export function receiveFrame(descriptor: number): { message: unknown; bytes: Buffer } | undefined {
  if (memory.length > KEPT) {
    memory.buffer.transfer(0);
    memory = Buffer.allocUnsafeSlow(USUAL);
  }
  if (!fill(descriptor, 0, LENGTHS)) return undefined;
  const text = memory.readUInt32LE(0);
  const end = text + memory.readUInt32LE(4);
  if (end > memory.length) memory = Buffer.allocUnsafeSlow(end);
  if (!fill(descriptor, 0, end)) return undefined;
  return { message: JSON.parse(memory.toString("utf8", 0, text)), bytes: memory.subarray(text, end) };
}

function fill(descriptor: number, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const read = readSync(descriptor, memory, at, to - at, null);
    if (read === 0) return false;
    at += read;
  }
  return true;
}

/** Sends a frame, and waits till it is taken. */
export function sendFrame(descriptor: number, message: object, bytes: Uint8Array): void {
  for (const part of [frameHead(message, bytes.length), bytes])
    for (let at = 0; at < part.length; ) at += writeSync(descriptor, part, at);
}
