import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { Agent, request } from "undici";
import { Progress } from "../store/progress.ts";
import { UsageError } from "../store/usage-error.ts";

/** The rule of Wikimedia's own server, an address. */
const CONNECTIONS = 2;
const SILENCE_MS = 60_000;
const ATTEMPTS = 8;

/** A file to fetch, and how to know that it came over whole. */
export interface RemoteFile {
  url: string;
  path: string;
  size: number;
  sha1?: string | undefined;
}

/** What a download would bring. */
export interface DownloadPlan {
  date: string;
  dump: RemoteFile[];
  pageviews: RemoteFile[];
}

/** One client for a server of dumps: two connections, an honest name. */
export class DumpServer {
  readonly #mirror: string;
  readonly #agent = new Agent({ connections: CONNECTIONS, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS });
  readonly #limit = pLimit(CONNECTIONS);
  readonly #headers: Record<string, string>;

  constructor(mirror: string, userAgent: string) {
    this.#mirror = mirror.replace(/\/+$/, "");
    this.#headers = { "user-agent": userAgent };
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  /**
   * The parts of a wiki's dump and the page-view hours, with sizes and checksums.
   * @param date YYYYMMDD; without one the newest dump that is complete.
   * @param hours YYYYMMDDHH; undefined for one hour of each of the twelve months before the dump.
   * @throws Error when the server has no such dump.
   */
  async plan(
    wiki: string,
    date: string | undefined,
    hours: string[] | undefined,
    cache: string,
  ): Promise<DownloadPlan> {
    const dates = date === undefined ? await this.#dates(wiki) : [date];
    for (const day of dates) {
      const files = await this.#multistream(wiki, day, cache);
      if (files.length === 0) continue;
      const pageviews = await Promise.all(
        (hours ?? defaultHours(day)).map((hour) => this.#limit(() => this.#pageviewFile(hour, cache))),
      );
      return { date: day, dump: files, pageviews };
    }
    throw new Error(
      `${this.#mirror}/${wiki}/: no complete dump${date === undefined ? "" : ` of ${date}`}; the folder lists the dates there are`,
    );
  }

  /** A single file by its address; its checksum when the server lists one beside it. */
  async file(url: string, cache: string): Promise<RemoteFile> {
    const { pathname } = new URL(url);
    const name = decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
    if (!safeName(name)) throw new UsageError(`--dump ${url}: the address does not end in a file's name`);
    const size = await this.#size(url);
    const [, prefix] = /^([a-z_]+-\d{8})-/.exec(name) ?? [];
    const sums = prefix ? await this.#text(new URL(`${prefix}-sha1sums.txt`, url).href).catch(() => "") : "";
    const sha1 = sums.split("\n").find((line) => line.endsWith(`  ${name}`));
    return { url, path: join(cache, name), size, sha1: sha1?.slice(0, 40) };
  }

  /**
   * Fetches what is not there yet; what an earlier run began is gone on with. A file has its name only once it is whole.
   * @throws Error when a file cannot be had.
   */
  async fetch(files: readonly RemoteFile[], quiet: boolean, stop?: AbortSignal): Promise<void> {
    const missing = files.filter(({ path }) => !existsSync(path));
    const total = Math.round(missing.reduce((bytes, { size }) => bytes + size, 0) / 1e6);
    const progress = new Progress("download", quiet);
    let bytes = missing.reduce((sum, { path }) => sum + partSize(path), 0);
    const gained = (count: number) => {
      bytes += count;
      progress.update(Math.round(bytes / 1e6), total, "MB");
    };
    await Promise.all(missing.map((file) => this.#limit(() => this.#fetchOne(file, gained, stop))));
    progress.done(`${missing.length} files, ${total.toLocaleString("en")} MB`);
  }

  async #fetchOne(file: RemoteFile, gained: (bytes: number) => void, stop: AbortSignal | undefined): Promise<void> {
    mkdirSync(join(file.path, ".."), { recursive: true });
    const part = `${file.path}.part`;
    for (let attempt = 1; ; attempt++) {
      stop?.throwIfAborted();
      try {
        if (partSize(file.path) < file.size) await this.#fetchRest(file, part, gained, stop);
        if (partSize(file.path) !== file.size)
          throw new Error(`${partSize(file.path)} bytes came, ${file.size} were announced`);
        if (file.sha1 !== undefined && (await sha1Of(part)) !== file.sha1) throw new Error("its SHA-1 is wrong");
        renameSync(part, file.path);
        return;
      } catch (error) {
        stop?.throwIfAborted();
        const { message, retryAfter, lasting } = error as Error & { retryAfter?: number; lasting?: boolean };
        // A file that is whole and wrong, or too long, is begun anew.
        if (partSize(file.path) >= file.size) {
          gained(-partSize(file.path));
          rmSync(part, { force: true });
        }
        if (lasting || attempt >= ATTEMPTS)
          throw new Error(`${file.url}: ${message}; run the same command again to go on from what is there`);
        await sleep(retryAfter ?? Math.min(60_000, 250 * 2 ** attempt), undefined, stop ? { signal: stop } : {});
      }
    }
  }

  async #fetchRest(file: RemoteFile, part: string, gained: (bytes: number) => void, stop: AbortSignal | undefined) {
    const from = partSize(file.path);
    const headers = from > 0 ? { ...this.#headers, range: `bytes=${from}-` } : this.#headers;
    const answer = await request(file.url, { dispatcher: this.#agent, headers, signal: stop ?? null });
    if (answer.statusCode !== 200 && answer.statusCode !== 206) {
      await answer.body.dump();
      throw statusError(answer.statusCode, answer.headers["retry-after"]);
    }
    const range = /^bytes (\d+)-/.exec(String(answer.headers["content-range"] ?? ""))?.[1];
    const goesOn = answer.statusCode === 206 && Number(range) === from;
    if (answer.statusCode === 206 && !goesOn) {
      await answer.body.dump();
      throw new Error("the server answered with another range than was asked for");
    }
    if (!goesOn) gained(-from);
    const counted = async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        gained(chunk.length);
        yield chunk;
      }
    };
    await pipeline(answer.body, counted, createWriteStream(part, { flags: goesOn ? "a" : "w", flush: true }));
  }

  async #text(url: string): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await request(url, { dispatcher: this.#agent, headers: this.#headers });
        if (answer.statusCode === 200) return await answer.body.text();
        await answer.body.dump();
        throw statusError(answer.statusCode, answer.headers["retry-after"]);
      } catch (error) {
        const { message, lasting, retryAfter } = error as Error & { lasting?: boolean; retryAfter?: number };
        if (lasting || attempt >= 4) throw new Error(`${url}: ${message}`);
        await sleep(retryAfter ?? 250 * 2 ** attempt);
      }
    }
  }

