import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import { FetchError, statusError, toFetchError } from "./fetch-error.ts";
import type { HttpClient } from "./http.ts";

const MAX_REDIRECTS = 5;
/** Tries in a row without a byte before a file is given up: with doubling waits, about four minutes. */
const MAX_TRIES = 8;
const MAX_WAIT_MS = 60_000;

/**
 * A large file on a web server. It is read over one connection; when that breaks, reading goes on at the byte it broke
 * at (RFC 9110, section 14), provided that the file is still the same.
 */
export class RemoteFile {
  readonly #http: HttpClient;
  readonly #address: string;
  readonly #waitMs: number;
  #version: string | undefined;

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
    const response = await this.#retrying(() => this.#request(0, 1));
    response.body.on("error", () => {}).destroy();
    const size = Number(/\/(\d+)$/.exec(String(response.headers["content-range"] ?? ""))?.[1]);
    if (response.statusCode !== 206 || Number.isNaN(size))
      throw new Error(`${this.#address}: the server serves no byte ranges: download the file and name the copy`);
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
      try {
        const { statusCode, headers, body } = await this.#request(at, end);
        const sentFrom = /^bytes (\d+)-/.exec(String(headers["content-range"]))?.[1];
        if (statusCode === 206 && Number(sentFrom) !== at) {
          body.on("error", () => {}).destroy();
          throw new FetchError("protocol", `asked for bytes from ${at}, the server sends those from ${sentFrom}`);
        }
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
        if (end === undefined || at >= end) return;
        throw new FetchError("reset", `the file ends at byte ${at}, before ${end}`);
      } catch (error) {
        await this.#waitOrThrow(error, ++failures);
      }
    }
  }

  async #retrying<T>(task: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await task();
      } catch (error) {
        await this.#waitOrThrow(error, failures);
      }
    }
  }

  async #waitOrThrow(error: unknown, failures: number): Promise<void> {
    const failure = toFetchError(error);
    if (!failure.again || failures >= MAX_TRIES) throw new Error(`${this.#address}: ${failure.message}`);
    await sleep(failure.retryAfterMs ?? Math.min(this.#waitMs * 2 ** (failures - 1), MAX_WAIT_MS));
  }

  async #request(start: number, end: number | undefined): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = {};
    if (start > 0 || end !== undefined) headers["range"] = `bytes=${start}-${end === undefined ? "" : end - 1}`;
    let url = new URL(this.#address);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#http.open(url, headers);
      const { statusCode: status, headers: answer, body } = response;
      if (status === 200 || status === 206) {
        this.#checkVersion(answer, body);
        return response;
      }
      await body.dump({ limit: 65_536 });
      const location = answer["location"];
      const target = URL.parse(String(location ?? ""), url.href);
      if (status < 300 || status >= 400 || !location) throw statusError(status, answer);
      if (!target || !/^https?:$/.test(target.protocol))
        throw new FetchError("bad_redirect", `redirect to ${location}`);
      url = target;
    }
    throw new FetchError("redirect_loop", `more than ${MAX_REDIRECTS} redirects`);
  }

  #checkVersion(headers: Dispatcher.ResponseData["headers"], body: Dispatcher.ResponseData["body"]): void {
    const version = String(headers["etag"] ?? headers["last-modified"] ?? "");
    if (this.#version !== undefined && version !== this.#version) {
      body.on("error", () => {}).destroy();
      throw new FetchError("protocol", "it changed while it was read: run the same command again");
    }
    this.#version = version;
  }
}
