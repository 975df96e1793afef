import type { Stats } from "../stats.ts";
import { funnelTable } from "./terminal-summary.ts";
import { COLUMNS, table } from "./terminal-table.ts";
import { bytes, count, counted, duration, percent, shorten } from "./text.ts";

/** What is watched of a crawl: amounts that only grow while it works. */
export interface Amounts {
  /** Pairs found, dropped ones too. */
  found: number;
  /** Requests answered, well or not. */
  requests: number;
  /** Bytes received. */
  bytes: number;
  /** Pairs with a picture in a shard. */
  kept: number;
}

/** The watched amounts of a moment. */
export function amountsOf({ states, hosts }: Stats): Amounts {
  const found = Object.values(states).reduce((sum, pairs) => sum + pairs, 0);
  return { found, requests: hosts.requests, bytes: hosts.bytes, kept: states.kept };
}

/**
 * One picture of a running crawl for a terminal: what there is, what came since the last look, the funnel, the hosts that
 * fail most.
 * @param seconds since the last look; undefined at the first.
 */
export function formatWatch(stats: Stats, before: Amounts | undefined, seconds: number | undefined): string {
  const now = amountsOf(stats);
  const rate = (name: keyof Amounts) =>
    before && seconds
      ? `${name === "bytes" ? bytes((now[name] - before[name]) / seconds) : count((now[name] - before[name]) / seconds)}/s`
      : "-";
  const { states } = stats;
  const moving = before && (Object.keys(now) as (keyof Amounts)[]).some((name) => now[name] !== before[name]);
  const failing = stats.hosts.top
    .filter((host) => host.failed > 0)
    .sort((a, b) => b.failed - a.failed)
    .slice(0, 5);
  return [
    `${counted(now.found, "pair")} found, ${count(states.kept)} kept, ${count(states.chosen)} chosen, ${count(states.candidate)} waiting, ${count(states.reserve)} in reserve; ${duration(stats.seconds)} of work in finished stages`,
    ...table(
      ["", "in all", before ? `last ${duration(seconds ?? 0)}` : "so far"],
      [
        ["pairs found", count(now.found), rate("found")],
        ["requests", count(now.requests), rate("requests")],
        ["received", bytes(now.bytes), rate("bytes")],
        ["pairs kept", count(now.kept), rate("kept")],
      ],
    ),
    ...(before && !moving ? ["  nothing changed since the last look"] : []),
    "",
    ...funnelTable(stats),
    ...(failing.length === 0
      ? []
      : [
          "",
          ...table(
            ["hosts that fail most", "requests", "failed", "", "last"],
            failing.map((host) => [
              shorten(host.host, COLUMNS - 50),
              count(host.requests),
              count(host.failed),
              percent(host.failed, host.requests),
              String(host.last_status ?? "-"),
            ]),
          ),
        ]),
  ].join("\n");
}
