import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { FetchError, statusError, toFetchError } from "./fetch-error.ts";
import type { HttpClient } from "./http.ts";

const MAX_REDIRECTS = 5;
/** Tries in a row without a byte before a file is given up: with doubling waits, about four minutes. */
const MAX_TRIES = 8;
const MAX_WAIT_MS = 60_000;
/** A server that asks for more patience is not waited for. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * A large file on a web server. It is read over one connection; when that breaks, reading goes on at the byte it broke
 * at (RFC 9110, section 14), provided that the file is still the same.
 */
export class RemoteFile {
  readonly #http: HttpClient;
  readonly #address: string;
  readonly #waitMs: number;
  /** What tells this version of the file from others, as far as the server says it. */
  #known: Version = {};

  /** @param waitMs before the first new try; doubled for each further one. Common Crawl asks for a second. */
  constructor(http: HttpClient, address: string, waitMs = 1_000) {
    this.#http = http;
    this.#address = address;
    this.#waitMs = waitMs;
  }

  /**
   * Its length in bytes.
   * @throws Error when the server does not serve byte ranges.
   */
  async size(): Promise<number> {
    let size: number | undefined;
    for (let failures = 1; size === undefined; failures++) {
      try {
        size = await this.#askSize();
      } catch (error) {
        await this.#waitOrThrow(error, failures);
      }
    }
    return size;
  }

  /** The bytes from `start` to before `end`. */
  async read(start: number, end: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.stream(start, end)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /**
   * The bytes from `start` to before `end`, or to the end of the file.
   * @throws Error naming the file when it cannot be read, or changed meanwhile.
   */
  async *stream(start = 0, end?: number): AsyncGenerator<Buffer> {
    let at = start;
    let failures = 0;
    for (;;) {
      if (end !== undefined && at >= end) return;
      try {
        const { statusCode, headers, body } = await this.#request(at, end);
        if (statusCode === 416) {
          this.#checkEnd(at, end, rangeOf(headers).size ?? (await this.#askSize()));
          return;
        }
        const { from, size } = rangeOf(headers);
        if (statusCode === 206 && from !== at) {
          discard(body);
          throw new FetchError("protocol", `asked for bytes from ${at}, the server sends those from ${from}`);
        }
        const before = at;
        // Without ranges the server sends all of it: what was read before is passed over.
        let skip = statusCode === 206 ? 0 : at;
        for await (const chunk of body as AsyncIterable<Buffer>) {
          const rest = chunk.subarray(Math.min(skip, chunk.length), end === undefined ? undefined : skip + end - at);
          skip -= Math.min(skip, chunk.length);
          if (rest.length === 0) continue;
          at += rest.length;
          failures = 0;
          yield rest;
          if (at === end) return;
        }
        const last = statusCode === 206 ? (size ?? at) : at - skip;
        if (at >= last) {
          this.#checkEnd(at, end, last);
          return;
        }
        // A server may send less than was asked for, and without a length a connection that was cut looks the same.
        if (at === before) throw new FetchError("reset", `the answer ends at byte ${at}`, { kind: "retry later" });
      } catch (error) {
        await this.#waitOrThrow(error, ++failures);
      }
    }
  }

  /** Whether reading may end at byte `at` of a file of `size` bytes. */
  #checkEnd(at: number, end: number | undefined, size: number): void {
    if (at > size)
      throw new FetchError(
        "protocol",
        `it has ${size} bytes, and was to be read from byte ${at} on: it is another file now`,
      );
    if (at < size) throw new FetchError("protocol", `the server refuses the bytes from ${at} on, of ${size}`);
    if (end !== undefined) throw new FetchError("protocol", `the file ends at byte ${at}, before ${end}`);
  }

  async #askSize(): Promise<number> {
    const { statusCode, headers, body } = await this.#request(0, 1);
    discard(body);
    const { size } = rangeOf(headers);
    if (statusCode === 200 || size === undefined)
      throw new FetchError("protocol", "the server serves no byte ranges: download the file and name the copy");
    return size;
  }

  async #waitOrThrow(error: unknown, failures: number): Promise<void> {
    const failure = toFetchError(error);
    if (!failure.again || failures >= MAX_TRIES) throw new Error(`${this.#address}: ${failure.message}`);
    const wait = failure.retryAfterMs ?? Math.min(this.#waitMs * 2 ** (failures - 1), MAX_WAIT_MS);
    await sleep(Math.min(wait, MAX_RETRY_AFTER_MS));
  }

  /** Status 200, 206, or 416: nothing behind `start`. */
  async #request(start: number, end: number | undefined): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = {};
    if (start > 0 || end !== undefined) headers["range"] = `bytes=${start}-${end === undefined ? "" : end - 1}`;
    let url = new URL(this.#address);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#http.open(url, headers);
      const { statusCode: status, headers: answer, body } = response;
      if (status === 200 || status === 206) {
        this.#checkVersion(status, answer, body);
        return response;
      }
      await body.dump({ limit: 65_536 });
      if (status === 416) return response;
      const location = answer["location"];
      const target = URL.parse(String(location ?? ""), url.href);
      if (status < 300 || status >= 400 || !location) throw statusError(status, answer);
      if (!target || !/^https?:$/.test(target.protocol))
        throw new FetchError("bad_redirect", `redirect to ${location}`);
      url = target;
    }
    throw new FetchError("redirect_loop", `more than ${MAX_REDIRECTS} redirects`);
  }

  #checkVersion(status: number, headers: Headers, body: Dispatcher.ResponseData["body"]): void {
    const seen: Version = {
      etag: headers["etag"]?.toString(),
      modified: headers["last-modified"]?.toString(),
      size: status === 206 ? rangeOf(headers).size : lengthOf(headers),
    };
    for (const name of ["etag", "modified", "size"] as const) {
      const [known, now] = [this.#known[name], seen[name]];
      if (known !== undefined && now !== undefined && known !== now) {
        discard(body);
        throw new FetchError("protocol", "it changed while it was read: run the same command again");
      }
    }
    this.#known = { ...seen, ...withoutGaps(this.#known) };
  }
}

type Headers = Dispatcher.ResponseData["headers"];

interface Version {
  etag?: string | undefined;
  modified?: string | undefined;
  size?: number | undefined;
}

/** What Content-Range says (RFC 9110, 14.4): where the answer begins, how large the file is. */
function rangeOf(headers: Headers): { from: number | undefined; size: number | undefined } {
  const [, from, size] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(String(headers["content-range"])) ?? [];
  const number = (text: string | undefined) => (text === undefined || text === "*" ? undefined : Number(text));
  return { from: number(from), size: number(size) };
}

function lengthOf(headers: Headers): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

function withoutGaps(version: Version): Version {
  return Object.fromEntries(Object.entries(version).filter(([, value]) => value !== undefined));
}

function discard(body: Dispatcher.ResponseData["body"]): void {
  body.on("error", () => {}).destroy();
}