  async #size(url: string): Promise<number> {
    const answer = await request(url, { method: "HEAD", dispatcher: this.#agent, headers: this.#headers });
    await answer.body.dump();
    const size = Number(answer.headers["content-length"]);
    if (answer.statusCode !== 200 || !(size > 0)) throw new Error(`${url}: HTTP ${answer.statusCode}`);
    return size;
  }

  /** Dates of a wiki's dumps, the newest first. */
  async #dates(wiki: string): Promise<string[]> {
    const index = await this.#text(`${this.#mirror}/${wiki}/`);
    return [...new Set(Array.from(index.matchAll(/href="(\d{8})\/?"/g), (match) => match[1] ?? ""))].sort().reverse();
  }

  /** The multistream parts of a dump that is done; none when it is not. */
  async #multistream(wiki: string, date: string, cache: string): Promise<RemoteFile[]> {
    const url = `${this.#mirror}/${wiki}/${date}/dumpstatus.json`;
    let status: {
      jobs?: Record<string, { status?: string; files?: Record<string, { size?: number; sha1?: string }> }>;
    };
    try {
      status = JSON.parse(await this.#text(url));
    } catch (error) {
      if ((error as Error).message.includes("HTTP 404")) return [];
      throw error;
    }
    const job = status.jobs?.["articlesmultistreamdump"];
    if (job?.status !== "done") return [];
    const files: RemoteFile[] = [];
    for (const [name, { size, sha1 }] of Object.entries(job.files ?? {})) {
      if (!name.startsWith(`${wiki}-${date}-`) || !name.includes(".xml") || !safeName(name)) continue;
      if (!size || !sha1) throw new Error(`${url}: ${name} has no size or checksum yet; try an older date`);
      files.push({ url: `${this.#mirror}/${wiki}/${date}/${name}`, path: join(cache, name), size, sha1 });
    }
    return files.sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
  }

  async #pageviewFile(hour: string, cache: string): Promise<RemoteFile> {
    const [, year, month, day, clock] = /^(\d{4})(\d{2})(\d{2})(\d{2})$/.exec(hour) ?? [];
    if (!year) throw new UsageError(`--pageview-hours ${hour}: expected YYYYMMDDHH`);
    const name = `pageviews-${year}${month}${day}-${clock}0000.gz`;
    const url = `${this.#mirror}/other/pageviews/${year}/${year}-${month}/${name}`;
    return { url, path: join(cache, name), size: await this.#size(url) };
  }
}

/** The 15th of each of the twelve months before a dump, every other hour of the day: all seasons, all parts of the world. */
export function defaultHours(date: string): string[] {
  const hours: string[] = [];
  for (let back = 1; back <= 12; back++) {
    const month = new Date(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1 - back, 15));
    hours.push(
      `${month.toISOString().slice(0, 10).replaceAll("-", "")}${String(month.getUTCMonth() * 2).padStart(2, "0")}`,
    );
  }
  return hours;
}

/**
 * Checks that there is room for what is missing.
 * @returns its bytes.
 */
export function missingBytes(files: readonly RemoteFile[], cache: string): number {
  const bytes = files.reduce((sum, { path, size }) => sum + (existsSync(path) ? 0 : size - partSize(path)), 0);
  mkdirSync(cache, { recursive: true });
  const { bavail, bsize } = statfsSync(cache);
  if (bytes > bavail * bsize)
    throw new Error(
      `${cache}: ${gigabytes(bytes)} are to come, ${gigabytes(bavail * bsize)} are free; use another --cache`,
    );
  return bytes;
}

/** "25.1 GB" */
export function gigabytes(bytes: number): string {
  return bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

function statusError(status: number, retryAfter: unknown): Error {
  const seconds = Number(retryAfter);
  return Object.assign(new Error(`HTTP ${status}`), {
    lasting: status >= 400 && status < 500 && status !== 408 && status !== 429,
    ...(seconds > 0 && { retryAfter: Math.min(seconds, 600) * 1000 }),
  });
}

function safeName(name: string): boolean {
  return /^[A-Za-z0-9_][\w.-]*$/.test(name);
}

function partSize(path: string): number {
  return statSync(`${path}.part`, { throwIfNoEntry: false })?.size ?? 0;
}

async function sha1Of(file: string): Promise<string> {
  const hash = createHash("sha1");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}
