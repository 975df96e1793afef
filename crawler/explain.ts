import { cleanCaption } from "../filters/caption/clean.ts";
import type { Database } from "../store/database.ts";
import type { Term } from "../store/types.ts";
import { type CaptionJudges, judgeCaption } from "./discover.ts";

/** What `explain --stdin` prints for each caption. */
export interface Explanation {
  caption: string;
  kept: boolean;
  reason: string | null;
  queries: string[];
}

/** The fate of a caption, as a crawl would decide it. */
export function explainCaption(judges: CaptionJudges, terms: readonly Term[], text: string): Explanation {
  const caption = cleanCaption(text);
  const judgement = judgeCaption(judges, caption);
  const queries = (judgement.queries ?? []).map((query) => terms[query]?.term ?? "");
  return { caption, kept: judgement.reason === undefined, reason: judgement.reason ?? null, queries };
}

/** Every rule's verdict on a caption, one a line, then its queries. */
export function describeCaption(judges: CaptionJudges, terms: readonly Term[], text: string): string {
  const caption = cleanCaption(text);
  const lines = [`caption    ${printable(caption)}`];
  for (const rule of judges.rules) {
    const { keep, value } = rule.check(caption);
    lines.push(`${keep ? "keeps" : "DROPS"}      ${rule.name}${value ? `: ${printable(value)}` : ""}`);
  }
  const { kept, reason, queries } = explainCaption(judges, terms, text);
  lines.push(`queries    ${judges.matcher.match(caption).length === 0 ? "none" : queries.length > 0 ? queries.join(", ") : "(not asked)"}`);
  lines.push(kept ? "kept: goes on to the cap" : `dropped: ${reason}`);
  return lines.join("\n");
}

interface PairRow {
  id: string;
  image_url: string;
  page_url: string | null;
  caption: string;
  state: string;
  reason: string | null;
  detail: string | null;
  queries: string | null;
  chosen_for: string | null;
  shard: string | null;
  key: string | null;
}

/** What the workspace knows of a pair id or of the pairs of a picture or page address; empty when nothing. */
export function describePairs(db: Database, idOrUrl: string): string {
  const rows = db.prepare<[string, string, string], PairRow>("SELECT * FROM pair WHERE id = ? OR image_url = ? OR page_url = ? ORDER BY id LIMIT 50").all(idOrUrl, idOrUrl, idOrUrl);
  const term = db.prepare<[number], { term: string }>("SELECT term FROM query WHERE id = ?");
  const names = (ids: string | null) => (JSON.parse(ids ?? "[]") as number[]).map((id) => term.get(id)?.term ?? "").join(", ");
  return rows
    .map((row) =>
      [
        `pair       ${row.id}`,
        `picture    ${printable(row.image_url)}`,
        `page       ${printable(row.page_url ?? "-")}`,
        `caption    ${printable(row.caption)}`,
        `state      ${row.state}${row.reason ? `: ${row.reason}${row.detail ? ` (${printable(row.detail)})` : ""}` : ""}`,
        `queries    ${names(row.queries) || "-"}`,
        `chosen for ${names(row.chosen_for) || "-"}`,
        ...(row.shard ? [`shard      ${row.shard}.tar, key ${row.key}`] : []),
      ].join("\n"),
    )
    .join("\n\n");
}

/** Captions come from anywhere: nothing of them may steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "\ufffd");
}
