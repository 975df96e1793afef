import type { Distributions } from "../distributions.ts";
import { type Html, html } from "../html.ts";
import { section } from "../parts.ts";
import { barList, histogram } from "../plots.ts";

/** What the kept pictures and captions are like. */
export function pictures(distributions: Distributions): Html | undefined {
  const { shortSide, aspect, words, characters, formats, kinds } = distributions;
  const upright = [
    histogram("Short side of the pictures", shortSide, "pixels, from"),
    histogram("Shape", aspect, "width to height, the nearest of"),
    histogram("Length of the captions", words, "words, from"),
    histogram("Length of the captions", characters, "characters, from"),
  ];
  if (upright.every((figure) => figure === undefined)) return undefined;
  return section(
    "pictures",
    "Pictures and captions",
    "Shares of the kept pairs.",
    html`<div class="plots">${upright}${barList("Where the captions stood", kinds)}${barList("Sent as", formats)}</div>`,
  );
}
