import { pipeline, type Transform } from "node:stream";
import zlib from "node:zlib";
import type { Dispatcher } from "undici";
import { allocate, grow, release, trim } from "./buffers.ts";
import { FetchError } from "./fetch-error.ts";
import { bodyFollows } from "./shared-reads.ts";

/** A body that inflates more than this is a bomb, once it is past a first MiB. */
const MAX_INFLATE_RATIO = 200;
const RATIO_FROM_BYTES = 1_048_576;
/** Servers stack none or one; more is an attack (each multiplies the ratio). */
const MAX_ENCODINGS = 2;

/** A body begins with so much memory, or with what is announced if that is less, and doubles it when it is full. */
const FIRST_BYTES = 144 * 1024;
/** Room asked for when one becomes larger whose length is not announced. */
const STEP_BYTES = 1024 * 1024;

/** Who is told how reading a body ended; exactly one of them is called, once. */
interface Ends {
  done: (body: Buffer) => void;
  /** The cap was reached and the limits allow to cut there. */
  enough: (body: Buffer) => void;
  failed: (error: Error) => void;
}

/** What a body may take. */
interface BodyLimits {
  maxBytes: number;
  truncate?: boolean;
  /** Asked when a body needs more memory than before, `bytes` in all; the connection is paused till the promise is kept. */
  room?: (bytes: number) => Promise<void> | undefined;
  /** So much memory it begins with, for which room is not asked. */
  firstBytes?: number;
}

/**
 * Gathers and decodes a body under a cap of bytes. The cap and the ratio are checked on what comes out of each piece, so
 * a bomb costs one buffer of zlib's, not what it would become.
 */
export class BodyReader {
  wireBytes = 0;
  /** Whether it waits for memory of ours: the server is not to blame for that time. */
  waiting = false;
  readonly #limits: BodyLimits;
  /** On the wire; NaN when it was not. */
  readonly #wireLength: number;
  readonly #announced: boolean;
  readonly #most: number;
  readonly #controller: Dispatcher.DispatchController;
  readonly #ends: Ends;
  readonly #first: Transform | undefined;
  readonly #last: Transform | undefined;
  readonly #decoders: Transform[] = [];
  #body: Buffer;
  #total = 0;
  #over = false;

