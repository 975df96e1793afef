import { setTimeout as sleep } from "node:timers/promises";
import type { Statement } from "better-sqlite3";
import type { Database } from "../store/database.ts";
import { release } from "./buffers.ts";
import { FetchError, Stopped } from "./fetch-error.ts";
import type { HttpClient } from "./http.ts";
import { type BodyMemory, Holding } from "./memory.ts";
import { SizedCache } from "./sized-cache.ts";

/** How asking for a file of a site ended. */
export interface SiteFile {
  /**
   * `there`: `body` is its text. `absent`: the site has none (RFC 9309's "unavailable": any 4xx but 429, too many
   * redirects). `unreachable`: nobody knows; `body` is the reason, what it means and a message, a line each.
   */
  outcome: "there" | "absent" | "unreachable";
  body: string;
}

/** RFC 9309, 2.4: a copy should not be used for longer than 24 hours ... */
const FRESH_MS = 24 * 3_600_000;
/** ... unless the site cannot be reached (2.3.1.4); after 30 days that ends too. */
const STALE_MS = 30 * FRESH_MS;
/** A site that could not be asked is asked again after an hour. */
const UNREACHABLE_MS = 3_600_000;
const ATTEMPTS = 3;
const LONGEST_WAIT_MS = 10_000;
/**
 * What a file takes in memory, at most: a rule of eight characters takes eighty bytes as an object. Were files only counted, hosts with
 * the largest would fill the memory.
 */
const [BYTES_OF_CHARACTER, BYTES_OF_FILE] = [10, 500];
/** Of files of one kind as much is kept in memory as if so many were of the greatest length; the database has the rest. */
const GREATEST_IN_MEMORY = 64;
/** Nearly all need no more; larger ones wait for room: thousands of hosts are asked at the same time. */
const FIRST_BYTES = 48 * 1024;

interface Row {
  fetched_ms: number;
  outcome: SiteFile["outcome"];
  body: string;
}

/** Small files that speak for a whole site, fetched once a day and kept in SQLite across runs. */
export class SiteFiles<T> {
  readonly #kept: Statement<[string], Row>;
  readonly #keep: Statement<[string, number, string, string]>;
  readonly #http: HttpClient;
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #read: (file: SiteFile) => T;
  readonly #memory: BodyMemory;
  readonly #stop: AbortSignal | undefined;
  readonly #known: SizedCache<{ until: number; content: T }>;
  readonly #underWay = new Map<string, Promise<T>>();

  /**
   * @param path of the file on every site.
   * @param maxBytes more is cut off, with the line that is not whole.
   * @param read makes something of the text; called once a copy.
   * @param memory that requests under way share.
   * @param stop ends waiting for another attempt with Stopped.
   */
  constructor(
    db: Database,
    http: HttpClient,
    path: string,
    maxBytes: number,
    read: (file: SiteFile) => T,
    memory: BodyMemory,
    stop?: AbortSignal,
  ) {
    this.#kept = db.prepare("SELECT fetched_ms, outcome, body FROM site_file WHERE url = ?");
    this.#keep = db.prepare(
      `INSERT INTO site_file VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET fetched_ms = excluded.fetched_ms, outcome = excluded.outcome, body = excluded.body`,
    );
    this.#http = http;
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#known = new SizedCache(GREATEST_IN_MEMORY * maxBytes);
    this.#read = read;
    this.#memory = memory;
    this.#stop = stop;
  }

  /** The file of `url`'s origin. @throws Stopped; Error when this machine has no sockets left. */
  async of({ origin }: URL): Promise<T> {
    const known = this.#known.get(origin);
    if (known && known.until > performance.now()) return known.content;
    let loading = this.#underWay.get(origin);
    if (!loading) {
      loading = this.#load(origin).finally(() => this.#underWay.delete(origin));
      this.#underWay.set(origin, loading);
    }
    return loading;
  }

  async #load(origin: string): Promise<T> {
    const { file, until } = await this.#find(origin + this.#path);
    const content = this.#read(file);
    this.#known.set(origin, { content, until }, BYTES_OF_FILE + BYTES_OF_CHARACTER * file.body.length);
    return content;
  }

  /** @returns the file, and till when on the monotonic clock it holds. */
  async #find(url: string): Promise<{ file: SiteFile; until: number }> {
    const row = this.#kept.get(url);
    // A clock that was put back makes a copy seem to come from the future: its age is not known then.
    const age = row && row.fetched_ms <= Date.now() ? Date.now() - row.fetched_ms : Number.POSITIVE_INFINITY;
    const fresh = row?.outcome === "unreachable" ? UNREACHABLE_MS : FRESH_MS;
    if (row && age < fresh) return { file: row, until: performance.now() + fresh - age };
    const file = await this.#fetch(url);
    const until = performance.now() + (file.outcome === "unreachable" ? UNREACHABLE_MS : FRESH_MS);
    if (file.outcome === "unreachable" && row?.outcome === "there" && age < STALE_MS) return { file: row, until };
    this.#keep.run(url, Date.now(), file.outcome, file.body);
    return { file, until };
  }

  async #fetch(url: string): Promise<SiteFile> {
    for (let attempt = 1; ; attempt++) {
      try {
        return { outcome: "there", body: await this.#get(url) };
      } catch (error) {
        if (error instanceof Stopped || !(error instanceof FetchError)) throw error;
        if (error.reason === "empty") return { outcome: "there", body: "" };
        const { status = 0, reason, kind, retryAfterMs, message } = error;
        if ((status >= 400 && status < 500 && status !== 429) || reason === "redirect_loop")
          return { outcome: "absent", body: "" };
        // This machine is the trouble, not the site: nothing may be remembered of it.
        if (/^(EMFILE|ENFILE|ENOBUFS)\b/.test(message)) throw new Error(message, { cause: error });
        if (!error.again || attempt === ATTEMPTS)
          return { outcome: "unreachable", body: [reason, kind, message].join("\n") };
        const ms = Math.min(retryAfterMs ?? 500 * 2 ** attempt, LONGEST_WAIT_MS);
        await sleep(ms, undefined, this.#stop && { signal: this.#stop }).catch(() => {});
        if (this.#stop?.aborted) throw new Stopped();
      }
    }
  }

  async #get(url: string): Promise<string> {
    const holding = new Holding(this.#memory);
    await holding.begin();
    try {
      const { body } = await this.#http.get(url, {
        maxBytes: this.#maxBytes,
        accept: "text/plain, */*;q=0.1",
        truncate: true,
        room: holding.room,
        firstBytes: FIRST_BYTES,
      });
      const text = new TextDecoder().decode(this.#wholeLines(body));
      release(body);
      return text;
    } finally {
      holding.release();
    }
  }

  /** Half a rule may forbid, or allow, much more than the whole one. */
  #wholeLines(body: Buffer): Buffer {
    return body.length < this.#maxBytes ? body : body.subarray(0, body.lastIndexOf("\n") + 1);
  }
}
