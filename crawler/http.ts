import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { pipeline, Readable } from "node:stream";
import zlib from "node:zlib";
import { Agent, buildConnector, type Dispatcher } from "undici";
import { type AddressCheck, addressCheck } from "./addresses.ts";
import { FetchError, statusError, toFetchError } from "./fetch-error.ts";

/** Headers as undici gives them: lower-case names. */
export type ResponseHeaders = Dispatcher.ResponseData["headers"];

/** An answer with status 2xx, decoded. */
export interface Fetched {
  /** The address after redirects. */
  url: string;
  status: number;
  headers: ResponseHeaders;
  body: Buffer;
  ms: number;
}

/** What one request may cost, and who may stop it. */
export interface FetchLimits {
  /** Most bytes of the body, on the wire and decompressed. */
  maxBytes: number;
  accept: string;
  /** Takes the first `maxBytes` of a longer body instead of failing. */
  truncate?: boolean;
  /** Asked before each hop, the first too; throws a FetchError to refuse it. */
  beforeHop?: (url: URL) => Promise<void>;
  /** Sees the final headers before the body is read; throws a FetchError to refuse it. */
  onHeaders?: (headers: ResponseHeaders) => void;
}

/** Settings of a client; defaults are DESIGN's. */
export interface HttpOptions {
  userAgent: string;
  /** CIDR ranges that may be dialled although they are not public. */
  allowPrivate: readonly string[];
  /** As curl's: HOST:PORT:ADDRESS. */
  resolve: readonly string[];
  /** Total milliseconds for one request, redirects included. */
  deadlineMs?: number;
}

const MAX_REDIRECTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
/** After this long a body must have come in at the minimum rate: a drip would else hold its slot to the deadline. */
const RATE_GRACE_MS = 5_000;
const MIN_BYTES_PER_SECOND = 1024;
/** A page that inflates more than this is a bomb, once it is past a first MiB. */
const MAX_INFLATE_RATIO = 200;
const DNS_TTL_MS = 300_000;
const DNS_NEGATIVE_TTL_MS = 60_000;

/** A client that never dials an address its check refuses, and gives every request one deadline and one byte cap. */
export class HttpClient {
  readonly userAgent: string;
  readonly #agent: Agent;
  readonly #deadlineMs: number;
  readonly #mayDial: AddressCheck;
  readonly #fixed = new Map<string, string>();
  readonly #resolved = new Map<string, { until: number; addresses: Promise<string[]> }>();

  /** @throws Error naming an option that cannot be understood. */
  constructor(options: HttpOptions) {
    this.userAgent = options.userAgent;
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#mayDial = addressCheck(options.allowPrivate);
    for (const entry of options.resolve) {
      const [, host, port, address] = /^([^:]+):(\d+):\[?([^\]]+)\]?$/.exec(entry) ?? [];
      if (!host || !port || !address || isIP(address) === 0)
        throw new Error(`--resolve ${entry}: expected HOST:PORT:ADDRESS`);
      this.#fixed.set(`${host.toLowerCase()}:${port}`, address);
    }
    const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });
    this.#agent = new Agent({
      allowH2: false,
      maxHeaderSize: 16 * 1024,
      headersTimeout: this.#deadlineMs,
      bodyTimeout: this.#deadlineMs,
      // The address that was checked is the one that is dialled: no second resolution, hence no rebinding.
      connect: (target, callback) => {
        this.#addressOf(target.hostname, target.port || (target.protocol === "https:" ? "443" : "80")).then(
          (address) => {
            const name = target.hostname.replace(/^\[|\]$/g, "");
            connect(
              { ...target, hostname: address, ...(isIP(name) === 0 ? { servername: target.servername ?? name } : {}) },
              callback,
            );
          },
          (error: Error) => callback(error, null),
        );
      },
    });
  }

  /**
   * Fetches `address`, following at most five redirects.
   * @throws FetchError with the drop reason and what to do next.
   */
  async get(address: string, limits: FetchLimits): Promise<Fetched> {
    const started = performance.now();
    const abort = new AbortController();
    const deadline = setTimeout(
      () => abort.abort(new FetchError("timeout", `not done in ${this.#deadlineMs} ms`, { next: "retry later" })),
      this.#deadlineMs,
    );
    try {
      let url = new URL(address);
      for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
        await this.#checkLiteral(url);
        await limits.beforeHop?.(url);
        const response = await this.#request(url, limits, abort.signal);
        const { statusCode: status, headers, body } = response;
        const location = headers["location"];
        if (status >= 300 && status < 400 && location) {
          await body.dump({ limit: 65_536 });
          url = redirectTarget(url, Array.isArray(location) ? location[0] : location);
          continue;
        }
        if (status < 200 || status >= 300) {
          await body.dump({ limit: 65_536 });
          throw statusError(status, headers);
        }
        try {
          limits.onHeaders?.(headers);
          const bytes = await readBody(body, headers, limits, abort);
          return { url: url.href, status, headers, body: bytes, ms: performance.now() - started };
        } catch (error) {
          body.on("error", () => {}).destroy();
          throw error;
        }
      }
      throw new FetchError("redirect_loop", `more than ${MAX_REDIRECTS} redirects`);
    } catch (error) {
      throw abort.signal.aborted ? toFetchError(abort.signal.reason) : toFetchError(error);
    } finally {
      clearTimeout(deadline);
    }
  }

  /**
   * One GET whose body is left to the caller, who reads or destroys it: for bulk files, which take longer than any
   * deadline. Follows no redirect.
   * @throws FetchError
   */
  async open(url: URL, headers: Record<string, string>): Promise<Dispatcher.ResponseData> {
    try {
      await this.#checkLiteral(url);
      return await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method: "GET",
        headers: { "user-agent": this.userAgent, "accept-encoding": "identity", ...headers },
      });
    } catch (error) {
      throw toFetchError(error);
    }
  }

  /** Closes idle connections; requests under way are cut. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #request(url: URL, limits: FetchLimits, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    return this.#agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: "GET",
      headers: { "user-agent": this.userAgent, accept: limits.accept, "accept-encoding": "gzip, deflate, br" },
      signal,
    });
  }

  /** The connector is not asked when a connection is reused, so literal addresses are checked on every hop. */
  async #checkLiteral(url: URL): Promise<void> {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && !this.#mayDial(host)) throw new FetchError("private_address", `${host} is not public`);
  }

  /** The address that a connection to `url` would go to, or undefined when it has none that may be dialled. */
  async addressOf(url: URL): Promise<string | undefined> {
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    return this.#addressOf(url.hostname, port).catch(() => undefined);
  }

  async #addressOf(hostname: string, port: string): Promise<string> {
    const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
    const fixed = this.#fixed.get(`${host}:${port}`);
    const addresses = fixed ? [fixed] : isIP(host) !== 0 ? [host] : await this.#resolve(host);
    const address = addresses.find((candidate) => this.#mayDial(candidate));
    if (!address) throw new FetchError("private_address", `${host} is ${addresses.join(", ")}, which is not public`);
    return address;
  }

  #resolve(host: string): Promise<string[]> {
    const now = Date.now();
    const known = this.#resolved.get(host);
    if (known && known.until > now) return known.addresses;
    const entry = {
      until: now + DNS_TTL_MS,
      addresses: lookup(host, { all: true }).then((all) => all.map((one) => one.address)),
    };
    entry.addresses.catch(() => {
      entry.until = now + DNS_NEGATIVE_TTL_MS;
    });
    this.#resolved.set(host, entry);
    return entry.addresses;
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

