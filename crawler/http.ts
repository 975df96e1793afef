import "../store/runtime.ts";
import { isIP } from "node:net";
import { Agent, type Dispatcher } from "undici";
import { type AddressCheck, addressCheck } from "./addresses.ts";
import { BodyReader } from "./body.ts";
import { connector, refusal } from "./connect.ts";
import { FetchError, Stopped, statusError, toFetchError } from "./fetch-error.ts";
import { DnsCache } from "./resolver.ts";

/** Headers as undici gives them: lower-case names. */
export type ResponseHeaders = Dispatcher.ResponseData["headers"];

/** An answer with status 2xx, decoded. */
export interface Fetched {
  /** The address after redirects. */
  url: string;
  status: number;
  headers: ResponseHeaders;
  body: Buffer;
  /** Milliseconds of all its requests, without waiting between them. */
  ms: number;
}

/** What one request gave: a body, or where to ask next. */
export type Hop = Fetched | { redirect: URL; status: number; ms: number };

/** What one request may cost, and who may stop it. */
export interface FetchLimits {
  /** Most bytes of the body, on the wire and decompressed. */
  maxBytes: number;
  accept: string;
  /** Takes the first `maxBytes` of a longer body instead of failing. */
  truncate?: boolean;
  /** Asked before a body takes much memory: see {@link BodyReader}. */
  room?: (bytes: number) => Promise<void> | undefined;
  /** See {@link BodyReader}; many small bodies begin with less. */
  firstBytes?: number;
  /** Runs each request, redirects too: the place for permission, waiting and records. Throws a FetchError to refuse it. */
  eachHop?: (url: URL, request: () => Promise<Hop>) => Promise<Hop>;
  /** Sees the final headers before the body is read; throws a FetchError to refuse it. */
  onHeaders?: (headers: ResponseHeaders, url: URL) => void;
}

/** Settings of a client; defaults are DESIGN's. */
export interface HttpOptions {
  userAgent: string;
  /** CIDR ranges that may be dialled although they are not public. */
  allowPrivate: readonly string[];
  /** As curl's: HOST:PORT:ADDRESS. */
  resolve: readonly string[];
  /** Name servers to ask instead of the system's. */
  dns?: readonly string[] | undefined;
  /** Total milliseconds for one request, redirects included. */
  deadlineMs?: number;
}

const MAX_REDIRECTS = 5;
/** Connecting may take this part of the deadline: 10 of 30 seconds. */
const CONNECT_SHARE = 3;
/** After this long a body must have come in at the minimum rate: a drip would else hold its slot to the deadline. */
const RATE_GRACE_MS = 5_000;
const MIN_BYTES_PER_SECOND = 1024;
/** A server may ask for idle connections to be kept, but not for longer: there are too many servers to keep one to each. */
const LONGEST_IDLE_MS = 5_000;
/** How often all requests under way are looked at: one timer for all is cheaper than two for each. */
const WATCH_MS = 200;
/** Of an answer that is not wanted so much is read, to use the connection again. */
const DISCARD_BYTES = 65_536;

/** A client that never dials an address its check refuses, and gives every request one deadline and one byte cap. */
export class HttpClient {
  readonly userAgent: string;
  readonly #agent: Agent;
  readonly #deadlineMs: number;
  readonly #mayDial: AddressCheck;
  readonly #fixed = new Map<string, string>();
  readonly #dns: DnsCache;
  /** Not a Set: each table that a Set outgrows refers to its next one, so with one in the old generation all that came through survives scavenges. */
  readonly #underWay: Exchange[] = [];
  #watch: NodeJS.Timeout | undefined;
  /** When all requests under way were last looked at. */
  #looked = 0;

