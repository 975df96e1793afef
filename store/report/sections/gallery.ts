import { type Html, html } from "../html.ts";
import { found, picture, section } from "../parts.ts";
import type { Sample, SampledQuery, Samples } from "../samples.ts";
import { count, shorten } from "../text.ts";
import type { Thumbnail } from "../thumbnails.ts";

/** Sample pictures for queries of every size, each with its caption and the other queries found in it. */
export function gallery(samples: Samples, thumbnails: ReadonlyMap<string, Thumbnail>): Html | undefined {
  const groups: [string, string, readonly SampledQuery[]][] = [
    ["Head", "the queries with the most pictures", samples.head],
    ["Middle", "queries of middling size", samples.middle],
    ["Tail", "down to the smallest ones", samples.tail],
  ];
  const filled = groups.filter(([, , queries]) => queries.length > 0);
  if (filled.length === 0) return undefined;
  return section(
    "gallery",
    "What is in it",
    "Pictures kept on account of a query, with their captions and the other queries those contain. The queries are chosen by size, the pictures by lot.",
    filled.map(
      ([name, meaning, queries]) => html`<h3>${name} <span class="quiet">${meaning}</span></h3>
<div class="gallery">${queries.map((query) => queryCard(query, thumbnails))}</div>
`,
    ),
    moreQueries(samples.more, thumbnails),
  );
}

/** Many more queries, each opened by a click: no script is needed for that. */
function moreQueries(queries: readonly SampledQuery[], thumbnails: ReadonlyMap<string, Thumbnail>): Html | undefined {
  if (queries.length === 0) return undefined;
  return html`<h3>${count(queries.length)} more <span class="quiet">from the largest to the smallest; each opens</span></h3>
<div class="more">${queries.map(
    ({
      query,
      kept,
      samples,
    }) => html`<details><summary>${found(query, 40)} <span class="quiet">${count(kept)}</span></summary>
<div class="pictures">${samples.map((sample) => html`<figure>${picture(thumbnails.get(sample.id), sample.caption)}<figcaption>${found(sample.caption, 70)}</figcaption></figure>`)}</div></details>
`,
  )}</div>`;
}

function queryCard({ query, matched, kept, samples }: SampledQuery, thumbnails: ReadonlyMap<string, Thumbnail>): Html {
  return html`<article class="span-${Math.max(1, samples.length)}"><h4>${found(query, 40)} <span class="quiet">${count(kept)}${matched > kept && html` of ${count(matched)}`}</span></h4>
<div class="pictures">${samples.map((sample) => captioned(sample, query, thumbnails.get(sample.id)))}</div></article>
`;
}

function captioned({ caption, terms }: Sample, query: string, thumbnail: Thumbnail | undefined): Html {
  const others = terms.filter((term) => term !== query).slice(0, 4);
  return html`<figure>${picture(thumbnail, caption)}<figcaption title="${shorten(caption, 400)}">${found(caption, 90)}</figcaption>${
    others.length > 0 && html`<p class="terms">${others.map((term) => html`<span>${found(term, 24)}</span> `)}</p>`
  }</figure>`;
}
