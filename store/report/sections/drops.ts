import type { Stats } from "../../stats.ts";
import { type Html, html } from "../html.ts";
import type { Languages } from "../languages.ts";
import { dataTable, found, meter, section } from "../parts.ts";
import { barList } from "../plots.ts";
import { count } from "../text.ts";

/** Every reason something was dropped for, in words, with an example. */
export function drops({ drops: rows }: Stats, { asked, bins }: Languages): Html | undefined {
  if (rows.length === 0) return undefined;
  const most = Math.max(1, ...rows.map((row) => row.pairs));
  return section(
    "drops",
    "Why the rest is missing",
    "Nothing is dropped silently: each reason is the name of a rule or an outcome of a download, and stands in the table pair.",
    dataTable(
      [{ name: "Stage" }, { name: "Reason" }, { name: "Pairs", number: true }, { name: "Example" }],
      rows.map((row) => [
        html`<span class="quiet">${row.stage}</span>`,
        html`<div class="reason"><b>${found(row.reason.replaceAll("_", " "), 40)}</b><br><span class="quiet">${row.help ?? ""}</span></div>`,
        meter(row.pairs, most),
        html`<code>${found(row.example ?? "", 110)}</code>`,
      ]),
    ),
    barList(`Languages of ${count(asked)} captions dropped for their language, by fastText`, bins),
  );
}
