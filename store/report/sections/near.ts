import { type Html, html } from "../html.ts";
import type { NearGroups } from "../near-groups.ts";
import { picture, section } from "../parts.ts";
import { count, counted, shorten } from "../text.ts";
import type { Thumbnail } from "../thumbnails.ts";

/** Pictures that look the same though their bytes differ, the largest groups with a few of each. */
export function near(
  { groups, pairs, largest }: NearGroups,
  thumbnails: ReadonlyMap<string, Thumbnail>,
): Html | undefined {
  if (groups === 0) return undefined;
  return section(
    "near",
    "Pictures that look the same",
    `${counted(pairs, "kept pair")} in ${counted(groups, "group")} of near duplicates: their perceptual hashes differ in at most three of 64 bits. They are kept and listed in the view near_duplicates; the largest groups are shown.`,
    html`<div class="gallery">${largest.map(
      ({ size, samples }) => html`<article class="span-2"><h4>${count(size)} <span class="quiet">alike</span></h4>
<div class="pictures">${samples.map((sample) => html`<span title="${shorten(sample.caption, 200)}">${picture(thumbnails.get(sample.id), sample.caption)}</span>`)}</div></article>
`,
    )}</div>`,
  );
}
