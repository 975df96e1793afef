import { displayWidth } from "./text.ts";

/** The widest line we print. */
export const COLUMNS = 100;

/** What stands to the right: 1,234, 0.4%, <0.1%, 45.2 MB, 4 min 10 s. */
const NUMBER = /^(-|<?[\d,.]+(%| [\w ]+)?)$/;

/** Rows as aligned columns: numbers and shares to the right, everything else to the left. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], indent = 2): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => displayWidth(row[column] ?? ""))));
  const right = header.map((_, column) => rows.every((row) => NUMBER.test(row[column] ?? "-")) && column > 0);
  return all.map((row) =>
    `${" ".repeat(indent)}${row.map((cell, column) => pad(cell, widths[column] ?? 0, right[column] ?? false)).join("  ")}`.trimEnd(),
  );
}

/** The text filled up with blanks to `width` columns. */
export function pad(text: string, width: number, right = false): string {
  const blanks = " ".repeat(Math.max(0, width - displayWidth(text)));
  return right ? blanks + text : text + blanks;
}

/** A bar of block characters, `width` columns long at share 1; anything above zero can be seen. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, share) * width * 8);
  if (eighths === 0) return share > 0 ? "▏" : "";
  const rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8] ?? "";
  return "█".repeat(Math.floor(eighths / 8)) + rest;
}

/** Words laid out in lines of at most {@link COLUMNS}. */
export function wrap(words: readonly string[], separator: string, indent = 2): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    const longer = line === "" ? word : `${line}${separator}${word}`;
    if (line !== "" && displayWidth(longer) > COLUMNS - indent - separator.length) {
      lines.push(line + separator.trimEnd());
      line = word;
    } else line = longer;
  }
  if (line !== "") lines.push(line);
  return lines.map((text) => " ".repeat(indent) + text);
}
