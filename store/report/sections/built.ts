import type { RunRow, Stats } from "../../stats.ts";
import { type Html, html } from "../html.ts";
import { dataTable, found, section } from "../parts.ts";
import { count, duration } from "../text.ts";

/** How the data set was built: everything the table `meta` says, and the time each stage took. */
export function built({ meta, runs }: Stats): Html {
  const entries = Object.entries(meta).flatMap(([key, value]) => flatten(key, value));
  return section(
    "built",
    "How it was built",
    "The same options, seed and inputs give the same data set again, in any order and on any number of machines.",
    entries.length === 0
      ? html`<p class="quiet">Nothing is recorded yet.</p>`
      : html`<dl class="facts">${entries.map(([key, value]) => html`<div><dt>${found(key.replaceAll("_", " "), 60)}</dt><dd>${found(value, 300)}</dd></div>`)}</dl>`,
    runs.length > 0 && runTable(runs),
  );
}

/** A value that is itself a JSON object (options, versions) as one entry a field. */
function flatten(key: string, value: string): [string, string][] {
  const inner = parseObject(value);
  if (!inner) return [[key, grouped(value)]];
  return Object.entries(inner).map(([name, field]) => [
    `${key} ${name}`,
    typeof field === "object" ? JSON.stringify(field) : grouped(String(field)),
  ]);
}

function parseObject(value: string): Record<string, unknown> | undefined {
  if (!value.startsWith("{")) return undefined;
  try {
    return JSON.parse(value) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function grouped(value: string): string {
  return /^\d{5,9}$/.test(value) ? count(Number(value)) : value;
}

function runTable(runs: readonly RunRow[]): Html {
  return dataTable(
    [
      { name: "Stage" },
      { name: "Runs", number: true },
      { name: "Time", number: true },
      { name: "Items", number: true },
      { name: "A second", number: true },
      { name: "First started" },
    ],
    runs.map((run) => [
      run.stage,
      count(run.runs),
      duration(run.seconds),
      count(run.items),
      run.seconds > 0 ? count(run.items / run.seconds) : "–",
      run.started.slice(0, 16).replace("T", " "),
    ]),
  );
}
