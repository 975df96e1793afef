import type { Stats } from "../../stats.ts";
import type { Bin } from "../distributions.ts";
import { type Html, html, type Part } from "../html.ts";
import { dataTable, found, meter, section } from "../parts.ts";
import { barList } from "../plots.ts";
import { bytes, count, counted, percent } from "../text.ts";

/** Where the pictures came from, under which terms, and where they lie now. */
export function origins(stats: Stats, statuses: readonly Bin[]): Html {
  return html`${hosts(stats, statuses)}${rights(stats)}${shards(stats)}`;
}

function hosts(
  { hosts: { top, total, requests, ok, bytes: volume } }: Stats,
  statuses: readonly Bin[],
): Html | undefined {
  if (total === 0) return undefined;
  const most = Math.max(1, ...top.map((row) => row.requests));
  const shown = total > top.length ? ` The ${count(top.length)} busiest are shown.` : "";
  return section(
    "hosts",
    "Hosts",
    `${counted(requests, "request")} to ${counted(total, "host")}, ${percent(ok, requests)} answered well, ${bytes(volume)} received.${shown}`,
    dataTable(
      [
        { name: "Host" },
        { name: "Requests", number: true },
        { name: "Well", number: true },
        { name: "Failed", number: true },
        { name: "Received", number: true },
        { name: "Median", number: true },
        { name: "Last status", number: true },
      ],
      top.map((row) => [
        found(row.host, 60),
        meter(row.requests, most),
        count(row.ok),
        count(row.failed),
        bytes(row.bytes),
        row.median_ms === null ? "–" : `${count(row.median_ms)} ms`,
        String(row.last_status ?? "–"),
      ]),
    ),
    barList("HTTP status of the pictures asked for", statuses),
  );
}

function rights({ licences, opt_outs, states }: Stats): Html {
  const signals: Part =
    opt_outs.length === 0
      ? html`<p class="quiet">No opt-out signal was seen.</p>`
      : dataTable(
          [{ name: "Opt-out signal" }, { name: "Pairs", number: true }, { name: "Kept", number: true }],
          opt_outs.map((row) => [found(row.signal, 80), count(row.pairs), count(row.kept)]),
        );
  const terms: Part =
    licences.length === 0
      ? html`<p class="quiet">No pair has been kept yet.</p>`
      : dataTable(
          [{ name: "Licence" }, { name: "Pairs", number: true }, { name: "Share", number: true }],
          licences.map((row) => [found(row.licence, 80), count(row.pairs), percent(row.pairs, states.kept)]),
        );
  return section(
    "rights",
    "Licences and opt-outs",
    "As the pages state them. Captions and pictures belong to their authors; an unknown licence is no permission.",
    html`<div class="halves"><div>${terms}</div><div>${signals}</div></div>`,
  );
}

function shards({ shards: { total, pairs, bytes: volume, first } }: Stats): Html {
  const shown = total > first.length ? ` The first ${count(first.length)} are shown.` : "";
  return section(
    "shards",
    "Shards",
    total === 0
      ? "None is finished yet."
      : `${counted(pairs, "pair")} in ${counted(total, "WebDataset file")}, ${bytes(volume)}, each with its Parquet table.${shown}`,
    total > 0 &&
      dataTable(
        [{ name: "Shard" }, { name: "Pairs", number: true }, { name: "Bytes", number: true }, { name: "SHA-256" }],
        first.map((row) => [
          found(row.shard, 60),
          count(row.pairs),
          bytes(row.bytes),
          html`<code title="${row.sha256}">${row.sha256.slice(0, 16)}…</code>`,
        ]),
      ),
  );
}
