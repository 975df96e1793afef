import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit, { type LimitFunction } from "p-limit";
import { getDomain } from "tldts";
import type { Database } from "../store/database.ts";
import { FetchError } from "./fetch-error.ts";

/** What a host is asked to bear. */
export interface HostLimits {
  /** Seconds from the end of one page to the start of the next. */
  pageGap: number;
  /** Pictures begun in a second. */
  imagesPerSecond: number;
  /** Requests at the same time, pictures only; pages are fetched one by one. */
  inFlight: number;
}

const DEFAULT_LIMITS: HostLimits = { pageGap: 1, imagesPerSecond: 4, inFlight: 2 };
const MAX_CRAWL_DELAY = 60;
/** After so many failures in a row a host is left alone for the rest of the run. */
const CIRCUIT_OPENS_AT = 20;
/** How many of the last durations the median is taken of. */
const DURATIONS = 101;

/**
 * The unit of politeness: the registered domain, so that subdomains share one queue, with the port when it is not the
 * scheme's own; an address counts as a host.
 */
export function hostOf(url: URL): string {
  const domain = getDomain(url.hostname, { allowPrivateDomains: true }) ?? url.hostname;
  return url.port ? `${domain}:${url.port}` : domain;
}

/** One host's queue, limits and record. */
class Host {
  readonly limits: HostLimits;
  readonly #adaptive: boolean;
  #images: LimitFunction;
  #pages = pLimit(1);
  #nextImage = 0;
  #nextPage = 0;
  #pausedUntil = 0;
  #slower = 1;
  #failuresInRow = 0;
  requests = 0;
  ok = 0;
  failed = 0;
  bytes = 0;
  lastStatus: number | undefined;
  durations: number[] = [];

  constructor(limits: HostLimits | undefined) {
    this.limits = limits ?? DEFAULT_LIMITS;
    this.#adaptive = limits === undefined;
    this.#images = pLimit(this.limits.inFlight);
  }

  get down(): boolean {
    return this.#failuresInRow >= CIRCUIT_OPENS_AT;
  }

  image<T>(task: () => Promise<T>): Promise<T> {
    return this.#images(async () => {
      await this.#wait(() => {
        const at = Math.max(performance.now(), this.#nextImage, this.#pausedUntil);
        this.#nextImage = at + (1000 / this.limits.imagesPerSecond) * this.#slower;
        return at;
      });
      return task();
    });
  }

  page<T>(crawlDelay: number | undefined, task: () => Promise<T>): Promise<T> {
    return this.#pages(async () => {
      await this.#wait(() => Math.max(performance.now(), this.#nextPage, this.#pausedUntil));
      const started = performance.now();
      try {
        return await task();
      } finally {
        const now = performance.now();
        const asked = Math.min(crawlDelay ?? 0, MAX_CRAWL_DELAY);
        const gap = Math.max(
          this.limits.pageGap * this.#slower,
          asked,
          this.#adaptive ? (2 * (now - started)) / 1000 : 0,
        );
        this.#nextPage = now + gap * 1000;
      }
    });
  }

  /** Waits for its turn, again if the host asked for a pause meanwhile. */
  async #wait(reserve: () => number): Promise<void> {
    let at = reserve();
    while (at > performance.now()) {
      await sleep(Math.max(0, at - performance.now()));
      if (this.#pausedUntil > at) at = this.#pausedUntil;
    }
  }

  record(ms: number, bytes: number, status: number | undefined, error: FetchError | undefined): void {
    this.requests++;
    this.bytes += bytes;
    this.lastStatus = status ?? this.lastStatus;
    if (this.durations.length < DURATIONS) this.durations.push(ms);
    else this.durations[this.requests % DURATIONS] = ms;
    if (!error) {
      this.ok++;
      this.#failuresInRow = 0;
      return;
    }
    this.failed++;
    // A missing picture is no sign of a host in trouble.
    if (error.next === "give up" && error.reason !== "timeout") {
      if (error.status !== undefined) this.#failuresInRow = 0;
      return;
    }
    this.#failuresInRow++;
    if (error.retryAfterMs !== undefined)
      this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + error.retryAfterMs);
    if (error.reason === "http_429" || error.status === 503 || error.reason === "timeout")
      this.#slower = Math.min(this.#slower * 2, 64);
  }
}

/** All hosts met in a run. */
export class Hosts {
  readonly #rules: { match: (host: string, address: string | undefined) => boolean; limits: HostLimits }[] = [];
  readonly #hosts = new Map<string, Promise<Host>>();
  readonly #open = new Map<string, Host>();
  readonly #addressOf: (url: URL) => Promise<string | undefined>;