/** Reads and decodes a body under the byte cap and the minimum rate. */
async function readBody(
  body: Readable,
  headers: ResponseHeaders,
  limits: FetchLimits,
  abort: AbortController,
): Promise<Buffer> {
  const { maxBytes, truncate = false } = limits;
  const announced = Number(headers["content-length"]);
  if (announced > maxBytes && !truncate)
    throw new FetchError("too_large", `${announced} bytes announced, ${maxBytes} allowed`);
  const started = performance.now();
  let wire = 0;
  const pace = setInterval(() => {
    const elapsed = performance.now() - started;
    if (elapsed > RATE_GRACE_MS && (wire / elapsed) * 1000 < MIN_BYTES_PER_SECOND) {
      abort.abort(new FetchError("timeout", `slower than ${MIN_BYTES_PER_SECOND} bytes a second`));
    }
  }, 1000);
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    const counted = countBytes(body, (bytes) => {
      wire += bytes;
    });
    for await (const chunk of decode(counted, headers)) {
      total += chunk.length;
      if (total > maxBytes && truncate) {
        chunks.push(chunk);
        return Buffer.concat(chunks).subarray(0, maxBytes);
      }
      if (total > maxBytes) throw new FetchError("too_large", `more than ${maxBytes} bytes`);
      if (total > 1_048_576 && total > wire * MAX_INFLATE_RATIO)
        throw new FetchError("too_large", "decompression bomb");
      chunks.push(chunk);
    }
    if (total === 0) throw new FetchError("empty", "no bytes");
    return Buffer.concat(chunks, total);
  } finally {
    clearInterval(pace);
  }
}

async function* countBytes(body: Readable, count: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    count(chunk.length);
    yield chunk;
  }
}

function decode(body: AsyncGenerator<Buffer>, headers: ResponseHeaders): AsyncIterable<Buffer> {
  const encodings = String(headers["content-encoding"] ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  if (encodings.length === 0) return body;
  if (encodings.length > 2)
    throw new FetchError("protocol", `${encodings.length} content encodings on top of each other`);
  let stream = Readable.from(body);
  for (const name of encodings.reverse()) {
    // pipeline() passes errors on and destroys both ends; the last error surfaces in the loop that reads.
    stream = pipeline(stream, decoderFor(name), () => {});
  }
  return stream;
}

function decoderFor(name: string) {
  if (name === "gzip" || name === "x-gzip") return zlib.createGunzip();
  if (name === "deflate") return zlib.createInflate();
  if (name === "br") return zlib.createBrotliDecompress();
  if (name === "zstd") return zlib.createZstdDecompress();
  throw new FetchError("protocol", `content encoding ${name.slice(0, 40)}`);
}
