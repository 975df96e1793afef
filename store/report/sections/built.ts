import type { RunRow, Stats } from "../../stats.ts";
import { type Html, html } from "../html.ts";
import { dataTable, found, section } from "../parts.ts";
import { bytes, count, duration } from "../text.ts";

/** How far single inputs were read, and how large they were then. */
const OF_INPUTS = /^(?:bytes|read) of /;

/** How the data set was built: what the table `meta` says, and the time each stage took. */
export function built({ meta, runs, hosts, shards }: Stats): Html {
  const flat = Object.entries(meta)
    .filter(([key]) => !BOOKKEEPING.has(key) && !OF_INPUTS.test(key))
    .flatMap(([key, value]) => flatten(key, parse(value)));
  // Cap and seed stand among the settings and by themselves.
  const entries = [...new Map(flat)].sort(([a], [b]) => place(a) - place(b));
  return section(
    "built",
    "How it was built",
    "The same options, seed and inputs give the same data set again, in any order of work.",
    entries.length === 0
      ? html`<p class="quiet">Nothing is recorded yet.</p>`
      : html`<dl class="facts">${entries.map(([key, value]) => html`<div><dt>${found(LABELS[key] ?? words(key), 60)}</dt><dd>${found(value, 300)}</dd></div>`)}</dl>`,
    runs.length > 0 && runTable(runs, { download: hosts.bytes, shards: shards.bytes }),
  );
}

/** What the stages note for themselves, of no use to a reader. */
const BOOKKEEPING = new Set(["rematch", "swap", "shards", "sample_web_port"]);

/** The first entries, in this order, under a name of their own; all others follow under the name they have. */
const LABELS: Record<string, string> = {
  version: "webimagetext",
  cap: "most pairs on account of one query (cap)",
  seed: "seed of every choice",
  queries: "query list, SHA-256",
};

function place(key: string): number {
  const known = Object.keys(LABELS).indexOf(key);
  return known < 0 ? Number.POSITIVE_INFINITY : known;
}

/** An object (options, versions) as one entry a field; empty ones are left out. */
function flatten(key: string, value: unknown): [string, string][] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.length === 0 ? [] : [[key, value.map(String).join(" ")]];
  if (typeof value === "object") return Object.entries(value).flatMap(([name, field]) => flatten(name, field));
  if (typeof value === "boolean") return [[key, value ? "yes" : "no"]];
  return [[key, typeof value === "number" && key !== "seed" ? count(value) : String(value)]];
}

function parse(value: string): unknown {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  if (!/^[{[]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** `maxPages` and `max_pages` as "max pages". */
function words(key: string): string {
  return key
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
}

/** @param volumes bytes that a stage moved in all, where they are known: what hosts sent stands with the downloads. */
function runTable(runs: readonly RunRow[], volumes: Record<string, number | undefined>): Html {
  return dataTable(
    [
      { name: "Stage" },
      { name: "Runs", number: true },
      { name: "Time", number: true },
      { name: "Items", number: true },
      { name: "A second", number: true },
      { name: "Bytes", number: true },
      { name: "First started" },
    ],
    runs.map((run) => [
      run.stage,
      count(run.runs),
      duration(run.seconds),
      count(run.items),
      run.seconds > 0 ? count(run.items / run.seconds) : "–",
      volumes[run.stage] === undefined ? "–" : bytes(volumes[run.stage] ?? 0),
      run.started.slice(0, 16).replace("T", " "),
    ]),
  );
}
