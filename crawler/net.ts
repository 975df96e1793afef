import type { Database } from "../store/database.ts";
import { toFetchError } from "./fetch-error.ts";
import { Hosts } from "./hosts.ts";
import { type Fetched, type FetchLimits, HttpClient } from "./http.ts";
import { RobotsCache } from "./robots-cache.ts";

/** The product token of our User-Agent, by which robots.txt and X-Robots-Tag may address us. */
export const AGENT = "webimagetext";

/** How requests reach the world. */
export interface NetOptions {
  userAgent: string;
  allowPrivate: readonly string[];
  resolve: readonly string[];
  hostLimits: string | undefined;
  deadlineMs?: number;
}

/** All that a stage needs to fetch politely: the client, the robots.txt cache and the hosts' queues. */
export class Net {
  readonly agent = AGENT;
  readonly http: HttpClient;
  readonly robots: RobotsCache;
  readonly hosts: Hosts;

  constructor(db: Database, options: NetOptions) {
    this.http = new HttpClient(options);
    this.robots = new RobotsCache(db, this.http, AGENT);
    this.hosts = new Hosts(options.hostLimits, (url) => this.http.addressOf(url));
  }

  /**
   * A GET that asks robots.txt before each hop and notes the outcome for the host.
   * @throws FetchError
   */
  async get(url: URL, limits: FetchLimits): Promise<Fetched> {
    const started = performance.now();
    try {
      const response = await this.http.get(url.href, { ...limits, beforeHop: (hop) => this.robots.check(hop) });
      await this.hosts.record(url, response.ms, response.body.length, response.status);
      return response;
    } catch (error) {
      const failure = toFetchError(error);
      // What we refused ourselves was no request, and says nothing about the host.
      const ours = failure.reason === "robots" || failure.reason === "private_address";
      if (!ours) await this.hosts.record(url, performance.now() - started, 0, failure.status, failure);
      throw failure;
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.http.close();
  }
}