  /** @throws Error naming an option that cannot be understood. */
  constructor(options: HttpOptions) {
    this.userAgent = options.userAgent;
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#mayDial = addressCheck(options.allowPrivate);
    this.#dns = new DnsCache(options.dns);
    for (const entry of options.resolve) {
      const [, host, port, address] = /^([^:]+):(\d+):\[?([^\]]+)\]?$/.exec(entry) ?? [];
      if (!host || !port || !address || isIP(address) === 0)
        throw new Error(`--resolve ${entry}: expected HOST:PORT:ADDRESS`);
      this.#fixed.set(`${host.toLowerCase()}:${port}`, address);
    }
    this.#agent = new Agent({
      allowH2: false,
      maxHeaderSize: 16 * 1024,
      keepAliveMaxTimeout: LONGEST_IDLE_MS,
      // The watch has the say about time; undici's own timeouts are per chunk.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: connector((host, port) => this.#addresses(host, port), this.#mayDial, this.#deadlineMs / CONNECT_SHARE),
    });
  }

  /**
   * Fetches `address`, following at most five redirects.
   * @throws FetchError with the drop reason and what it means; Stopped after {@link stop}.
   */
  async get(address: string, limits: FetchLimits): Promise<Fetched> {
    let url = new URL(address);
    let ms = 0;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const request = () => this.#request(url, limits, this.#deadlineMs - ms);
      const answer = await (limits.eachHop ? limits.eachHop(url, request) : request());
      ms += answer.ms;
      if (!("redirect" in answer)) return { ...answer, ms };
      url = answer.redirect;
    }
    throw new FetchError("redirect_loop", `more than ${MAX_REDIRECTS} redirects`);
  }

  /** Cuts what is under way: its callers get {@link Stopped}. */
  stop(): void {
    for (const exchange of this.#underWay) exchange.fail(new Stopped());
    this.#dns.stop();
  }

  /**
   * One GET whose body is left to the caller, who reads or destroys it: for bulk files, which take longer than any
   * deadline. Follows no redirect.
   * @throws FetchError
   */
  async open(url: URL, headers: Record<string, string>): Promise<Dispatcher.ResponseData> {
    try {
      this.#checkLiteral(url);
      return await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: "GET",
        headers: { "user-agent": this.userAgent, "accept-encoding": "identity", ...headers },
        headersTimeout: this.#deadlineMs,
        bodyTimeout: this.#deadlineMs, // between two chunks
      });
    } catch (error) {
      throw toFetchError(error);
    }
  }

  /** Closes idle connections; requests under way are cut. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** The address that a connection to `url` would go to first, or undefined when it has none that may be dialled. */
  async addressOf(url: URL): Promise<string | undefined> {
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    const host = url.hostname.replace(/^\[|\]$/g, "");
    return this.#addresses(host, port).then(
      ([first]) => first,
      () => undefined,
    );
  }

  async #request(url: URL, limits: FetchLimits, timeMs: number): Promise<Hop> {
    const started = performance.now();
    this.#checkLiteral(url);
    const exchange = new Exchange(url, limits, started + timeMs);
    exchange.place = this.#underWay.push(exchange) - 1;
    if (!this.#watch) {
      this.#watch = setInterval(() => this.#look(), WATCH_MS);
      this.#looked = started;
    }
    try {
      this.#agent.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: "GET",
          headers: { "user-agent": this.userAgent, accept: limits.accept, "accept-encoding": "gzip, deflate, br" },
        },
        exchange,
      );
      const { status, headers, body } = await exchange.done;
      const ms = performance.now() - started;
      if (body) return { url: url.href, status, headers, body, ms };
      const location = status >= 300 && status < 400 ? headers["location"] : undefined;
      if (!location) throw statusError(status, headers);
      return { redirect: redirectTarget(url, Array.isArray(location) ? location[0] : location), status, ms };
    } catch (error) {
      throw error instanceof Stopped ? error : toFetchError(error);
    } finally {
      this.#over(exchange);
    }
  }

  /** The last one of those under way takes its place. */
  #over(exchange: Exchange): void {
    const last = this.#underWay.pop();
    if (last && last !== exchange) {
      this.#underWay[exchange.place] = last;
      last.place = exchange.place;
    }
    if (this.#underWay.length > 0) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** The connector is not asked when a connection is reused, so literal addresses are checked on every hop. */
  #checkLiteral(url: URL): void {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && !this.#mayDial(host)) throw refusal(host, [host]);
  }

  #look(): void {
    const now = performance.now();
    const since = now - this.#looked;
    this.#looked = now;
    for (const exchange of this.#underWay) exchange.look(now, since, this.#deadlineMs);
  }

  async #addresses(host: string, port: string): Promise<readonly string[]> {
    const fixed = this.#fixed.get(`${host}:${port}`);
    const all = fixed ? [fixed] : isIP(host) !== 0 ? [host] : await this.#dns.addresses(host);
    const dialled = all.filter((address) => this.#mayDial(address));
    if (dialled.length === 0) throw refusal(host, all);
    return dialled;
  }
}

