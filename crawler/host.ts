import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { FetchError, Stopped } from "./fetch-error.ts";
import type { HostLimits } from "./host-limits.ts";

const MAX_CRAWL_DELAY = 60;
/** After errors of this weight in a row a host is left alone for the rest of the run. */
const CIRCUIT_OPENS_AT = 20;
/** No connection at all says more than an error in one answer: five in a row are enough. */
const WEIGHT_UNREACHABLE = 4;
/** A host that asks for a longer pause is left alone for the rest of the run too: nobody waits for one host that long. */
const LONGEST_PAUSE_MS = 3_600_000;
/** A host in trouble is asked at half the rate, again and again down to this fraction ... */
const SLOWEST = 64;
/** ... and after so many good answers in a row at twice the rate, up to its limits. */
const RECOVERS_AFTER = 10;

/** Waits till `at` on the monotonic clock. @throws Stopped */
async function until(at: number, stop: AbortSignal): Promise<void> {
  for (let ms = at - performance.now(); ms > 0; ms = at - performance.now()) {
    await sleep(ms, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) throw new Stopped();
  }
}

/** What all hosts behind one address may do together: machines that hold a thousand small sites are common. */
export class Address {
  readonly #inFlight: number;
  readonly #gapMs: number;
  #taken = 0;
  #next = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(inFlight: number, startsPerSecond: number) {
    this.#inFlight = inFlight;
    this.#gapMs = 1000 / startsPerSecond;
  }

  get idle(): boolean {
    return this.#taken === 0 && this.#next <= performance.now();
  }

  /** Takes a slot; returns what gives it back. @throws Stopped */
  async take(stop: AbortSignal): Promise<() => void> {
    if (this.#taken >= this.#inFlight) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#taken++;
    const at = Math.max(performance.now(), this.#next);
    this.#next = at + this.#gapMs;
    try {
      await until(at, stop);
    } catch (error) {
      this.#release();
      throw error;
    }
    return () => this.#release();
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken--;
  }
}

/** What is remembered of a host between its requests; times are on the monotonic clock. */
export interface Mood {
  nextImage: number;
  nextPage: number;
  pausedUntil: number;
  /** By how much it is asked less often than its limits allow. */
  slower: number;
  badInRow: number;
}

/** One host's queue and how it feels. */
export class Host {
  readonly limits: HostLimits;
  readonly #polite: boolean;
  readonly #address: Address | undefined;
  readonly #stop: AbortSignal;
  readonly #images;
  readonly #pages = pLimit(1);
  /** Starts are one after the other, so that waiting for a slot of the address does not bunch them. */
  readonly #gate = pLimit(1);
  readonly #mood: Mood;
  #goodInRow = 0;

  /**
   * @param polite whether the limits are ours, not agreed with the host: then a slow host is asked less often.
   * @param mood in which it was left.
   */
  constructor(
    limits: HostLimits,
    polite: boolean,
    address: Address | undefined,
    stop: AbortSignal,
    mood: Mood = { nextImage: 0, nextPage: 0, pausedUntil: 0, slower: 1, badInRow: 0 },
  ) {
    this.limits = limits;
    this.#polite = polite;
    this.#address = address;
    this.#stop = stop;
    this.#images = pLimit(limits.inFlight);
    this.#mood = mood;
    this.#pace(mood.slower);
  }

  /** Whether requests are under way, or wait for their turn. */
  get busy(): boolean {
    return [this.#images, this.#pages].some((queue) => queue.activeCount + queue.pendingCount > 0);
  }

  /** What the next object for this host must know; undefined when that is nothing. */
  get mood(): Mood | undefined {
    const { nextImage, nextPage, pausedUntil, slower, badInRow } = this.#mood;
    const fine = slower === 1 && badInRow === 0 && Math.max(nextImage, nextPage, pausedUntil) <= performance.now();
    return fine ? undefined : this.#mood;
  }

  /** Runs `task` when a picture's turn has come. @throws FetchError `host_down`, Stopped */
  image<T>(task: () => Promise<T>): Promise<T> {
    return this.#images(async () => {
      const release = await this.#gate(async () => {
        const free = await this.#turn(() => this.#mood.nextImage);
        this.#mood.nextImage = performance.now() + (1000 / this.limits.imagesPerSecond) * this.#mood.slower;
        return free;
      });
      try {
        return await task();
      } finally {
        release();
      }
    });
  }

  /** Runs `task` when a page's turn has come, one at a time. @throws FetchError `host_down`, Stopped */
  page<T>(crawlDelay: number | undefined, task: () => Promise<T>): Promise<T> {
    return this.#pages(async () => {
      const release = await this.#turn(() => this.#mood.nextPage);
      const started = performance.now();
      try {
        return await task();
      } finally {
        release();
        const now = performance.now();
        const asked = Math.min(crawlDelay ?? 0, MAX_CRAWL_DELAY);
        const slow = this.#polite ? (2 * (now - started)) / 1000 : 0;
        this.#mood.nextPage = now + Math.max(this.limits.pageGap * this.#mood.slower, asked, slow) * 1000;
      }
    });
  }

  async #turn(next: () => number): Promise<() => void> {
    for (;;) {
      if (this.#stop.aborted) throw new Stopped();
      if (this.#mood.badInRow >= CIRCUIT_OPENS_AT)
        throw new FetchError("host_down", "too many failures in a row, or a Retry-After of more than an hour");
      const at = Math.max(next(), this.#mood.pausedUntil);
      if (at > performance.now()) {
        await until(at, this.#stop);
        continue; // The host may have asked for a pause meanwhile.
      }
      const release = (await this.#address?.take(this.#stop)) ?? (() => {});
      if (Math.max(next(), this.#mood.pausedUntil) <= performance.now()) return release;
      release();
    }
  }

  /** Notes how a request ended: trouble halves the rate, good answers bring it back, Retry-After pauses the host. */
  note(error: FetchError | undefined): void {
    const pause = error?.retryAfterMs ?? 0;
    if (pause > LONGEST_PAUSE_MS) this.#mood.badInRow = CIRCUIT_OPENS_AT;
    else this.#mood.pausedUntil = Math.max(this.#mood.pausedUntil, performance.now() + pause);
    // A picture that is missing, too large or refused says nothing against its host; no answer at all does.
    if (!error || (!error.again && error.reason !== "dns")) {
      this.#mood.badInRow = 0;
      if (this.#mood.slower > 1 && ++this.#goodInRow >= RECOVERS_AFTER) this.#pace(this.#mood.slower / 2);
      return;
    }
    const unreachable = error.reason === "connect" || error.reason === "dns";
    this.#mood.badInRow += unreachable ? WEIGHT_UNREACHABLE : 1;
    if (error.kind === "host in trouble") this.#pace(Math.min(this.#mood.slower * 2, SLOWEST));
  }

  #pace(slower: number): void {
    this.#mood.slower = slower;
    this.#goodInRow = 0;
    this.#images.concurrency = Math.max(1, Math.floor(this.limits.inFlight / slower));
  }
}
