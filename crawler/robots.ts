import { refusesTraining, signal } from "./opt-out.ts";

/**
 * robots.txt as RFC 9309 has it: groups of one agent are merged, the longest matching rule wins, allow wins a tie,
 * `*` and a final `$` are special, paths are compared percent-encoded in one normal form. Where the RFC leaves room
 * ("parsers may be lenient", 2.2), what Google's parser accepts is accepted: common misspellings, a missing colon, and
 * that allowing /x/index.html allows /x/.
 */

interface Rule {
  allow: boolean;
  /** The normalised path pattern. */
  path: string;
}

/** What one robots.txt says to one agent. */
export interface Robots {
  rules: Rule[];
  /** Seconds between requests that the site asks for (not in the RFC, widely used). */
  crawlDelay?: number;
  /** Addresses of sitemaps; they belong to no group. */
  sitemaps: string[];
  /** Preferences about use: `Content-Usage` (IETF AIPREF draft), `Content-Signal`; each for the paths it names. */
  usage: UsageRule[];
}

interface UsageRule {
  path: string;
  /** The whole line, as evidence. */
  line: string;
  refuses: boolean;
}

/** RFC 9309, 2.5: a parser must take at least 500 KiB; what follows is ignored. */
export const MAX_ROBOTS_BYTES = 512 * 1024;
/** Longer lines are cut: eight times the longest address that browsers agreed on. */
const MAX_LINE = 8 * 2_083;

/** Everything is forbidden: what the RFC asks for while robots.txt cannot be reached (2.3.1.4). */
export const DISALLOW_ALL: Robots = { rules: [{ allow: false, path: "/" }], sitemaps: [], usage: [] };

/** Nothing is forbidden: robots.txt is "unavailable", any 4xx (2.3.1.3). */
export const ALLOW_ALL: Robots = { rules: [], sitemaps: [], usage: [] };

interface Group {
  rules: Rule[];
  usage: UsageRule[];
  crawlDelay?: number;
}

/** What a line's key means, however it is spelt. */
const KEYS: readonly [RegExp, "agent" | "allow" | "disallow" | "sitemap" | "delay" | "usage"][] = [
  [/^user[- ]?agent$/, "agent"],
  [/^allow$/, "allow"],
  [/^(?:dis+al+ow|dis+al+aw|diasllow)$/, "disallow"],
  [/^site-?map$/, "sitemap"],
  [/^crawl-?delay$/, "delay"],
  [/^content-(?:usage|signal)$/, "usage"],
];

/**
 * Reads a robots.txt for the agent with the product token `agent`; never throws, unreadable lines are passed over.
 * @param agent letters, `_` and `-` only, compared without case (2.2.1).
 */
export function parseRobots(text: string, agent: string): Robots {
  const mine: Group = { rules: [], usage: [] };
  const everyone: Group = { rules: [], usage: [] };
  const sitemaps: string[] = [];
  const token = agent.toLowerCase();
  let named = false;
  let current: Group[] = [];
  let inGroup = false;
  let afterAgents = false;
  for (const raw of text.replace(/^[\ufeff\ufffd]/, "").split(/\r\n|\r|\n/)) {
    const [key, value, line] = readLine(raw) ?? [];
    if (key === undefined || value === undefined || line === undefined) continue;
    if (key === "agent") {
      // A user-agent line after rules begins a new group; several in a row share one.
      if (afterAgents) current = [];
      afterAgents = false;
      inGroup = true;
      if (/^[a-z_-]+/i.exec(value)?.[0].toLowerCase() === token) {
        named = true;
        current.push(mine);
      } else if (/^\*(?:\s|$)/.test(value)) {
        current.push(everyone);
      }
    } else if (key === "sitemap") {
      sitemaps.push(value);
    } else if (key === "usage") {
      const rule = usageRule(value, line);
      // Outside any group it speaks to everyone.
      if (rule) for (const group of inGroup ? current : [everyone]) group.usage.push(rule);
    } else {
      afterAgents = true;
      for (const group of current) addRule(group, key, value);
    }
  }
  const group = named ? mine : everyone;
  return {
    rules: group.rules,
    sitemaps,
    usage: named ? [...mine.usage, ...everyone.usage] : everyone.usage,
    ...(group.crawlDelay === undefined ? {} : { crawlDelay: group.crawlDelay }),
  };
}