  /** @throws FetchError for a body that is announced as too large, or in an encoding we did not ask for. */
  constructor(
    headers: Record<string, string | string[] | undefined>,
    limits: BodyLimits,
    controller: Dispatcher.DispatchController,
    ends: Ends,
  ) {
    this.#limits = limits;
    this.#controller = controller;
    this.#ends = ends;
    const announced = Number(headers["content-length"]);
    this.#wireLength = announced;
    if (announced > limits.maxBytes && !limits.truncate)
      throw new FetchError("too_large", `${announced} bytes announced, ${limits.maxBytes} allowed`);
    const encodings = encodingsOf(headers["content-encoding"]);
    // What a decoder makes of it is not announced; a byte more than allowed shows that a body is too long.
    const most = limits.maxBytes + 1;
    this.#announced = announced >= 0 && encodings.length === 0;
    this.#most = this.#announced ? Math.min(announced, most) : most;
    this.#body = allocate(Math.min(this.#most, limits.firstBytes ?? FIRST_BYTES));
    if (encodings.length === 0) {
      // Its pieces are copied as they come.
      if (this.#announced) bodyFollows(announced);
      return;
    }
    // The last one named was applied last (RFC 9110, 8.4).
    for (const name of encodings.reverse()) this.#decoders.push(decoderFor(name));
    const [first, ...others] = this.#decoders;
    let last = first;
    for (const next of others) {
      if (last) pipeline(last, next, () => {});
      last = next;
    }
    this.#first = first;
    this.#last = last;
    for (const decoder of this.#decoders) decoder.on("error", (error) => this.#fail(undecodable(error)));
    first?.on("drain", () => this.waiting || this.#controller.resume());
    last?.on("data", (chunk: Buffer) => this.#add(chunk));
    last?.on("end", () => this.#finish());
  }

  /** Whether all that was announced is here: what becomes of the connection then says nothing of it. */
  get isReceived(): boolean {
    return this.wireBytes === this.#wireLength;
  }

  /** Whether decoding, not the server, is what takes time. */
  get busy(): boolean {
    return this.#controller.paused;
  }

  take(chunk: Buffer): void {
    if (this.#over) return;
    this.wireBytes += chunk.length;
    if (this.#first) {
      if (!this.#first.write(chunk)) this.#controller.pause();
      return;
    }
    this.#add(chunk);
  }

  end(): void {
    if (this.#first) this.#first.end();
    else this.#finish();
  }

  /** Gives it up, and its memory. */
  destroy(): void {
    if (this.#over) return;
    this.#stop();
    release(this.#body);
  }

  #stop(): void {
    this.#over = true;
    for (const decoder of this.#decoders) decoder.destroy();
  }

  #add(chunk: Buffer): void {
    if (this.#over) return;
    const { maxBytes, truncate } = this.#limits;
    const before = this.#total;
    this.#total += chunk.length;
    if (this.#total > maxBytes && truncate) {
      this.#grow(maxBytes);
      chunk.copy(this.#body, before);
      this.#stop();
      this.#ends.enough(this.#body.subarray(0, maxBytes));
    } else if (this.#total > maxBytes) {
      this.#fail(new FetchError("too_large", `more than ${maxBytes} bytes`));
    } else if (this.#total > RATIO_FROM_BYTES && this.#total > this.wireBytes * MAX_INFLATE_RATIO) {
      this.#fail(new FetchError("too_large", "decompression bomb"));
    } else {
      this.#grow(this.#total);
      chunk.copy(this.#body, before);
    }
  }

  /** Makes room for `bytes`. What comes after them waits for memory if there is none. */
  #grow(bytes: number): void {
    if (bytes <= this.#body.length) return;
    const room = this.waiting ? undefined : this.#limits.room?.(this.#mayNeed(bytes));
    // What was announced may not come: memory is doubled as it comes.
    const size = room || this.waiting ? bytes : Math.min(Math.max(2 * this.#body.length, bytes), this.#most);
    this.#body = grow(this.#body, size, this.#most);
    if (!room) return;
    this.waiting = true;
    this.#controller.pause();
    // What has been sent of a bomb may inflate to a thousand times as much.
    this.#last?.pause();
    room.then(() => {
      this.waiting = false;
      if (this.#over) return;
      this.#last?.resume();
      if (!this.#first?.writableNeedDrain) this.#controller.resume();
    });
  }

  /** All that is announced; without a length a first step, which is enough for most, then all that is allowed. */
  #mayNeed(bytes: number): number {
    return this.#announced || bytes > STEP_BYTES ? this.#most : Math.min(STEP_BYTES, this.#most);
  }

  #finish(): void {
    if (this.#over) return;
    if (this.#total === 0) {
      this.#fail(new FetchError("empty", "no bytes"));
      return;
    }
    this.#over = true;
    this.#ends.done(trim(this.#body, this.#total));
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.destroy();
    this.#ends.failed(error);
  }
}

function encodingsOf(header: string | string[] | undefined): string[] {
  const encodings = String(header ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  if (encodings.length > MAX_ENCODINGS)
    throw new FetchError("protocol", `${encodings.length} content encodings on top of each other`);
  return encodings;
}

function decoderFor(name: string): Transform {
  if (name === "gzip" || name === "x-gzip") return zlib.createGunzip();
  if (name === "deflate") return zlib.createInflate();
  if (name === "br") return zlib.createBrotliDecompress();
  if (name === "zstd") return zlib.createZstdDecompress();
  throw new FetchError("protocol", `content encoding ${name.slice(0, 40)}`);
}

function undecodable(error: Error): FetchError {
  return new FetchError("protocol", `body cannot be decoded: ${error.message}`);
}
