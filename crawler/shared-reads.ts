import type { OnReadOpts, Socket } from "node:net";

/** Where all sockets read into, one after the other: what arrived is parsed, or copied, before the next one reads. */
const shared = Buffer.allocUnsafeSlow(64 * 1024);
const END_OF_HEAD = "\r\n\r\n";

/** Whose bytes are being parsed just now. */
let current: SharedReads | undefined;

/**
 * Says that behind the head of an answer so many bytes of body follow, and that none of them is kept once it was handed over. To be
 * called by who is told of that head, at once.
 */
export function bodyFollows(bytes: number): void {
  if (current) current.bodyBytes = bytes;
}

/**
 * Lets a socket read into memory that all sockets share. Node otherwise makes a buffer of 64 KB for each read, and V8 marks its
 * whole heap for every 64 MB of them, given back or not: that was half the cost of fetching.
 *
 * undici takes what it parses with `read()` when the socket is readable, and keeps views of a head's lines till it has all of
 * them. So the body of a known length is handed out as it lies there; heads, chunks and what has to wait are copied. What a paused
 * parser gives back was copied too: it is never part of such a body.
 */
export class SharedReads {
  /** Still to come of a body that needs no copy. */
  bodyBytes = 0;
  readonly onread: OnReadOpts = { buffer: shared, callback: (bytes) => this.#arrived(shared.subarray(0, bytes)) };
  #socket: Socket | undefined;
  /** What has arrived and was not handed out yet. */
  #rest: Buffer | undefined;

  /** @param socket was made with {@link SharedReads.onread}. */
  attach(socket: Socket): void {
    const { read } = socket;
    socket.read = (size) => (size === undefined && this.#rest ? this.#piece(this.#rest) : read.call(socket, size));
    this.#socket = socket;
  }

  /** @returns whether to go on reading. */
  #arrived(bytes: Buffer): boolean {
    const socket = this.#socket;
    if (!socket) return false;
    this.#rest = bytes;
    // What waits already comes before it.
    if (socket.readableLength === 0) {
      current = this;
      try {
        socket.emit("readable");
      } finally {
        current = undefined;
      }
    }
    // A paused parser has left it, or there is none yet.
    const left = this.#rest;
    this.#rest = undefined;
    if (!left || socket.destroyed) return true;
    this.bodyBytes -= Math.min(left.length, this.bodyBytes);
    return socket.push(Buffer.from(left));
  }

  #piece(rest: Buffer): Buffer {
    const inPlace = this.bodyBytes > 0;
    const bytes = Math.min(inPlace ? this.bodyBytes : headLength(rest), rest.length);
    this.#rest = bytes < rest.length ? rest.subarray(bytes) : undefined;
    const piece = rest.subarray(0, bytes);
    if (!inPlace) return Buffer.from(piece);
    this.bodyBytes -= bytes;
    return piece;
  }
}

function headLength(bytes: Buffer): number {
  const end = bytes.indexOf(END_OF_HEAD, 0, "latin1");
  return end < 0 ? bytes.length : end + END_OF_HEAD.length;
}
