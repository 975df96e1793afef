import { type Html, html, type Part, raw } from "./html.ts";
import { count, shorten } from "./text.ts";
import type { Thumbnail } from "./thumbnails.ts";

/** A part of the page under its own heading. */
export function section(id: string, title: string, lead: Part, ...content: readonly Part[]): Html {
  return html`<section id="${id}"><h2>${title}</h2>${lead && html`<p class="lead">${lead}</p>`}
${content}
</section>
`;
}

/** A column of a table: text to the left, numbers to the right. */
export interface Column {
  name: string;
  number?: boolean;
}

/** A table that scrolls sideways by itself where the screen is too narrow. */
export function dataTable(columns: readonly Column[], rows: readonly (readonly Part[])[]): Html {
  const kind = (i: number): string => (columns[i]?.number ? "number" : "text");
  return html`<div class="scroll" tabindex="0"><table><thead><tr>${columns.map((column, i) => html`<th scope="col" class="${kind(i)}">${column.name}</th>`)}</tr></thead><tbody>
${rows.map((row) => html`<tr>${row.map((cell, i) => html`<td class="${kind(i)}">${cell}</td>`)}</tr>\n`)}</tbody></table></div>`;
}

/** Text that was found on the web: shortened, and unable to turn the direction of what stands around it. */
export function found(text: string, length: number): Html {
  return html`<bdi>${shorten(text, length)}</bdi>`;
}

/** A share as a width the style sheet reads; never so small that something looks like nothing. */
export function share(part: number, whole: number): string {
  const width = whole > 0 ? (100 * part) / whole : 0;
  return `--share:${part > 0 ? Math.max(0.3, width).toFixed(2) : 0}%`;
}

/** A number with a bar behind it. */
export function meter(value: number, largest: number): Html {
  return html`<span class="meter" style="${share(value, largest)}">${count(value)}</span>`;
}

/** A small picture, or an empty frame where it could not be read. */
export function picture(thumbnail: Thumbnail | undefined, caption: string): Html {
  if (!thumbnail) return html`<span class="frame missing">not on this machine</span>`;
  const { base64, width, height } = thumbnail;
  return html`<span class="frame"><img src="data:image/webp;base64,${raw(base64)}" width="${width}" height="${height}" alt="${shorten(caption, 200)}" loading="lazy"></span>`;
}
