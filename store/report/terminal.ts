import type { Stats } from "../stats.ts";
import { funnelStages } from "./stages.ts";
import { bar, COLUMNS, pad, table, wrap } from "./terminal-table.ts";
import { bytes, count, counted, displayWidth, duration, pagesText, percent, shorten } from "./text.ts";

/** The statistics as text for a terminal, at most 100 columns wide; nothing in it can steer the terminal. */
export function formatStats(stats: Stats): string {
  const sections = [
    headline(stats),
    section("Funnel: pairs in, pairs on, and why the others stopped", funnel(stats)),
    section("Pages that were not read", pagesNotRead(stats)),
    section("Queries with the most pictures", queries(stats)),
    section(`Frequent words that no caption has (of ${count(stats.queries.unmatched)})`, emptyQueries(stats)),
    section("The query list by source", sources(stats)),
    section("Hosts", hosts(stats)),
    section("Licences of the kept pairs", licences(stats)),
    section("Opt-out signals seen", optOuts(stats)),
    section("Shards", shards(stats)),
    section("Runs", runs(stats)),
    section("Trainings: the loss from the first step to the last", training(stats)),
  ];
  return sections.filter((text) => text !== "").join("\n\n");
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : [title, ...lines].join("\n");
}

function headline({ states, shards, queries, picture_bytes, cap, seed, seconds, pages }: Stats): string {
  const onPages = pagesText(pages);
  const rows = [
    ["Pairs kept", `${count(states.kept)} in ${counted(shards.total, "shard")}, pictures of ${bytes(picture_bytes)}`],
    [
      "On the way",
      `${count(states.candidate)} waiting for select, ${count(states.chosen)} chosen, ${count(states.reserve)} in reserve`,
    ],
    [
      "Queries",
      `${count(queries.kept)} of ${count(queries.total)} with pictures, ${count(queries.matched)} in a caption, ${count(queries.at_cap)} at the cap`,
    ],
    ...(onPages === "" ? [] : [["Pages", onPages]]),
    [
      "Built with",
      `cap ${cap === null ? "not set yet" : count(cap)}, seed ${shorten(seed ?? "not set yet", 20)}, ${duration(seconds)} of work`,
    ],
  ];
  return rows.map(([name = "", text = ""]) => `${pad(name, 12)}${text}`).join("\n");
}

function funnel(stats: Stats): string[] {
  const stages = funnelStages(stats.funnel, new Map());
  const largest = Math.max(1, ...stages.map((stage) => stage.entered));
  const width = count(largest).length;
  const examples = new Map(stats.drops.map((drop) => [`${drop.stage} ${drop.reason}`, drop.example]));
  return stages.flatMap(({ stage, entered, passed, stopped }) => {
    const numbers = `${pad(count(entered), width, true)} → ${pad(count(passed), width, true)}`;
    const start = `  ${pad(stage, 9)} ${numbers}  `;
    const line = start + bar(passed / largest, COLUMNS - displayWidth(start));
    const reasons = stopped.map(({ reason, pairs }) => {
      const counts = `      ${pad(shorten(reason, 20), 20)} ${pad(count(pairs), width, true)}  ${pad(percent(pairs, entered), 5, true)}`;
      const example = examples.get(`${stage} ${reason}`);
      return example ? `${counts}  ${shorten(example, COLUMNS - displayWidth(counts) - 2)}` : counts;
    });
    return [line.trimEnd(), ...reasons];
  });
}

function pagesNotRead({ pages: { dropped } }: Stats): string[] {
  if (dropped.length === 0) return [];
  const rows = dropped.map((row) => [shorten(row.reason, 20), count(row.pages), shorten(row.example, 60)]);
  return table(["reason", "pages", "such as"], rows);
}

function queries({ queries: { top } }: Stats): string[] {
  if (top.length === 0) return [];
  const rows = top.map((row) => [
    shorten(row.query, 30),
    row.source,
    ...[row.wiki_count, row.matched, row.chosen, row.downloaded, row.kept].map(count),
  ]);
  return table(["query", "source", "corpus", "matched", "chosen", "downloaded", "kept"], rows);
}

