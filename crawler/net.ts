import type { Database } from "../store/database.ts";
import { FetchError, Stopped, toFetchError } from "./fetch-error.ts";
import { readHostLimits } from "./host-limits.ts";
import { Hosts } from "./hosts.ts";
import {
  type Fetched,
  type FetchLimits,
  type Hop,
  HttpClient,
  type HttpOptions,
  type ResponseHeaders,
} from "./http.ts";
import { headerOptOut, tdmHeader } from "./opt-out.ts";
import { SiteRules } from "./site-rules.ts";

/** The product token of our User-Agent, by which robots.txt and X-Robots-Tag may address us. */
export const AGENT = "webimagetext";

/** How requests reach the world. */
export interface NetOptions extends HttpOptions {
  hostLimits: string | undefined;
  /** What opt-out signals lead to: the picture is not taken, or they are only written down. */
  optOut?: "obey" | "record" | undefined;
}

/**
 * Looks at options before anything is done with them.
 * @throws Error naming the option that cannot be understood.
 */
export function checkNetOptions(options: NetOptions): void {
  new HttpClient(options);
  if (options.hostLimits !== undefined) readHostLimits(options.hostLimits);
}

/** An answer with the opt-out signals that apply to it. */
export interface Answer extends Fetched {
  optOut: string[];
}

/** What a caller may ask of a request; the rest is the net's. */
export interface Wanted extends Pick<FetchLimits, "maxBytes" | "accept" | "onHeaders" | "room"> {
  /** Runs each hop once its host's turn has come: what it takes is not held while a request waits for its turn. */
  around?: (request: () => Promise<Hop>) => Promise<Hop>;
}

/** What is in flight when the run ends may take so much longer. */
const GRACE_MS = 5_000;
/** So many requests later the table `host` is brought up to date. */
const SAVE_EVERY = 2_000;

/** All that a stage needs to fetch politely: the client, the sites' rules and the hosts' queues. */
export class Net {
  readonly agent = AGENT;
  readonly http: HttpClient;
  readonly robots: SiteRules;
  readonly hosts: Hosts;
  readonly obeysOptOut: boolean;
  readonly #db: Database;
  #requests = 0;

  /** @param stop ends all waiting, and after five seconds what is in flight. */
  constructor(db: Database, options: NetOptions, stop?: AbortSignal) {
    this.#db = db;
    this.http = new HttpClient(options);
    this.robots = new SiteRules(db, this.http, AGENT, stop);
    this.hosts = new Hosts(options.hostLimits, (url) => this.http.addressOf(url), stop);
    this.obeysOptOut = options.optOut !== "record";
    stop?.addEventListener("abort", () => setTimeout(() => this.http.stop(), GRACE_MS).unref(), { once: true });
  }

  /**
   * Fetches a page when its host's queue comes to it, redirects under the rules of the hosts they lead to. What opts a
   * page out is only listed: its links may still be followed.
   * @throws FetchError, Stopped
   */
  async page(url: URL, wanted: Wanted): Promise<Answer> {
    const enter = async (hop: URL, request: () => Promise<Hop>) =>
      this.hosts.page(hop, (await this.robots.of(hop)).crawlDelay, request);
    const answer = await this.http.get(url.href, { ...wanted, eachHop: this.#hop(enter) });
    const site = await this.robots.optOut(new URL(answer.url));
    return { ...answer, optOut: this.#signals(site, answer.headers) };
  }

  /**
   * Fetches a picture the same way. One that is reserved from training is refused as early as the signal is seen: before
   * the request, or before the body.
   * @throws FetchError (`opt_out` with its signals), Stopped
   */
  async image(url: URL, wanted: Wanted): Promise<Answer> {
    let site: Awaited<ReturnType<SiteRules["optOut"]>> = { signals: [], tdm: [] };
    let optOut: string[] = [];
    const refuse = (signals: readonly string[]) => {
      if (this.obeysOptOut && signals.length > 0)
        throw new FetchError("opt_out", signals.join("; "), { kind: "refused by policy", signals });
    };
    const enter = async (hop: URL, request: () => Promise<Hop>) => {
      site = await this.robots.optOut(hop);
      refuse(site.signals);
      const { around } = wanted;
      return this.hosts.image(hop, around ? () => around(request) : request);
    };
    const onHeaders = (headers: ResponseHeaders, hop: URL) => {
      optOut = this.#signals(site, headers);
      refuse(optOut);
      wanted.onHeaders?.(headers, hop);
    };
    const answer = await this.http.get(url.href, { ...wanted, onHeaders, eachHop: this.#hop(enter) });
    return { ...answer, optOut };
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.http.close();
  }

  #signals(site: { signals: string[]; tdm: string[] }, headers: ResponseHeaders): string[] {
    const tdm = tdmHeader(headers) === undefined ? site.tdm : [];
    return [...site.signals, ...tdm, ...headerOptOut(headers, AGENT)];
  }

  /** Every hop asks the robots.txt of its own host, waits in that host's queue, and is noted for that host. */
  #hop(enter: (url: URL, request: () => Promise<Hop>) => Promise<Hop>): NonNullable<FetchLimits["eachHop"]> {
    return async (url, request) => {
      await this.robots.check(url);
      return enter(url, async () => {
        const started = performance.now();
        try {
          const hop = await request();
          const bytes = "body" in hop ? hop.body.length : 0;
          await this.#record(url, hop.ms, bytes, hop.status);
          return hop;
        } catch (error) {
          if (error instanceof Stopped) throw error;
          const failure = toFetchError(error);
          await this.#record(url, performance.now() - started, 0, failure.status, failure);
          throw failure;
        }
      });
    };
  }

  async #record(url: URL, ms: number, bytes: number, status: number | undefined, error?: FetchError): Promise<void> {
    // What we refused ourselves says nothing about the host.
    if (error?.kind === "refused by policy" && error.reason !== "tls") return;
    await this.hosts.record(url, ms, bytes, status, error);
    if (++this.#requests % SAVE_EVERY === 0) this.hosts.save(this.#db);
  }
}
