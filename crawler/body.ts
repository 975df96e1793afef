import { pipeline, type Transform } from "node:stream";
import zlib from "node:zlib";
import type { Dispatcher } from "undici";
import { FetchError } from "./fetch-error.ts";

/** A body that inflates more than this is a bomb, once it is past a first MiB. */
const MAX_INFLATE_RATIO = 200;
const RATIO_FROM_BYTES = 1_048_576;
/** Servers stack none or one; more is an attack (each multiplies the ratio). */
const MAX_ENCODINGS = 2;

/** Who is told how reading a body ended; exactly one of them is called, once. */
interface Ends {
  done: (body: Buffer) => void;
  /** The cap was reached and the limits allow to cut there. */
  enough: (body: Buffer) => void;
  failed: (error: Error) => void;
}

/**
 * Gathers and decodes a body under a cap of bytes. The cap and the ratio are checked on what comes out of each piece, so
 * a bomb costs one buffer of zlib's, not what it would become.
 */
export class BodyReader {
  wireBytes = 0;
  readonly #maxBytes: number;
  readonly #truncate: boolean;
  readonly #controller: Dispatcher.DispatchController;
  readonly #ends: Ends;
  readonly #chunks: Buffer[] = [];
  readonly #first: Transform | undefined;
  readonly #decoders: Transform[] = [];
  #total = 0;
  #over = false;

  /** @throws FetchError for a body that is announced as too large, or in an encoding we did not ask for. */
  constructor(
    headers: Record<string, string | string[] | undefined>,
    limits: { maxBytes: number; truncate?: boolean },
    controller: Dispatcher.DispatchController,
    ends: Ends,
  ) {
    this.#maxBytes = limits.maxBytes;
    this.#truncate = limits.truncate ?? false;
    this.#controller = controller;
    this.#ends = ends;
    const announced = Number(headers["content-length"]);
    if (announced > this.#maxBytes && !this.#truncate)
      throw new FetchError("too_large", `${announced} bytes announced, ${this.#maxBytes} allowed`);
    const encodings = encodingsOf(headers["content-encoding"]);
    if (encodings.length === 0) return;
    // The last one named was applied last (RFC 9110, 8.4).
    for (const name of encodings.reverse()) this.#decoders.push(decoderFor(name));
    const [first, ...others] = this.#decoders;
    this.#first = first;
    let last = first;
    for (const next of others) {
      if (last) pipeline(last, next, () => {});
      last = next;
    }
    for (const decoder of this.#decoders) decoder.on("error", (error) => this.#fail(undecodable(error)));
    first?.on("drain", () => this.#controller.resume());
    last?.on("data", (chunk: Buffer) => this.#add(chunk));
    last?.on("end", () => this.#finish());
  }

  /** Whether decoding, not the server, is what takes time. */
  get busy(): boolean {
    return this.#controller.paused;
  }

  take(chunk: Buffer): void {
    if (this.#over) return;
    this.wireBytes += chunk.length;
    if (!this.#first) this.#add(chunk);
    else if (!this.#first.write(chunk)) this.#controller.pause();
  }

  end(): void {
    if (this.#first) this.#first.end();
    else this.#finish();
  }

  destroy(): void {
    this.#over = true;
    for (const decoder of this.#decoders) decoder.destroy();
  }

  #add(chunk: Buffer): void {
    if (this.#over) return;
    this.#total += chunk.length;
    this.#chunks.push(chunk);
    if (this.#total > this.#maxBytes && this.#truncate) {
      this.destroy();
      this.#ends.enough(Buffer.concat(this.#chunks).subarray(0, this.#maxBytes));
    } else if (this.#total > this.#maxBytes) {
      this.#fail(new FetchError("too_large", `more than ${this.#maxBytes} bytes`));
    } else if (this.#total > RATIO_FROM_BYTES && this.#total > this.wireBytes * MAX_INFLATE_RATIO) {
      this.#fail(new FetchError("too_large", "decompression bomb"));
    }
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    const [only] = this.#chunks;
    if (this.#total === 0) this.#ends.failed(new FetchError("empty", "no bytes"));
    else this.#ends.done(this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks, this.#total));
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
