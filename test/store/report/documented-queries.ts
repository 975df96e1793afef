import { readFileSync } from "node:fs";

/** The numbered queries of docs/sqlite.md, as a reader would paste them. */
export function documentedQueries(): { title: string; sql: string }[] {
  const page = readFileSync(new URL("../../../docs/sqlite.md", import.meta.url), "utf8");
  return [...page.matchAll(/^\d+\. ([^\n]*(?:\n {3,}[^\n`][^\n]*)*)\n\n +```sql\n([\s\S]*?)\n +```/gm)].map(
    ([, title = "", sql = ""]) => ({
      title: title.replace(/\s+/g, " "),
      sql: sql
        .split("\n")
        .map((line) => line.trim())
        .join("\n")
        .replace(/;$/, ""),
    }),
  );
}
