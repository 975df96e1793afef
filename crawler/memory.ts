/** Bytes of bodies on their way or waiting for a decoder, above which no further picture is begun. */
const MOST_BYTES = 128 * 1024 * 1024;
/** Held for a picture whose size is not known yet: no more than 256 are sent at a time. */
const USUAL_BYTES = 512 * 1024;

/** What one picture holds. */
export interface Held {
  /** The size is known now, from its header or because it is here. */
  expect(bytes: number): void;
  release(): void;
}

/**
 * Keeps the bodies of a crawl within a fixed memory: hundreds of requests in flight are nothing at the usual 100 KB each,
 * and 5 GB when hosts send 20 MB each.
 */
export class BodyMemory {
  readonly #most: number;
  #bytes = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /** Waits for room for one more picture; one alone always has room. */
  async hold(): Promise<Held> {
    while (this.#bytes > 0 && this.#bytes + USUAL_BYTES > this.#most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    let own = USUAL_BYTES;
    this.#bytes += own;
    return {
      expect: (bytes) => {
        if (!Number.isFinite(bytes)) return;
        this.#bytes += bytes - own;
        own = bytes;
        this.#wake();
      },
      release: () => {
        this.#bytes -= own;
        own = 0;
        this.#wake();
      },
    };
  }

  #wake(): void {
    if (this.#bytes + USUAL_BYTES <= this.#most) this.#waiting.shift()?.();
  }
}
