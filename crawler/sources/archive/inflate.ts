import zlib from "node:zlib";

/**
 * What zlib's streams write to. It is not in Node's documentation, but packages that unpack in one go have relied on it
 * for ten years (pngjs, minizlib); where it is missing, `zlib.gunzipSync` does the same more slowly.
 */
interface Handle {
  writeSync(flush: number, from: Buffer, at: number, bytes: number, to: Buffer, toAt: number, toBytes: number): void;
  reset(): void;
}
type Stream = zlib.Gunzip & { _handle?: Handle | null; _writeState?: Uint32Array };

const START = 4 * 1_048_576;

/**
 * Unpacks gzip members into memory that is used again: what zlib's functions return, new megabytes for each call, wakes
 * the garbage collector so often that it takes as long as the unpacking.
 */
export class Inflater {
  readonly #most: number;
  #stream: Stream | undefined;
  #room: Buffer = Buffer.allocUnsafeSlow(START);

  /** @param most bytes that come out of one call. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * The content of all members in `raw`; overwritten by the next call.
   * @throws Error when a member is damaged, cut short, or becomes too large.
   */
  gunzip(raw: Buffer): Buffer {
    this.#stream ??= this.#open();
    const { _handle: handle, _writeState: state } = this.#stream;
    if (!handle?.writeSync || !state) return zlib.gunzipSync(raw, { maxOutputLength: this.#most });
    let [done, have] = [0, 0];
    for (;;) {
      handle.writeSync(
        zlib.constants.Z_FINISH,
        raw,
        done,
        raw.length - done,
        this.#room,
        have,
        this.#room.length - have,
      );
      if (this.#stream.destroyed) {
        this.#stream = undefined;
        throw new Error("damaged gzip member");
      }
      const [outLeft = 0, inLeft = 0] = state;
      have = this.#room.length - outLeft;
      done = raw.length - inLeft;
      if (outLeft > 0) break;
      if (have >= this.#most) {
        this.#stream.destroy();
        this.#stream = undefined;
        throw new Error(`more than ${this.#most} bytes`);
      }
      const larger = Buffer.allocUnsafeSlow(Math.min(2 * have, this.#most));
      this.#room.copy(larger, 0, 0, have);
      this.#room = larger;
    }
    handle.reset();
    return this.#room.subarray(0, have);
  }

  #open(): Stream {
    // Its own buffer is not used.
    const stream: Stream = zlib.createGunzip({ chunkSize: 64 });
    // The error is met where the call is made.
    stream.on("error", () => {});
    return stream;
  }
}