function emptyQueries({ queries: { empty } }: Stats): string[] {
  return wrap(
    empty.map((query) => shorten(query, 30)),
    ", ",
  );
}

function sources({ queries }: Stats): string[] {
  if (queries.sources.length === 0) return [];
  const rows = queries.sources.map((row) => [
    shorten(row.source, 12),
    ...[row.queries, row.matched, row.kept].map(count),
    shorten(row.examples.join(", "), 44),
  ]);
  return table(["source", "queries", "in a caption", "with pictures", "examples"], rows);
}

function hosts({ hosts: { top, total, requests, ok, bytes: volume } }: Stats): string[] {
  if (total === 0) return [];
  const rows = top.map((row) => [
    shorten(row.host, 38),
    ...[row.requests, row.ok, row.failed].map(count),
    bytes(row.bytes),
    row.median_ms === null ? "-" : `${count(row.median_ms)} ms`,
    String(row.last_status ?? "-"),
  ]);
  const rest = total > top.length ? `, the ${count(top.length)} busiest shown` : "";
  const all = `  ${counted(total, "host")}${rest}: ${counted(requests, "request")}, ${percent(ok, requests)} answered well, ${bytes(volume)}`;
  return [all, ...table(["host", "requests", "ok", "failed", "bytes", "median", "last"], rows)];
}

function licences({ licences: rows, states }: Stats): string[] {
  if (rows.length === 0) return [];
  const lines = rows.map((row) => [shorten(row.licence, 60), count(row.pairs), percent(row.pairs, states.kept)]);
  return table(["licence", "pairs", "share"], lines);
}

function optOuts({ opt_outs: rows }: Stats): string[] {
  if (rows.length === 0) return [];
  const lines = rows.map((row) => [shorten(row.signal, 60), count(row.pairs), count(row.kept)]);
  return table(["signal", "pairs", "kept"], lines);
}

function shards({ shards: { first, total, pairs, bytes: volume } }: Stats): string[] {
  if (total === 0) return [];
  const rows = first.map((row) => [
    shorten(row.shard, 24),
    count(row.pairs),
    bytes(row.bytes),
    row.sha256.slice(0, 16),
  ]);
  const rest = total > first.length ? `, the first ${count(first.length)} shown` : "";
  return [
    `  ${counted(total, "shard")}${rest}: ${counted(pairs, "pair")}, ${bytes(volume)}`,
    ...table(["shard", "pairs", "bytes", "sha256"], rows),
  ];
}

function runs({ runs: rows }: Stats): string[] {
  if (rows.length === 0) return [];
  const lines = rows.map((row) => [
    shorten(row.stage, 16),
    count(row.runs),
    duration(row.seconds),
    count(row.items),
    row.seconds > 0 ? count(row.items / row.seconds) : "-",
    shorten(row.started, 24),
  ]);
  return table(["stage", "runs", "time", "items", "a second", "first started"], lines);
}

/** A bar of eighths a point; the curve takes what is left of the line. */
function training({ training: rows }: Stats): string[] {
  return rows.flatMap(({ run, step, epoch, loss, samples_per_second, curve }) => {
    const highest = Math.max(Number.EPSILON, ...curve.map((point) => point.loss));
    const columns = Math.min(curve.length, COLUMNS - 2);
    const shown = Array.from({ length: columns }, (_, column) => {
      const point = curve[Math.round((column * (curve.length - 1)) / Math.max(1, columns - 1))];
      return "▁▂▃▄▅▆▇█"[Math.max(0, Math.min(7, Math.floor((8 * (point?.loss ?? 0)) / highest)))];
    });
    return [
      `  ${shorten(run, 40)}  step ${count(step)}, epoch ${epoch.toFixed(1)}, loss ${loss.toFixed(3)}, ${count(samples_per_second)} pairs/s`,
      `  ${shown.join("")}`,
    ];
  });
}
