import type { Dispatcher } from "undici";

/** Directives of X-Robots-Tag and meta robots that reserve pictures from training. */
const DIRECTIVES = new Set(["noai", "noimageai"]);

/** Directive names that take a colon themselves, so that "max-snippet: 20" is not read as an agent's name. */
const VALUED = new Set(["max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"]);

/**
 * Opt-out signals in the headers of a page or picture: X-Robots-Tag `noai` or `noimageai` (for everyone or for `agent`,
 * in any case; an agent's name holds until the next one in the same header) and `TDM-Reservation: 1` (TDMRep).
 */
export function headerOptOut(headers: Dispatcher.ResponseData["headers"], agent: string): string[] {
  const signals: string[] = [];
  const tags = headers["x-robots-tag"];
  for (const header of typeof tags === "string" ? [tags] : (tags ?? [])) {
    let scope = "";
    for (const item of header.split(",")) {
      let directive = item.trim().toLowerCase();
      const scoped = /^([a-z0-9_.-]+)\s*:\s*(.*)$/.exec(directive);
      if (scoped?.[1] && !VALUED.has(scoped[1])) {
        scope = scoped[1];
        directive = scoped[2] ?? "";
      }
      if (DIRECTIVES.has(directive) && (scope === "" || scope === "*" || scope === agent.toLowerCase())) {
        signals.push(`x-robots-tag: ${directive}`);
      }
    }
  }
  if (String(headers["tdm-reservation"] ?? "").trim() === "1") signals.push("tdm-reservation: 1");
  return signals;
}

/** Opt-out signals in a page's `<meta name=...>` elements, given as (name, content). */
export function metaOptOut(metas: Iterable<{ name: string; content: string }>, agent: string): string[] {
  const signals: string[] = [];
  for (const { name, content } of metas) {
    const key = name.trim().toLowerCase();
    if (key === "robots" || key === agent.toLowerCase()) {
      for (const item of content.toLowerCase().split(",")) {
        if (DIRECTIVES.has(item.trim())) signals.push(`meta ${key}: ${item.trim()}`);
      }
    } else if (key === "tdm-reservation" && content.trim() === "1") {
      signals.push("meta tdm-reservation: 1");
    }
  }
  return signals;
}
