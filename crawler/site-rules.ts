import type { Database } from "../store/database.ts";
import type { DownloadReason } from "../store/reasons.ts";
import { type FailureKind, FetchError } from "./fetch-error.ts";
import type { HttpClient } from "./http.ts";
import { BodyMemory } from "./memory.ts";
import { signal } from "./opt-out.ts";
import {
  ALLOW_ALL,
  DISALLOW_ALL,
  isAllowed,
  MAX_ROBOTS_BYTES,
  matches,
  parseRobots,
  type Robots,
  usageOptOut,
} from "./robots.ts";
import { type SiteFile, SiteFiles } from "./site-files.ts";

/** More than any real ai.txt or tdmrep.json holds. */
const MAX_OPT_OUT_BYTES = 64 * 1024;

/** Requests for them under way: more than of pictures, since silent hosts hold one for half a minute. */
const REQUESTS = 1_024;

/** An entry of tdmrep.json (TDMRep, W3C community group report of 2024-05-10). */
interface TdmRule {
  path: string;
  reserved: boolean;
  policy: string;
}

/** A robots.txt, or why it could not be had. */
interface KnownRobots {
  robots: Robots;
  unreachable?: FetchError;
}

/** What sites say for all their pages and pictures: robots.txt, ai.txt and tdmrep.json, each asked for once a day. */
export class SiteRules {
  readonly #robots: SiteFiles<KnownRobots>;
  readonly #aiTxt: SiteFiles<Robots>;
  readonly #tdm: SiteFiles<TdmRule[]>;

  /** @param agent the product token that groups of robots.txt and ai.txt are compared with. */
  constructor(db: Database, http: HttpClient, agent: string, stop?: AbortSignal) {
    const memory = new BodyMemory(REQUESTS);
    this.#robots = new SiteFiles(
      db,
      http,
      "/robots.txt",
      MAX_ROBOTS_BYTES,
      (file) => readRobots(file, agent),
      memory,
      stop,
    );
    // ai.txt (Spawning) has the syntax of robots.txt, with patterns such as *.jpg.
    this.#aiTxt = new SiteFiles(
      db,
      http,
      "/ai.txt",
      MAX_OPT_OUT_BYTES,
      ({ outcome, body }) => (outcome === "there" && !/^\s*</.test(body) ? parseRobots(body, agent) : ALLOW_ALL),
      memory,
      stop,
    );
    this.#tdm = new SiteFiles(db, http, "/.well-known/tdmrep.json", MAX_OPT_OUT_BYTES, readTdm, memory, stop);
  }

  /** What the robots.txt of `url`'s origin asks of us; when it cannot be reached, to stay away. */
  async of(url: URL): Promise<Robots> {
    return (await this.#robots.of(url)).robots;
  }

  /**
   * @throws FetchError with the reason `robots` when `url` may not be fetched, or with the reason why its robots.txt
   * could not be: a host that does not resolve or answer forbids nothing on purpose.
   */
  async check(url: URL): Promise<void> {
    const { robots, unreachable } = await this.#robots.of(url);
    if (isAllowed(robots, url)) return;
    throw (
      unreachable ?? new FetchError("robots", `disallowed by ${url.origin}/robots.txt`, { kind: "refused by policy" })
    );
  }

  /** Signals of the site's own files that reserve `url` from training; `tdm` ones give way to the page's own word. */
  async optOut(url: URL): Promise<{ signals: string[]; tdm: string[] }> {
    // Of each file only what it says of `url` waits for the others: thousands of hosts may be waited for.
    const usage = usageOptOut((await this.#robots.of(url)).robots, url);
    const [aiTxt, tdm] = await Promise.all([
      this.#aiTxt.of(url).then((rules) => isAllowed(rules, url)),
      this.#tdm.of(url).then((rules) => mostSpecific(rules, url.pathname + url.search)),
    ]);
    return {
      signals: aiTxt ? usage : [...usage, "ai.txt: disallow"],
      tdm: tdm?.reserved ? [signal("tdmrep.json: 1", tdm.policy).trimEnd()] : [],
    };
  }
}

function readRobots({ outcome, body }: SiteFile, agent: string): KnownRobots {
  if (outcome === "there") return { robots: parseRobots(body, agent) };
  if (outcome === "absent") return { robots: ALLOW_ALL };
  const [cause = "", kind, message = ""] = body.split("\n");
  // A server that answers with errors may mean it: then it is its robots.txt that forbids (RFC 9309, 2.3.1.4).
  const answered = cause.startsWith("http_");
  const unreachable = new FetchError(
    answered ? "robots" : (cause as DownloadReason),
    `robots.txt cannot be reached: ${message}`,
    // It was tried several times, and is remembered for an hour: another try now would change nothing.
    { kind: answered ? "refused by policy" : (kind as FailureKind), final: true },
  );
  return { robots: DISALLOW_ALL, unreachable };
}

function readTdm({ outcome, body }: SiteFile): TdmRule[] {
  if (outcome !== "there") return [];
  try {
    const entries: unknown = JSON.parse(body);
    if (!Array.isArray(entries)) return [];
    return entries.flatMap((entry: Record<string, unknown> | null) => {
      const reservation = entry?.["tdm-reservation"];
      const location = entry?.["location"];
      if (typeof location !== "string" || (Number(reservation) !== 1 && Number(reservation) !== 0)) return [];
      const policy = entry?.["tdm-policy"];
      return [
        { path: location, reserved: Number(reservation) === 1, policy: typeof policy === "string" ? policy : "" },
      ];
    });
  } catch {
    return []; // A page that says "not found" with status 200.
  }
}

function mostSpecific(rules: readonly TdmRule[], path: string): TdmRule | undefined {
  let best: TdmRule | undefined;
  for (const rule of rules) {
    if (!matches(rule.path, path)) continue;
    const longer = rule.path.length - (best?.path.length ?? -1);
    if (longer > 0 || (longer === 0 && rule.reserved)) best = rule;
  }
  return best;
}
