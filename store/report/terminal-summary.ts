import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { PageCounts } from "../page-counts.ts";
import type { Stats } from "../stats.ts";
import { funnelStages } from "./stages.ts";
import { bar, pad, table } from "./terminal-table.ts";
import { bytes, count, counted, pagesText, percent, shorten } from "./text.ts";

/** What a finished build says at the end: the funnel in one table, what there is now, and where to look next. */
export function formatSummary(stats: Stats, data: string): string {
  const { states, shards, queries, cap, pages } = stats;
  const made =
    states.kept === 0
      ? "No pairs kept yet"
      : `${counted(states.kept, "pair")} in ${counted(shards.total, "shard")} (${bytes(stats.picture_bytes)} of pictures)`;
  const limit = cap === null ? "" : `, ${count(queries.at_cap)} at the cap of ${count(cap)}`;
  return [
    ...funnelTable(stats),
    "",
    ...pagesLines(pages),
    `${made}; ${count(queries.kept)} of ${counted(queries.total, "query", "queries")} with pictures${limit}`,
    "",
    "Where to look next",
    ...nextSteps(data, states.kept > 0),
  ].join("\n");
}

/** Nothing when no page was met: the set has other sources. */
function pagesLines(pages: PageCounts): string[] {
  const text = pagesText(pages);
  const first = pages.dropped[0];
  if (text === "") return [];
  // A crawl whose seeds all fail finds nothing, and the funnel cannot say why.
  if (pages.read === 0 && first)
    return [`${text}, such as ${shorten(first.example, 60)}; --retry ${first.reason} tries again`];
  return [text];
}

/** The funnel, a line a stage: in, on, share, the reason that stopped most. */
export function funnelTable(stats: Stats): string[] {
  const stages = funnelStages(stats.funnel, new Map());
  const largest = Math.max(1, ...stages.map((stage) => stage.entered));
  const rows = stages.map(({ stage, entered, passed, stopped }) => {
    const first = stopped[0];
    const rest = stopped.length > 1 ? `, ${stopped.length - 1} more` : "";
    const why = first ? `${shorten(first.reason, 20)} ${count(first.pairs)}${rest}` : "";
    return [stage, count(entered), count(passed), percent(passed, entered), pad(bar(passed / largest, 16), 16), why];
  });
  return table(["stage", "in", "on", "share", "", "stopped most"], rows);
}

function nextSteps(data: string, trainable: boolean): string[] {
  const standard = resolve(data) === resolve("data");
  const option = standard ? "" : ` -- --data ${quote(data)}`;
  const shards = standard ? "" : ` -- --shards ${quote(join(data, "shards", "*.tar"))}`;
  const report = join(data, "report.html");
  const steps = [
    // A run that was stopped writes none.
    ...(existsSync(report) ? [["the report", `open ${quote(report)}`]] : []),
    ["pictures", `npm run browse${option}`],
    ["statistics", `npm run stats${option}`],
    ["SQL", `sqlite3 ${quote(join(data, "wit.sqlite"))} 'select * from query_stats order by kept desc limit 10'`],
  ];
  if (trainable) steps.push(["train a CLIP", `npm run train${shards}`]);
  return steps.map(([what = "", command = ""]) => `  ${pad(what, 13)} ${command}`);
}

/** A path as a shell takes it, quoted only where it must be. */
function quote(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
