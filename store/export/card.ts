import { REASONS } from "../reasons.ts";
import { funnelStages, STAGE_HELP } from "../report/stages.ts";
import { bytes, count, counted, percent, plain } from "../report/text.ts";
import type { Stats } from "../stats.ts";

/** SPDX-like names that the hub knows, by the addresses that pages state. */
const KNOWN_LICENCES: [RegExp, string][] = [
  [/creativecommons\.org\/publicdomain\/zero\/1\.0/i, "cc0-1.0"],
  [/creativecommons\.org\/licenses\/(by(?:-nc)?(?:-sa|-nd)?)\/([1-4]\.\d)/i, "cc-$1-$2"],
  [/apache\.org\/licenses\/LICENSE-2\.0/i, "apache-2.0"],
  [/opensource\.org\/licenses?\/mit/i, "mit"],
];

/** What the hub calls a licence; undefined when it has no name for it. */
export function hubLicence(licence: string): string | undefined {
  for (const [pattern, name] of KNOWN_LICENCES) {
    const match = pattern.exec(licence);
    if (match) return name.replace("$1", match[1]?.toLowerCase() ?? "").replace("$2", match[2] ?? "");
  }
  return undefined;
}

/** The data card: what is in the set, where it came from, what was left out and why, filled from the statistics of the run. */
export function dataCard(stats: Stats, samples: number): string {
  return `---
${frontMatter(stats, samples)}---

# ${counted(samples, "captioned picture")}

Pairs of a picture and a text that stood beside it on the web, collected and balanced as OpenAI's CLIP describes for its
WebImageText (section 2.2 of the paper): captions are matched with ${counted(stats.queries.total, "query", "queries")}, and at most ${stats.cap === null ? "so many" : count(stats.cap)} pairs are
chosen on account of one query. Built with webimagetext ${plain(stats.meta["version"] ?? "")}, seed ${plain(stats.seed ?? "-")}.

    from datasets import load_dataset
    pairs = load_dataset("parquet", data_files="data/*.parquet", split="train")

| | |
|---|---|
| pairs | ${count(samples)} |
| pictures | ${bytes(stats.picture_bytes)} |
| queries with pictures | ${count(stats.queries.kept)} of ${count(stats.queries.total)} |
| queries at the cap | ${count(stats.queries.at_cap)} |
| hosts asked | ${count(stats.hosts.total)} |

## Columns

\`image\` the picture, brought down to a short side of a few hundred pixels · \`caption\` · \`url\` where it was · \`page\` where it was found ·
\`kind\` how the caption stood beside it (figcaption, alt, title, list) · \`queries\` all queries in the caption · \`chosen_for\` those on whose
account it is in the set · \`original_width\`, \`original_height\`, \`sha256\` of the picture as sent · \`licence\` as the page states it.

## Sources

${table(
  ["host", "requests", "answered"],
  stats.hosts.top.map((row) => [row.host, count(row.requests), percent(row.ok, row.requests)]),
)}
${stats.hosts.total > stats.hosts.top.length ? `\nThe busiest of ${count(stats.hosts.total)} hosts.\n` : ""}
robots.txt was obeyed (RFC 9309); private addresses were refused, unless \`--allow-private\` named them.

## Licences

As the pages state them; unchecked. Pictures and captions belong to their authors, and an unknown licence is no permission.

${table(
  ["licence", "pairs", "share"],
  stats.licences.map((row) => [row.licence, count(row.pairs), percent(row.pairs, samples)]),
)}

## Opt-outs and take-downs

${optOuts(stats)}

## Filters

What entered each stage of the build, what went on, and why the rest did not.

${filters(stats)}

## Biases and limits

- The captions are what authors of web pages wrote for other purposes: names, jokes, wishes and errors among them. Nobody checked them.
- Only captions in the language of the build were kept (English words are recognised; see \`not_english\` above), so places, people and things are those that pages in that language show.
- The queries are frequent words of Wikipedia and names of WordNet: what those two leave out is left out here. ${percent(stats.queries.unmatched, stats.queries.total)} of the queries found nothing.
- The cap thins out frequent words and leaves rare ones alone, so shares in this set are not shares on the web.
- Pictures of people are in it as the web shows them; stereotypes of its captions are in it too. Do not use it to identify or judge people.
- No filter for violence or pornography was applied unless the table above names one.
`;
}

function frontMatter({ licences }: Stats, samples: number): string {
  const names = [...new Set(licences.map(({ licence }) => hubLicence(licence) ?? "unknown"))];
  const size = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].findIndex((limit) => samples < limit);
  const sizes = ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B"];
  // One name only when every pair has it; else the table below tells.
  const only = names.length === 1 && names[0] !== "unknown" ? names[0] : undefined;
  return [
    only ? `license: ${only}` : "license: other\nlicense_name: as-stated-per-pair",
    "language:\n- en",
    "task_categories:\n- zero-shot-image-classification\n- image-to-text",
    `size_categories:\n- ${sizes[size] ?? "n>1T"}`,
    "tags:\n- image-text\n- clip\n- webimagetext",
    "configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*",
    "",
  ].join("\n");
}

function optOuts({ opt_outs, drops }: Stats): string {
  const removed = drops.find(({ reason }) => reason === "removed")?.pairs ?? 0;
  const obeyed = opt_outs.every(({ kept }) => kept === 0);
  const seen =
    opt_outs.length === 0
      ? "No opt-out signal (X-Robots-Tag, meta robots, TDM-Reservation) was seen."
      : `Opt-out signals seen; ${obeyed ? "a page or picture that carries one is left out" : "they were recorded, and the pairs kept"}.\n\n${table(
          ["signal", "pairs", "kept"],
          opt_outs.map((row) => [row.signal, count(row.pairs), count(row.kept)]),
        )}`;
  return `${seen}

${counted(removed, "pair")} taken down on request. To have more taken down, ask whoever published this copy, naming addresses or hosts; with
\`npm run remove\` they leave the shards and do not come back.`;
}

function filters({ funnel }: Stats): string {
  const help = new Map(Object.values(REASONS).flatMap((reasons) => Object.entries<string>(reasons)));
  const rows = funnelStages(funnel, help).flatMap(({ stage, entered, passed, stopped }) => [
    [`**${stage}**: ${STAGE_HELP[stage] ?? ""}`, count(entered), `${count(passed)} went on`],
    ...stopped.map((row) => [`\`${row.reason}\` ${row.help ?? ""}`, count(row.pairs), percent(row.pairs, entered)]),
  ]);
  return table(["stage and reason", "pairs", ""], rows);
}

/** A Markdown table; what was found on the web cannot leave its cell or become markup. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => plain(text).replace(/[|<>[\]]/g, (character) => `\\${character}`);
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(header), `|${"---|".repeat(header.length)}`, ...rows.map(line)].join("\n");
}