  /**
   * @param file a host-limits file, if any (`--host-limits`; format in docs/host-limits.md).
   * @param addressOf resolves a host, for the lines that name a range of addresses.
   * @throws Error naming file and line that cannot be read.
   */
  constructor(file: string | undefined, addressOf: (url: URL) => Promise<string | undefined>) {
    this.#addressOf = addressOf;
    if (file !== undefined) this.#rules = readLimits(file);
  }

  /** Runs `task` when the host's page queue comes to it; at most one at a time. */
  async page<T>(url: URL, crawlDelay: number | undefined, task: () => Promise<T>): Promise<T> {
    const host = await this.#host(url);
    if (host.down) throw new FetchError("host_down", `${CIRCUIT_OPENS_AT} failures in a row`);
    return host.page(crawlDelay, task);
  }

  /** Runs `task` when the host's picture queue comes to it. */
  async image<T>(url: URL, task: () => Promise<T>): Promise<T> {
    const host = await this.#host(url);
    return host.image(() => {
      if (host.down) throw new FetchError("host_down", `${CIRCUIT_OPENS_AT} failures in a row`);
      return task();
    });
  }

  /** How many pictures of the host may be in flight: the size of the caller's window. */
  async inFlight(url: URL): Promise<number> {
    return (await this.#host(url)).limits.inFlight;
  }

  /** Notes how a request ended; failures slow the host down, a Retry-After pauses it. */
  async record(url: URL, ms: number, bytes: number, status: number | undefined, error?: FetchError): Promise<void> {
    (await this.#host(url)).record(ms, bytes, status, error);
  }

  /** Adds what was recorded since the last call to the table `host`. */
  save(db: Database): void {
    const upsert = db.prepare(
      `INSERT INTO host VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
         ok = ok + excluded.ok, failed = failed + excluded.failed, bytes = bytes + excluded.bytes,
         median_ms = coalesce(excluded.median_ms, median_ms), last_status = coalesce(excluded.last_status, last_status)`,
    );
    db.transaction(() => {
      for (const [name, host] of this.#open) {
        if (host.requests === 0) continue;
        const sorted = host.durations.toSorted((a, b) => a - b);
        const median = Math.round((sorted[sorted.length >> 1] ?? 0) * 10) / 10;
        upsert.run(name, host.requests, host.ok, host.failed, host.bytes, median, host.lastStatus ?? null);
        host.requests = host.ok = host.failed = host.bytes = 0;
      }
    })();
  }

  #host(url: URL): Promise<Host> {
    const name = hostOf(url);
    let host = this.#hosts.get(name);
    if (!host) {
      host = this.#create(name, url);
      this.#hosts.set(name, host);
    }
    return host;
  }

  async #create(name: string, url: URL): Promise<Host> {
    const address = this.#rules.length > 0 ? await this.#addressOf(url) : undefined;
    const rule = this.#rules.find(
      ({ match }) => match(name, address) || match(url.host, address) || match(url.hostname, address),
    );
    const host = new Host(rule?.limits);
    this.#open.set(name, host);
    return host;
  }
}

function readLimits(
  file: string,
): { match: (host: string, address: string | undefined) => boolean; limits: HostLimits }[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`--host-limits ${file}: ${(error as Error).message}`);
  }
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const [name = "", ...figures] = line.trim().split(/\s+/);
    const [pageGap = Number.NaN, imagesPerSecond = Number.NaN, inFlight = Number.NaN] = figures.map(Number);
    if (!(pageGap >= 0) || !(imagesPerSecond > 0) || !(inFlight >= 1)) {
      throw new Error(
        `${file}:${index + 1}: expected "HOST seconds-between-pages image-starts-per-second requests-in-flight"`,
      );
    }
    const limits = { pageGap, imagesPerSecond, inFlight: Math.floor(inFlight) };
    const [address = "", bits = ""] = name.split("/");
    const family = isIP(address);
    if (family === 0 || bits === "") return [{ match: (host: string) => host === name.toLowerCase(), limits }];
    const range = new BlockList();
    range.addSubnet(address, Number(bits), family === 6 ? "ipv6" : "ipv4");
    return [
      {
        match: (_: string, at: string | undefined) =>
          at !== undefined && range.check(at, isIP(at) === 6 ? "ipv6" : "ipv4"),
        limits,
      },
    ];
  });
}
