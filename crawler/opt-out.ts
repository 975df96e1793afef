import type { ResponseHeaders } from "./http.ts";

/** Directives of X-Robots-Tag and meta robots that reserve pictures from training. */
const DIRECTIVES = new Set(["noai", "noimageai"]);

/** Directive names that take a colon themselves, so that "max-snippet: 20" is not read as an agent's name. */
const VALUED = new Set(["max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"]);

/** Each pair keeps the signals of its page: a page that repeats one a million times would be written as often for each of its pairs. */
const MOST_SIGNALS = 20;
/** So much of a signal is enough to see what it was. */
const MOST_CHARACTERS = 200;

/** Signals as they are kept: each once, few and short. */
function listed(signals: readonly string[]): string[] {
  return [...new Set(signals)].slice(0, MOST_SIGNALS);
}

/** A signal with what is quoted of its source. */
export function signal(source: string, quoted: string): string {
  // Copied: a part of a text keeps all of it in memory.
  return Buffer.from(`${source} ${quoted.slice(0, MOST_CHARACTERS)}`).toString();
}

/**
 * Whether usage preferences refuse training: `train-ai=n` (IETF AIPREF vocabulary; `bots=n` refuses all that is not
 * granted) or `ai-train=no` (Content-Signal). Undefined when they say nothing about it.
 */
export function refusesTraining(preferences: string): boolean | undefined {
  let bots: boolean | undefined;
  let train: boolean | undefined;
  for (const [, name, value = ""] of preferences.toLowerCase().matchAll(/([a-z-]+)\s*=\s*"?(\?[01]|[a-z]+)/g)) {
    const no = value === "n" || value === "no" || value === "?0";
    if (name === "train-ai" || name === "ai-train") train = train === true || no;
    else if (name === "bots") bots = no;
  }
  return train ?? (bots === true ? true : undefined);
}

/**
 * Opt-out signals in the headers of a page or picture: X-Robots-Tag `noai` or `noimageai` (for everyone or for `agent`,
 * in any case; an agent's name holds until the next one in the same header), `TDM-Reservation: 1` (TDMRep),
 * `Content-Usage` and `Content-Signal`.
 */
export function headerOptOut(headers: ResponseHeaders, agent: string): string[] {
  const signals: string[] = [];
  for (const header of valuesOf(headers, "x-robots-tag")) {
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
  if (tdmHeader(headers) === true) signals.push("tdm-reservation: 1");
  for (const name of ["content-usage", "content-signal"]) {
    for (const value of valuesOf(headers, name)) if (refusesTraining(value)) signals.push(signal(`${name}:`, value));
  }
  return listed(signals);
}

/** What the TDM-Reservation header says, if it is there: it overrides the site's tdmrep.json. */
export function tdmHeader(headers: ResponseHeaders): boolean | undefined {
  const value = valuesOf(headers, "tdm-reservation")[0]?.trim();
  return value === "1" ? true : value === "0" ? false : undefined;
}

function valuesOf(headers: ResponseHeaders, name: string): string[] {
  const value = headers[name];
  return typeof value === "string" ? [value] : (value ?? []);
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
  return listed(signals);
}

/** What a page's meta elements say about text and data mining, if they do; a reservation among several counts. */
export function tdmMeta(metas: Iterable<{ name: string; content: string }>): boolean | undefined {
  let reserved: boolean | undefined;
  for (const { name, content } of metas) {
    if (name.trim().toLowerCase() !== "tdm-reservation") continue;
    if (content.trim() === "1") reserved = true;
    else if (content.trim() === "0") reserved ??= false;
  }
  return reserved;
}

/**
 * The signals that hold for a page: those from outside of it (the site's files, the headers) and its own. In TDMRep the most specific
 * wins: a page that says `tdm-reservation: 0` is not reserved, whatever its header and tdmrep.json say.
 */
export function pageOptOut(
  outside: readonly string[],
  page: { optOut: string[]; tdm?: boolean } | undefined,
): string[] {
  const holds =
    page?.tdm === false ? outside.filter((signal) => !/^tdm(?:-reservation|rep\.json):/.test(signal)) : outside;
  return [...holds, ...(page?.optOut ?? [])];
}