function readLine(raw: string) {
  const line = trim(raw.slice(0, MAX_LINE - 1).replace(/#.*$/, ""));
  const colon = line.indexOf(":");
  // Without a colon white space may stand for it, if there are two words and no more.
  const [name, value] = colon >= 0 ? [line.slice(0, colon), line.slice(colon + 1)] : line.split(/\s+/);
  if (name === undefined || value === undefined || (colon < 0 && line.split(/\s+/).length > 2)) return undefined;
  const spelt = trim(name).toLowerCase();
  const key = KEYS.find(([spellings]) => spellings.test(spelt))?.[1];
  return key && ([key, trim(value), line] as const);
}

/** White space is blanks and tabs (2.2); a byte order mark in the middle of a file is none. */
function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

function addRule(group: Group, key: "allow" | "disallow" | "delay", value: string): void {
  if (value === "") return; // An empty path matches nothing (2.2.2).
  if (key === "delay") {
    if (Number(value) >= 0) group.crawlDelay = Number(value);
    return;
  }
  const path = encodePath(value);
  group.rules.push({ allow: key === "allow", path });
  const folder = /^(.*\/)index\.html?[^/]*$/.exec(path)?.[1];
  if (key === "allow" && folder !== undefined) group.rules.push({ allow: true, path: `${folder}$` });
}

/** `[path] preferences`; without a path they hold for the whole site. */
function usageRule(value: string, line: string): UsageRule | undefined {
  const [, path = "/", preferences = ""] = /^(\/\S*)?\s*(.*)$/.exec(value) ?? [];
  const refuses = refusesTraining(preferences);
  return refuses === undefined ? undefined : { path: encodePath(path), line, refuses };
}

/** Whether `url` may be fetched: the rule with the most octets decides (2.2.2); /robots.txt itself always may. */
export function isAllowed(robots: Robots, url: URL): boolean {
  return isPathAllowed(robots, url.pathname + url.search);
}

/** The same for a path with its query, percent-encoded as it is sent. */
export function isPathAllowed(robots: Robots, sent: string): boolean {
  if (sent === "/robots.txt") return true;
  const path = encodePath(sent);
  let best = -1;
  let allowed = true;
  for (const rule of robots.rules) {
    const length = rule.path.length;
    if (length < best || (length === best && !rule.allow)) continue;
    if (matches(rule.path, path)) {
      best = length;
      allowed = rule.allow;
    }
  }
  return allowed;
}

/** The line that reserves `url` from training, if the one for the longest path does. */
export function usageOptOut(robots: Robots, url: URL): string[] {
  const path = encodePath(url.pathname + url.search);
  let best: UsageRule | undefined;
  for (const rule of robots.usage) {
    if (!matches(rule.path, path)) continue;
    const longer = rule.path.length - (best?.path.length ?? -1);
    if (longer > 0 || (longer === 0 && rule.refuses)) best = rule;
  }
  return best?.refuses ? [signal("robots.txt", best.line)] : [];
}

/** Percent-encoding in one form: encoded letters, digits and `-._~` decoded, all else that needs it encoded in upper case. */
function encodePath(path: string): string {
  return path
    .replace(/[^\x21-\x7e]+/g, (text) => encodeURIComponent(text.isWellFormed() ? text : text.toWellFormed()))
    .replace(/%([0-9a-f]{2})/gi, (encoded, hex) => {
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase();
    });
}

/** Glob matching from the start of the path in linear memory and at most pattern x path steps, whatever the pattern. */
export function matches(pattern: string, path: string): boolean {
  const anchored = pattern.endsWith("$");
  const parts = (anchored ? pattern.slice(0, -1) : pattern).split("*");
  const first = parts[0] ?? "";
  if (!path.startsWith(first)) return false;
  let at = first.length;
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] ?? "";
    if (anchored && i === parts.length - 1) return path.length - part.length >= at && path.endsWith(part);
    const found = path.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return !anchored || at === path.length;
}
