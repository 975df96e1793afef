import { count, counted } from "../store/report/text.ts";
import type { BuildOptions, BuiltList, Composition } from "./build.ts";
import type { Titles } from "./pageviews.ts";
import type { DumpCounts } from "./wikipedia.ts";

/** The printed composition: what each source gave, with examples and the cut-off reached, and what is missing. */
export function describeList(
  list: BuiltList,
  options: Pick<BuildOptions, "size" | "minCount">,
  inputs: { dump: boolean; pageviews: boolean } = { dump: false, pageviews: false },
): string {
  const offered = list.composition.filter(({ terms, known, left }) => terms + known + left > 0);
  const rows = offered.map((part) => [
    part.name,
    count(part.terms),
    count(part.known),
    count(part.left),
    cutOff(part),
    part.examples.join(", "),
  ]);
  const lines = [
    `${count(list.terms.length)} terms`,
    table([["source", "terms", "known", "left out", "down to", "such as"], ...rows]),
  ];
  if (list.cut > 0) lines.push(`${count(list.cut)} terms were left out: --size is ${count(options.size)}`);
  if (list.terms.length < options.size) lines.push(...whyShort(list, options, inputs));
  return lines.join("\n");
}

function cutOff({ cutOff, unit }: Composition): string {
  if (cutOff === undefined || unit === undefined) return "";
  return unit.endsWith("PMI") ? `${unit} ${cutOff.toFixed(2)}` : `${count(cutOff)} ${unit}`;
}

/** What keeps a list below its size. */
function whyShort(
  list: BuiltList,
  options: Pick<BuildOptions, "size" | "minCount">,
  inputs: { dump: boolean; pageviews: boolean },
): string[] {
  const lines = [
    `${count(options.size - list.terms.length)} short of ${count(options.size)}: the inputs hold no more.`,
  ];
  lines.push(
    inputs.dump
      ? `The dump has no more words seen ${count(options.minCount)} times, or pairs of them: --min-count lowers that.`
      : "Bigrams, and the rarer words, need a Wikipedia dump: --download fetches the newest one, --dump FILE reads one you have.",
  );
  if (!inputs.pageviews)
    lines.push("Titles need page views: --pageviews 'pageviews-*.gz' (--download fetches a year's sample).");
  return lines;
}

/** What was read of a dump, and what could not be. */
export function describeDump(dump: DumpCounts): string {
  const { stats } = dump;
  const lines = [
    `dump: ${count(stats.articles)} articles (${count(stats.redirects)} redirects and ${count(stats.others)} other pages passed over), ${count(stats.tokens)} words, ${count(dump.distinct)} different ones, ${count(dump.distinctPairs)} different pairs`,
  ];
  if (dump.reused > 0)
    lines.push(`${count(dump.reused)} of ${counted(dump.parts.length, "part")} had been read before`);
  if (dump.bigrams.length === 0 && Number.isFinite(dump.highestPmi))
    lines.push(`no pair passes the rule for bigrams: the highest PMI is ${dump.highestPmi.toFixed(2)}`);
  if (stats.damages.length > 0) {
    lines.push(`passed over ${counted(stats.damages.length, "damaged block")}, with the pages cut by them:`);
    for (const { file, offset, reason } of stats.damages.slice(0, 10))
      lines.push(`  ${file} at byte ${count(offset)}: ${reason}`);
    if (stats.damages.length > 10) lines.push("  ...");
  }
  if (stats.broken > 0)
    lines.push(`${counted(stats.broken, "page")} without an end: the file is cut short or damaged there`);
  return lines.join("\n");
}

/** What was read of page views. */
export function describeTitles(titles: Titles, minViews: number): string {
  const days = titles.days.length > 3 ? `${titles.days[0]} to ${titles.days.at(-1)}` : titles.days.join(", ");
  const lines = [
    `page views: ${counted(titles.hours, "hour")} of ${counted(titles.days.length, "day")} (${days}), ${count(titles.views)} views of articles, ${count(titles.redirected)} of them through redirects; ${count(titles.terms.size)} titles with ${count(minViews)} or more`,
  ];
  if (titles.missing > 0)
    lines.push(`not among the articles of the dump: ${counted(titles.missing, "title")} asked for`);
  if (titles.malformed > 0)
    lines.push(`passed over ${counted(titles.malformed, "malformed line or title", "malformed lines or titles")}`);
  return lines.join("\n");
}

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
