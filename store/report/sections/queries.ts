import type { SourceRow, Stats } from "../../stats.ts";
import type { Distributions } from "../distributions.ts";
import { type Html, html } from "../html.ts";
import { dataTable, found, meter, section } from "../parts.ts";
import { rankChart, stackedBars } from "../plots.ts";
import { count, percent } from "../text.ts";

/** How the pairs spread over the queries, and what the query list is made of. */
export function queries(stats: Stats, { matched, kept }: Distributions): Html {
  return html`${balance(stats, matched, kept)}${composition(stats)}${largest(stats)}`;
}

function balance(
  { cap, queries: { at_cap, matched: inCaption, total } }: Stats,
  matched: number[],
  kept: number[],
): Html {
  const capped =
    cap === null
      ? "No cap was applied yet."
      : `${at_cap === 0 ? "None" : count(at_cap)} of them reached the cap: at most ${count(cap)} pairs are chosen on account of one query, so that the head does not drown the tail.`;
  return section(
    "balance",
    "Pairs per query",
    `${count(inCaption)} of ${count(total)} queries occur in a caption. ${capped}`,
    matched.length === 0
      ? html`<p class="notice">No caption has been matched yet, so there is nothing to plot.</p>`
      : html`<p class="legend"><span class="key matched">captions that contain the query</span><span class="key passed">pairs kept on account of it</span></p>
${rankChart({
  curves: [
    { meaning: "captions that contain it", values: matched, colour: "var(--matched)" },
    { meaning: "pairs kept on account of it", values: kept, colour: "var(--accent)", soft: "var(--accent-soft)" },
  ],
  ...(cap === null ? {} : { limit: { value: Math.max(1, cap), label: `cap ${count(cap)}` } }),
  title: "Pairs per query over the rank of the query, both on logarithmic axes",
})}`,
  );
}

/** What the sources of the query list are called for readers. */
const SOURCES: Record<string, string> = {
  unigram: "frequent words",
  bigram: "word pairs",
  title: "article titles",
  synset: "WordNet names",
};

function composition({ queries: { sources, total, empty, unmatched } }: Stats): Html | undefined {
  if (total === 0) return undefined;
  return section(
    "list",
    "The query list",
    `${count(total)} queries by the source that put them on the list, with those that found the most.`,
    stackedBars(
      "The query list by source",
      sources.map(({ source, queries }, i) => ({ bar: "", kind: source, count: queries, colour: tone(i) })),
      "queries",
    ),
    dataTable(
      [
        { name: "Source" },
        { name: "Queries", number: true },
        { name: "Share", number: true },
        { name: "In a caption", number: true },
        { name: "With pictures", number: true },
        { name: "Examples" },
      ],
      sources.map((row, i) => sourceRow(row, i, total)),
    ),
    empty.length > 0 &&
      html`<h3>Found by nothing <span class="quiet">${count(unmatched)} queries are in no caption; the most frequent words of the corpus among them</span></h3>
<p class="chips">${empty.map((query) => html`<span>${found(query, 40)}</span> `)}</p>`,
  );
}

/** The colour that stands for the source in the list's bar and beside its name. */
function tone(i: number): string {
  return `var(--tone-${i % 4})`;
}

function sourceRow(row: SourceRow, i: number, total: number): (Html | string)[] {
  return [
    html`<span class="key tone-${i % 4}">${row.source}</span> <span class="quiet">${SOURCES[row.source]}</span>`,
    count(row.queries),
    percent(row.queries, total),
    count(row.matched),
    count(row.kept),
    html`<span class="quiet">${row.examples.map((example, j) => html`${j > 0 && ", "}${found(example, 40)}`)}</span>`,
  ];
}

function largest({ queries: { top } }: Stats): Html | undefined {
  if (top.length === 0) return undefined;
  const most = Math.max(1, ...top.map((row) => row.matched));
  return section(
    "largest",
    "The largest queries",
    "Matched: captions that contain it. Chosen: pairs let in on account of it, at most the cap. Kept: of these, in a shard.",
    dataTable(
      [
        { name: "Query" },
        { name: "Source" },
        { name: "In the corpus", number: true },
        { name: "Matched", number: true },
        { name: "Chosen", number: true },
        { name: "Kept", number: true },
      ],
      top.map((row) => [
        found(row.query, 40),
        html`<span class="quiet">${row.source}</span>`,
        count(row.wiki_count),
        meter(row.matched, most),
        meter(row.chosen, most),
        meter(row.kept, most),
      ]),
    ),
  );
}
