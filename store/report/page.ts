import { readFileSync } from "node:fs";
import type { Stats } from "../stats.ts";
import type { Distributions } from "./distributions.ts";
import { html, type Part, raw } from "./html.ts";
import type { Languages } from "./languages.ts";
import type { NearGroups } from "./near-groups.ts";
import type { Samples } from "./samples.ts";
import { built } from "./sections/built.ts";
import { drops } from "./sections/drops.ts";
import { funnel } from "./sections/funnel.ts";
import { gallery } from "./sections/gallery.ts";
import { headline } from "./sections/headline.ts";
import { near } from "./sections/near.ts";
import { origins } from "./sections/origins.ts";
import { pictures } from "./sections/pictures.ts";
import { queries } from "./sections/queries.ts";
import { training } from "./sections/training.ts";
import type { Thumbnail } from "./thumbnails.ts";

const STYLES = ["base", "funnel", "gallery", "plots", "tables"];

/** Everything the page shows. */
export interface PageContent {
  stats: Stats;
  distributions: Distributions;
  samples: Samples;
  near: NearGroups;
  languages: Languages;
  thumbnails: ReadonlyMap<string, Thumbnail>;
}

/** The whole report: one page that needs no network and runs nothing. */
export function renderPage(content: PageContent): string {
  const { stats, distributions, samples, thumbnails } = content;
  const parts: Part[] = [
    headline(stats, samples.wall, thumbnails),
    funnel(stats),
    gallery(samples, thumbnails),
    queries(stats, distributions),
    pictures(distributions),
    near(content.near, thumbnails),
    drops(stats, content.languages),
    origins(stats, distributions.statuses),
    training(stats),
    built(stats),
  ];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>WebImageText data set</title>
<style>
${raw(STYLES.map(readStyle).join(""))}</style>
</head>
<body>
<main>
${parts}
</main>
<footer><p>Every number here is a row of <code>wit.sqlite</code>: the views <code>funnel</code>, <code>query_stats</code>, <code>drop_reasons</code>, <code>host_stats</code>, <code>licence_stats</code>, <code>shard_stats</code>, <code>size_stats</code>, <code>near_duplicates</code>, <code>run_stats</code> and, once trained, <code>train_stats</code>, and the table <code>pair</code>.</p></footer>
</body>
</html>
`;
  return page.toString();
}

function readStyle(name: string): string {
  return readFileSync(new URL(`./style/${name}.css`, import.meta.url), "utf8");
}
