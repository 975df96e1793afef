import type { Hop } from "./http.ts";

/** Bodies that are sent or wait for a decoder or reader at the same time, at most. */
const MOST_BEGUN = 320;
/** Each of them has so much from its beginning: most need no more. */
const USUAL_BYTES = 144 * 1024;
/** What all together may hold beyond it. */
const MOST_BEYOND = 32 * 1024 * 1024;

/** What one picture or page holds. */
interface Held {
  /**
   * So many bytes are needed in all.
   * @returns undefined when there is room, else what to wait for.
   */
  room(bytes: number): Promise<void> | undefined;
  /** So many bytes it is: all of it is here. */
  settle(bytes: number): void;
  /** To be called once. */
  release(): void;
}

interface Holder {
  /** Bytes beyond the usual ones. */
  beyond: number;
}

interface Waiting {
  holder: Holder;
  beyond: number;
  start: () => void;
}

/**
 * Keeps the bodies of a crawl within a fixed memory: hundreds of requests in flight are nothing at the usual 100 KB each,
 * and 5 GB when hosts send 20 MB each. Whoever finds no room waits; large pictures take none from those that begin. The first of those
 * that need more may go beyond the limit, alone, till it is done: so there is always one that comes to its end and makes room.
 */
export class BodyMemory {
  readonly #mostBegun: number;
  readonly #mostBeyond: number;
  #begun = 0;
  #beyond = 0;
  /** Who may go beyond the limit. */
  #first: Holder | undefined;
  readonly #waitingToBegin: (() => void)[] = [];
  readonly #waitingForMore: Waiting[] = [];

  constructor(mostBegun = MOST_BEGUN, mostBeyond = MOST_BEYOND) {
    this.#mostBegun = mostBegun;
    this.#mostBeyond = mostBeyond;
  }

  /** Held by all. */
  get bytes(): number {
    return this.#begun * USUAL_BYTES + this.#beyond;
  }

  /** Waits for room for one more picture. */
  async hold(): Promise<Held> {
    if (this.#begun < this.#mostBegun) this.#begun++;
    else await new Promise<void>((resolve) => this.#waitingToBegin.push(resolve));
    const holder: Holder = { beyond: 0 };
    return {
      room: (bytes) => {
        const beyond = bytes - USUAL_BYTES;
        if (beyond <= holder.beyond) return undefined;
        if (this.#take(holder, beyond)) return undefined;
        return new Promise((start) => this.#waitingForMore.push({ holder, beyond, start }));
      },
      settle: (bytes) => this.#set(holder, Math.max(bytes - USUAL_BYTES, 0)),
      release: () => {
        if (this.#first === holder) this.#first = undefined;
        const at = this.#waitingForMore.findIndex((waiting) => waiting.holder === holder);
        if (at >= 0) this.#waitingForMore.splice(at, 1);
        this.#set(holder, 0);
        const next = this.#waitingToBegin.shift();
        if (next) next();
        else this.#begun--;
      },
    };
  }

  /** @returns false when there is no room, and another one may already go beyond it. */
  #take(holder: Holder, beyond: number): boolean {
    const all = this.#beyond + beyond - holder.beyond;
    if (all > this.#mostBeyond) this.#first ??= holder;
    if (all > this.#mostBeyond && this.#first !== holder) return false;
    this.#beyond = all;
    holder.beyond = beyond;
    return true;
  }

  #set(holder: Holder, beyond: number): void {
    this.#beyond += beyond - holder.beyond;
    holder.beyond = beyond;
    for (
      let [next] = this.#waitingForMore;
      next && this.#take(next.holder, next.beyond);
      [next] = this.#waitingForMore
    ) {
      this.#waitingForMore.shift();
      next.start();
    }
  }
}

/** What one fetch holds of a {@link BodyMemory}, body or what was read from it. */
export class Holding {
  readonly #memory: BodyMemory;
  #held: Held | undefined;

  constructor(memory: BodyMemory) {
    this.#memory = memory;
  }

  /** Waits for room for a usual body. */
  async begin(): Promise<Held> {
    this.#held ??= await this.#memory.hold();
    return this.#held;
  }

  /** Runs a request once there is room for its body; a redirect has none: only what is being sent takes memory, not what waits for its host's turn. */
  readonly around = async (request: () => Promise<Hop>): Promise<Hop> => {
    await this.begin();
    const hop = await request();
    if (!("body" in hop)) this.release();
    return hop;
  };

  /** See {@link Held.room}. */
  readonly room = (bytes: number): Promise<void> | undefined => this.#held?.room(bytes);

  /** So many bytes are held from now on, also of what was not fetched. */
  async settle(bytes: number): Promise<void> {
    (await this.begin()).settle(bytes);
  }

  /** Holds nothing any more. */
  release(): void {
    this.#held?.release();
    this.#held = undefined;
  }
}
