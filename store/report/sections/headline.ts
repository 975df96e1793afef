import type { Stats } from "../../stats.ts";
import { type Html, html } from "../html.ts";
import { picture } from "../parts.ts";
import type { Sample } from "../samples.ts";
import { bytes, count, counted, duration } from "../text.ts";
import type { Thumbnail } from "../thumbnails.ts";

/** The top of the page: what there is, in one sentence, five numbers and a handful of pictures. */
export function headline(stats: Stats, wall: readonly Sample[], thumbnails: ReadonlyMap<string, Thumbnail>): Html {
  const { states, queries, shards } = stats;
  const pictures = wall.flatMap((sample) => {
    const thumbnail = thumbnails.get(sample.id);
    return thumbnail ? [picture(thumbnail, sample.caption)] : [];
  });
  return html`<header>
<p class="kicker">WebImageText data set</p>
<h1>${sentence(stats)}</h1>
${states.kept === 0 && html`<p class="notice">No pair has been kept yet, so there are no pictures to show. ${next(stats)}</p>`}
<dl class="numbers">
${number(count(states.kept), states.kept === 1 ? "pair kept" : "pairs kept")}
${number(count(queries.kept), `of ${counted(queries.total, "query", "queries")} with pictures`)}
${number(count(shards.total), shards.total === 1 ? "shard" : "shards")}
${number(bytes(stats.picture_bytes), "of pictures")}
${number(duration(stats.seconds), "of work")}
</dl>
${pictures.length > 0 && html`<div class="wall">${pictures}</div>`}
</header>
`;
}

function sentence({ states, queries }: Stats): string {
  if (states.kept === 0) return "A data set in the making";
  return `${counted(states.kept, "captioned picture")}, found by ${counted(queries.kept, "query", "queries")}`;
}

function next({ states, queries }: Stats): string {
  if (queries.total === 0) return "The query list comes first: npm run build-queries.";
  const found = Object.values(states).reduce((sum, pairs) => sum + pairs, 0);
  return found === 0
    ? "Nothing was found so far: npm run crawl fills it."
    : "What was found so far is below; npm run crawl goes on from here.";
}

function number(value: string, meaning: string): Html {
  return html`<div><dt>${meaning}</dt><dd>${value}</dd></div>`;
}
