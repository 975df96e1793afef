import { setMaxListeners } from "node:events";
import { isIPv6 } from "node:net";
import { getDomain } from "tldts";
import type { Database } from "../store/database.ts";
import type { FetchError } from "./fetch-error.ts";
import { Address, Host, type Mood } from "./host.ts";
import { DEFAULT_LIMITS, type LimitsRule, readHostLimits } from "./host-limits.ts";
import { SizedCache } from "./sized-cache.ts";

/** What the hosts behind one address bear together, whatever their own limits. */
const ADDRESS_IN_FLIGHT = 8;
const ADDRESS_STARTS_PER_SECOND = 16;
/** Hosts with queues in memory, 4 KB each; of those beyond that have nothing to do only the mood is kept ... */
const MOST_HOSTS = 10_000;
/** ... of so many that have any: a web has more dead hosts than memory has room for. */
const MOST_MOODS = 100_000;
/** How many of the last durations the median is taken of. */
const DURATIONS = 31;

/**
 * The unit of politeness: the registered domain, so that subdomains share one queue, with the port when it is not the
 * scheme's own; an address counts as a host.
 */
export function hostOf(url: URL): string {
  const domain = getDomain(url.hostname, { allowPrivateDomains: true }) ?? url.hostname;
  return url.port ? `${domain}:${url.port}` : domain;
}

/** What the table `host` gets. */
interface HostRecord {
  requests: number;
  ok: number;
  failed: number;
  bytes: number;
  lastStatus: number | undefined;
  durations: number[];
}

/** All hosts met in a run. */
export class Hosts {
  readonly #rules: readonly LimitsRule[];
  readonly #hosts = new Map<string, Promise<Host>>();
  readonly #ready = new Map<string, Host>();
  readonly #addresses = new Map<string, Address>();
  readonly #moods = new SizedCache<Mood>(MOST_MOODS);
  readonly #records = new Map<string, HostRecord>();
  readonly #addressOf: (url: URL) => Promise<string | undefined>;
  readonly #stop: AbortSignal;

  /**
   * @param file a host-limits file, if any.
   * @param addressOf resolves a host: for the limit of its address and the lines that name a range of addresses.
   * @param stop ends all waiting with Stopped.
   * @throws Error naming file and line that cannot be read.
   */
  constructor(
    file: string | undefined,
    addressOf: (url: URL) => Promise<string | undefined>,
    stop: AbortSignal = new AbortController().signal,
  ) {
    this.#addressOf = addressOf;
    this.#rules = file === undefined ? [] : readHostLimits(file);
    this.#stop = stop;
    setMaxListeners(0, stop); // Every waiting request listens.
  }

  /**
   * Runs `task` when the host's page queue comes to it; at most one at a time.
   * @param crawlDelay seconds that robots.txt asks for.
   * @throws FetchError `host_down` when the host failed too often, Stopped at the end of the run.
   */
  async page<T>(url: URL, crawlDelay: number | undefined, task: () => Promise<T>): Promise<T> {
    return (await this.#host(url)).page(crawlDelay, task);
  }

  /** Runs `task` when the host's picture queue comes to it. @throws as {@link page} */
  async image<T>(url: URL, task: () => Promise<T>): Promise<T> {
    return (await this.#host(url)).image(task);
  }

  /** How many pictures of the host may be in flight: the size of the caller's window. */
  async inFlight(url: URL): Promise<number> {
    return (await this.#host(url)).limits.inFlight;
  }

  /** Notes how a request ended; failures slow the host down, a Retry-After pauses it. */
  async record(url: URL, ms: number, bytes: number, status: number | undefined, error?: FetchError): Promise<void> {
    const name = hostOf(url);
    let record = this.#records.get(name);
    if (!record) {
      record = { requests: 0, ok: 0, failed: 0, bytes: 0, lastStatus: undefined, durations: [] };
      this.#records.set(name, record);
    }
    record.durations[record.requests % DURATIONS] = ms;
    record.requests++;
    record.bytes += bytes;
    record.lastStatus = status ?? record.lastStatus;
    if (error) record.failed++;
    else record.ok++;
    (await this.#host(url)).note(error);
  }

  /** Adds what was recorded since the last call to the table `host`. */
  save(db: Database): void {
    const upsert = db.prepare(
      `INSERT INTO host VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
         ok = ok + excluded.ok, failed = failed + excluded.failed, bytes = bytes + excluded.bytes,
         median_ms = coalesce(excluded.median_ms, median_ms), last_status = coalesce(excluded.last_status, last_status)`,
    );
    db.transaction(() => {
      for (const [name, { requests, ok, failed, bytes, durations, lastStatus }] of this.#records) {
        const sorted = durations.toSorted((a, b) => a - b);
        const median = Math.round((sorted[sorted.length >> 1] ?? 0) * 10) / 10;
        upsert.run(name, requests, ok, failed, bytes, median, lastStatus ?? null);
      }
    })();
    this.#records.clear();
  }

  #host(url: URL): Promise<Host> {
    const name = hostOf(url);
    let host = this.#hosts.get(name);
    if (!host) {
      if (this.#hosts.size >= MOST_HOSTS) this.#forget();
      host = this.#create(name, url);
      this.#hosts.set(name, host);
    }
    return host;
  }

  async #create(name: string, url: URL): Promise<Host> {
    const address = await this.#addressOf(url);
    const rule = this.#rules.find(({ fits }) => fits([name, url.host, url.hostname], address));
    // Whoever wrote a line for a range knows the machines in it; they have no limit of their own then.
    const shared = address === undefined || rule?.range ? undefined : this.#address(address);
    const host = new Host(
      rule?.limits ?? DEFAULT_LIMITS,
      rule === undefined,
      shared,
      this.#stop,
      this.#moods.get(name),
    );
    this.#ready.set(name, host);
    return host;
  }

  #address(address: string): Address {
    // Providers give a /64 of IPv6 to one machine.
    const key = isIPv6(address) ? new URL(`http://[${address}]`).hostname.split(":").slice(0, 4).join(":") : address;
    let shared = this.#addresses.get(key);
    if (!shared) {
      shared = new Address(ADDRESS_IN_FLIGHT, ADDRESS_STARTS_PER_SECOND);
      this.#addresses.set(key, shared);
    }
    return shared;
  }

  #forget(): void {
    for (const [name, host] of this.#ready) {
      if (host.busy) continue;
      if (host.mood) this.#moods.set(name, host.mood, 1);
      this.#ready.delete(name);
      this.#hosts.delete(name);
    }
    for (const [key, address] of this.#addresses) if (address.idle) this.#addresses.delete(key);
  }
}
