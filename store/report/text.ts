import { stripVTControlCharacters } from "node:util";
import type { PageCounts } from "../page-counts.ts";

const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const WITHOUT_WIDTH = /[\p{M}\u200d]/u;

/**
 * Text from the web made harmless to show: one line, no terminal escapes, no control characters, nothing that turns the
 * direction of the text around it.
 */
export function plain(text: string): string {
  return (
    stripVTControlCharacters(text)
      .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
      // Format characters and halves of characters go; the joiner inside one emoji stays.
      .replace(/(?!\u200d\p{Extended_Pictographic})[\p{Cf}\p{Cs}]/gu, "")
      .replace(/\s+/gu, " ")
      .trim()
  );
}

/** Columns a text takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (WITHOUT_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The text made {@link plain} and cut to `width` columns, with an ellipsis when something is missing. */
export function shorten(text: string, width: number): string {
  // A caption may be a megabyte: only its beginning is looked at.
  const rough = 16 * width + 256;
  const clean = plain(text.slice(0, rough));
  let cut = "";
  let used = 0;
  let complete = text.length <= rough;
  for (const character of clean) {
    used += characterWidth(character);
    // Piled-up accents take no columns, so the length is bounded as well.
    if (used > width || cut.length > 4 * width) {
      complete = false;
      break;
    }
    cut += character;
  }
  if (complete) return cut;
  while (displayWidth(cut) > width - 1) cut = [...cut].slice(0, -1).join("");
  return `${cut.trimEnd()}…`;
}

const THOUSANDS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A whole number with thousands separators: 1,234,567. */
export function count(value: number): string {
  return THOUSANDS.format(value);
}

/** A number and its noun: "1 shard", "3 shards"; an irregular plural is given. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** What became of pages, in one line; nothing when there were none. */
export function pagesText({ read, waiting, dropped }: PageCounts): string {
  const lost = dropped.reduce((sum, { pages }) => sum + pages, 0);
  if (read + waiting + lost === 0) return "";
  const why = dropped.map(({ reason, pages }) => `${shorten(reason, 20)} ${count(pages)}`).slice(0, 3);
  const more = dropped.length > why.length ? `, ${dropped.length - why.length} more` : "";
  return [
    `${counted(read, "page")} read`,
    ...(waiting > 0 ? [`${count(waiting)} waiting`] : []),
    ...(lost > 0 ? [`${count(lost)} not read (${why.join(", ")}${more})`] : []),
  ].join(", ");
}

/** A size in decimal units with three digits: 45.2 MB. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  const digits = unit === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  return `${size.toFixed(digits)} ${units[unit] ?? "B"}`;
}

/** A duration in the two largest units that matter: 0.4 s, 83 s, 4 min 10 s, 3 h 20 min. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${Math.round(seconds % 60)} s`.replace(" 60 s", " 59 s");
  return `${count(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** A share in percent; small ones keep a digit, only nothing is 0, and of nothing there is no share. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return "-";
  if (part === 0) return "0%";
  const share = (100 * part) / whole;
  if (share < 0.1) return "<0.1%";
  return `${share < 9.95 ? share.toFixed(1) : part < whole && share > 99.4 ? share.toFixed(1) : Math.round(share)}%`;
}
