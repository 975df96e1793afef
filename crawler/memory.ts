/** Bytes of bodies on their way or waiting for a decoder, above which no further picture is begun. */
const MOST_BYTES = 96 * 1024 * 1024;
/** Held for each picture from its beginning: most need no more, and 256 of them leave room for large ones. */
const USUAL_BYTES = 256 * 1024;

/** What one picture holds. */
export interface Held {
  /**
   * More is needed, at most `bytes`.
   * @returns undefined when there is room, else what to wait for.
   */
  room(bytes: number): Promise<void> | undefined;
  /** So many bytes it is: the picture is here. */
  settle(bytes: number): void;
  release(): void;
}

/**
 * Keeps the bodies of a crawl within a fixed memory: hundreds of requests in flight are nothing at the usual 100 KB each,
 * and 5 GB when hosts send 20 MB each. Whoever needs more than usual gets room for all that it may become, or waits for it: so what
 * was begun can always be finished.
 */
export class BodyMemory {
  readonly #most: number;
  #bytes = 0;
  /** Pictures that were given more than usual. */
  #large = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #waitingForMore: { bytes: number; start: () => void }[] = [];

  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /** Waits for room for one more picture; one alone always has room. */
  async hold(): Promise<Held> {
    while (this.#bytes > 0 && this.#bytes + USUAL_BYTES > this.#most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    let own = 0;
    let large = false;
    let waits: { bytes: number; start: () => void } | undefined;
    const change = (bytes: number, isLarge: boolean) => {
      this.#bytes += bytes - own;
      this.#large += Number(isLarge) - Number(large);
      own = bytes;
      large = isLarge;
    };
    change(USUAL_BYTES, false);
    return {
      room: (bytes) => {
        if (bytes <= own) return undefined;
        if (this.#fits(bytes - own)) {
          change(bytes, true);
          return undefined;
        }
        return new Promise((resolve) => {
          const start = () => {
            change(bytes, true);
            resolve();
          };
          waits = { bytes: bytes - own, start };
          this.#waitingForMore.push(waits);
        });
      },
      settle: (bytes) => {
        change(bytes, bytes > USUAL_BYTES);
        this.#wake();
      },
      release: () => {
        change(0, false);
        const at = waits ? this.#waitingForMore.indexOf(waits) : -1;
        if (at >= 0) this.#waitingForMore.splice(at, 1);
        this.#wake();
      },
    };
  }

  #fits(more: number): boolean {
    return this.#large === 0 || this.#bytes + more <= this.#most;
  }

  #wake(): void {
    for (let next = this.#waitingForMore[0]; next && this.#fits(next.bytes); next = this.#waitingForMore[0]) {
      this.#waitingForMore.shift();
      next.start();
    }
    if (this.#bytes + USUAL_BYTES <= this.#most) this.#waiting.shift()?.();
  }
}

/** Memory comes in multiples of it; none of them is the size of the pool that Node cuts small buffers from. */
const GRAIN = 48 * 1024;
/** Up to this size memory is kept to be used again, and so much of it. */
const [MOST_SPARE, SPARE_BYTES] = [20 * GRAIN, 16 * 1024 * 1024];
const spare = new Map<number, ArrayBuffer[]>();
let spareBytes = 0;

/**
 * At least so many bytes, with anything in them: ones that were released, if there are. The garbage collector counts what passes
 * through, given back or not, and at hundreds of pictures a second would do little else.
 */
export function allocate(bytes: number): Buffer {
  if (bytes > MOST_SPARE) return Buffer.allocUnsafeSlow(bytes);
  const size = Math.ceil(bytes / GRAIN) * GRAIN;
  const buffer = spare.get(size)?.pop();
  if (!buffer) return Buffer.allocUnsafeSlow(size);
  spareBytes -= size;
  return Buffer.from(buffer);
}

/**
 * Gives the memory of bytes back at once that nobody reads any more. To be called once.
 * @param bytes are alone in their memory, or share it with what is over too; small ones that share Node's pool are left alone.
 */
export function release({ buffer }: Buffer): void {
  const { byteLength: size } = buffer;
  if (!(buffer instanceof ArrayBuffer) || size === Buffer.poolSize) return;
  if (size === 0 || size % GRAIN !== 0 || size > MOST_SPARE || spareBytes + size > SPARE_BYTES) {
    buffer.transfer(0);
    return;
  }
  const kept = spare.get(size) ?? [];
  spare.set(size, kept);
  if (kept.includes(buffer)) return;
  kept.push(buffer);
  spareBytes += size;
}