interface Answer {
  status: number;
  headers: ResponseHeaders;
  /** Missing when the status is not 2xx. */
  body?: Buffer;
}

/** One request and its answer, as undici hands it over in pieces. */
class Exchange implements Dispatcher.DispatchHandler {
  /** Where it is among those under way. */
  place = 0;
  readonly done: Promise<Answer>;
  readonly #limits: FetchLimits;
  readonly #url: URL;
  #deadline: number;
  readonly #settle: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #answer: Answer | undefined;
  #reader: BodyReader | undefined;
  #discarded = 0;
  #bodyFrom = 0;
  #error: Error | undefined;

  constructor(url: URL, limits: FetchLimits, deadline: number) {
    this.#url = url;
    this.#limits = limits;
    this.#deadline = deadline;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.done = promise;
    this.#settle = resolve;
    this.#reject = reject;
  }

  /** Ends a request that is over its time or too slow; `since`: milliseconds since the last look. */
  look(now: number, since: number, deadlineMs: number): void {
    const { waiting = false } = this.#reader ?? {};
    // A look that comes late: this process did not get its turn, which is no fault of the host's.
    const ours = waiting ? since : since > 2 * WATCH_MS ? since - WATCH_MS : 0;
    this.#deadline += ours;
    if (this.#bodyFrom > 0) this.#bodyFrom += ours;
    if (waiting) return;
    if (now > this.#deadline) {
      this.fail(new FetchError("timeout", `not done in ${deadlineMs} ms`, { kind: "host in trouble" }));
    } else if (this.#bodyFrom > 0) {
      const elapsed = now - this.#bodyFrom;
      const bytes = this.#reader?.wireBytes ?? this.#discarded;
      if (elapsed > RATE_GRACE_MS && (bytes / elapsed) * 1000 < MIN_BYTES_PER_SECOND && !this.#reader?.busy)
        this.fail(
          new FetchError("timeout", `slower than ${MIN_BYTES_PER_SECOND} bytes a second`, { kind: "host in trouble" }),
        );
    }
  }

  fail(error: Error): void {
    if (this.#error) return;
    this.#error = error;
    this.#reader?.destroy();
    this.#reject(error);
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#error) controller.abort(this.#error);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    if (status < 200) return;
    this.#answer = { status, headers };
    this.#bodyFrom = performance.now();
    if (status >= 300) return;
    try {
      this.#limits.onHeaders?.(headers, this.#url);
      this.#reader = new BodyReader(headers, this.#limits, controller, {
        done: (body) => this.#settle({ status, headers, body }),
        enough: (body) => {
          this.#settle({ status, headers, body });
          controller.abort(new Error("enough read"));
        },
        failed: (error) => this.fail(error),
      });
    } catch (error) {
      this.fail(error as Error);
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reader) {
      this.#reader.take(chunk);
    } else {
      this.#discarded += chunk.length;
      if (this.#discarded > DISCARD_BYTES) controller.abort(new Error("not wanted"));
    }
  }

  onResponseEnd(): void {
    if (this.#reader) this.#reader.end();
    else if (this.#answer) this.#settle(this.#answer);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    // A refusal or redirect stands, whatever becomes of its body.
    if (this.#answer && !this.#reader && !this.#error) this.#settle(this.#answer);
    else if (this.#reader?.isReceived && !this.#error) this.#reader.end();
    else this.fail(error);
  }
}

function redirectTarget(from: URL, location: string | undefined): URL {
  const target = URL.parse(location ?? "", from.href);
  if (!target || (target.protocol !== "http:" && target.protocol !== "https:")) {
    throw new FetchError("bad_redirect", `redirect to ${location?.slice(0, 100)}`);
  }
  target.hash = "";
  return target;
}
