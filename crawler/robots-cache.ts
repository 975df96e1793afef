import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../store/database.ts";
import { FetchError } from "./fetch-error.ts";
import type { HttpClient } from "./http.ts";
import { ALLOW_ALL, DISALLOW_ALL, isAllowed, MAX_ROBOTS_BYTES, parseRobots, type Robots } from "./robots.ts";

/** RFC 9309, 2.4: a copy should not be used for longer than 24 hours. */
const FRESH_MS = 24 * 3_600_000;
/** An origin that could not be asked is asked again after an hour. */
const UNREACHABLE_MS = 3_600_000;
const ATTEMPTS = 3;
const LONGEST_WAIT_MS = 10_000;

/** The robots.txt of every origin met, fetched once and kept in SQLite across runs. */
export class RobotsCache {
  readonly #db: Database;
  readonly #http: HttpClient;
  readonly #agent: string;
  readonly #known = new Map<string, Promise<Robots>>();

  /** @param agent the product token that groups of robots.txt are compared with. */
  constructor(db: Database, http: HttpClient, agent: string) {
    this.#db = db;
    this.#http = http;
    this.#agent = agent;
  }

  /** What the origin of `url` asks of us. Never fails: an origin that cannot be asked forbids everything. */
  of(url: URL): Promise<Robots> {
    let robots = this.#known.get(url.origin);
    if (!robots) {
      robots = this.#load(url.origin);
      this.#known.set(url.origin, robots);
    }
    return robots;
  }

  /** @throws FetchError with the reason `robots` when `url` may not be fetched. */
  async check(url: URL): Promise<void> {
    if (!isAllowed(await this.of(url), url)) throw new FetchError("robots", `disallowed by ${url.origin}/robots.txt`);
  }

  async #load(origin: string): Promise<Robots> {
    const row = this.#db
      .prepare<[string], { fetched_ms: number; outcome: string; body: string }>("SELECT * FROM robots WHERE origin = ?")
      .get(origin);
    if (row && Date.now() - row.fetched_ms < (row.outcome === "unreachable" ? UNREACHABLE_MS : FRESH_MS)) {
      return this.#read(row.outcome, row.body);
    }
    const { outcome, body } = await this.#fetch(origin);
    this.#db
      .prepare(
        "INSERT INTO robots VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET fetched_ms = excluded.fetched_ms, outcome = excluded.outcome, body = excluded.body",
      )
      .run(origin, Date.now(), outcome, body);
    return this.#read(outcome, body);
  }

  #read(outcome: string, body: string): Robots {
    if (outcome === "parsed") return parseRobots(body, this.#agent);
    return outcome === "unavailable" ? ALLOW_ALL : DISALLOW_ALL;
  }

  async #fetch(origin: string): Promise<{ outcome: "parsed" | "unavailable" | "unreachable"; body: string }> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { body } = await this.#http.get(`${origin}/robots.txt`, {
          maxBytes: MAX_ROBOTS_BYTES,
          accept: "text/plain, */*;q=0.1",
          truncate: true,
        });
        return { outcome: "parsed", body: new TextDecoder().decode(body) };
      } catch (error) {
        if (!(error instanceof FetchError)) throw error;
        if (error.reason === "empty") return { outcome: "parsed", body: "" };
        // 4xx and too many redirects: "unavailable" (2.3.1.2 and 2.3.1.3); 429 is a server that cannot be asked now.
        const { status = 0, reason, retryAfterMs } = error;
        if ((status >= 400 && status < 500 && status !== 429) || reason === "redirect_loop")
          return { outcome: "unavailable", body: "" };
        if (error.next === "give up" || attempt === ATTEMPTS) return { outcome: "unreachable", body: "" };
        await sleep(Math.min(retryAfterMs ?? 500 * 2 ** attempt, LONGEST_WAIT_MS));
      }
    }
  }
}
