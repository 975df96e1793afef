/**
 * robots.txt as RFC 9309 has it: groups of one agent are merged, the longest matching rule wins, allow wins a tie,
 * `*` and a final `$` are special, paths are compared percent-encoded in one normal form.
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
  /** Signals against training: `Content-Usage: train-ai=n` (IETF AIPREF draft), `Content-Signal: ai-train=no`. */
  optOut: string[];
}

/** RFC 9309, 2.5: a parser must take at least 500 KiB; what follows is ignored. */
export const MAX_ROBOTS_BYTES = 512 * 1024;

/** Everything is forbidden: what the RFC asks for while robots.txt cannot be reached (2.3.1.4). */
export const DISALLOW_ALL: Robots = { rules: [{ allow: false, path: "/" }], sitemaps: [], optOut: [] };

/** Nothing is forbidden: robots.txt is "unavailable", any 4xx (2.3.1.3). */
export const ALLOW_ALL: Robots = { rules: [], sitemaps: [], optOut: [] };

interface Group {
  rules: Rule[];
  crawlDelay?: number;
  optOut: string[];
}

/**
 * Reads a robots.txt for the agent with the product token `agent`; never throws, unreadable lines are passed over.
 * @param agent letters, `_` and `-` only, compared without case (2.2.1).
 */
export function parseRobots(text: string, agent: string): Robots {
  const mine: Group = { rules: [], optOut: [] };
  const everyone: Group = { rules: [], optOut: [] };
  const sitemaps: string[] = [];
  const token = agent.toLowerCase();
  let named = false;
  let current: Group[] = [];
  let afterAgents = false;
  for (const raw of text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/)) {
    const line = raw.replace(/#.*$/, "").trim();
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const key = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (key === "user-agent") {
      // A user-agent line after rules begins a new group; several in a row share one.
      if (afterAgents) current = [];
      afterAgents = false;
      const product = /^[a-z_-]+/.exec(value.toLowerCase())?.[0];
      if (product === token) {
        named = true;
        current.push(mine);
      } else if (value.startsWith("*")) {
        current.push(everyone);
      }
    } else if (key === "sitemap") {
      sitemaps.push(value);
    } else if (key === "allow" || key === "disallow") {
      afterAgents = true;
      // An empty path matches nothing (2.2.2).
      if (value !== "")
        for (const group of current) group.rules.push({ allow: key === "allow", path: encodePath(value) });
    } else if (key === "crawl-delay") {
      afterAgents = true;
      const seconds = Number(value);
      if (value !== "" && seconds >= 0) for (const group of current) group.crawlDelay = seconds;
    } else if (key === "content-usage" || key === "content-signal") {
      if (/(?:^|[\s,;])(?:train-ai\s*=\s*n|ai-train\s*=\s*no)(?:$|[\s,;])/i.test(value)) {
        // Outside any group it speaks to everyone.
        const signal = `robots.txt ${key}: ${value}`;
        if (current.length === 0 && !afterAgents) everyone.optOut.push(signal);
        for (const group of current) group.optOut.push(signal);
      }
    }
  }
  const group = named ? mine : everyone;
  const robots: Robots = {
    rules: group.rules,
    sitemaps,
    optOut: named ? [...mine.optOut, ...everyone.optOut] : everyone.optOut,
  };
  if (group.crawlDelay !== undefined) robots.crawlDelay = group.crawlDelay;
  return robots;
}

/** Whether `url` may be fetched: the rule with the most octets decides (2.2.2); /robots.txt itself always may. */
export function isAllowed(robots: Robots, url: URL): boolean {
  if (url.pathname === "/robots.txt") return true;
  const path = encodePath(url.pathname + url.search);
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
function matches(pattern: string, path: string): boolean {
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
