import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { cleanCaption } from "../filters/caption/clean.ts";
import { buildList, CLIP_LIST, queriesFile } from "../queries/command.ts";
import { readQueries } from "../queries/list.ts";
import { type Database, openForReading } from "../store/database.ts";
import type { Term } from "../store/types.ts";
import { UsageError } from "../store/usage-error.ts";
import { loadJudges } from "./crawl.ts";
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
  lines.push(
    `queries    ${judges.matcher.match(caption).length === 0 ? "none" : queries.length > 0 ? queries.join(", ") : "(not asked)"}`,
  );
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
  const rows = db
    .prepare<[string, string, string], PairRow>(
      "SELECT * FROM pair WHERE id = ? OR image_url = ? OR page_url = ? ORDER BY id LIMIT 50",
    )
    .all(idOrUrl, idOrUrl, idOrUrl);
  const term = db.prepare<[number], { term: string }>("SELECT term FROM query WHERE id = ?");
  const names = (ids: string | null) =>
    (JSON.parse(ids ?? "[]") as number[]).map((id) => term.get(id)?.term ?? "").join(", ");
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

/** `npm run explain`. */
export async function explainCommand(text: string | undefined, flags: { data: string; stdin: boolean }): Promise<void> {
  if (text === undefined && !flags.stdin)
    throw new UsageError("explain needs a caption, a pair id or an address, or --stdin");
  const file = queriesFile(flags.data);
  if (!flags.stdin && text !== undefined && (/^[0-9a-f]{16}$/.test(text) || /^https?:\/\//.test(text))) {
    const pairs = describePairs(openForReading(flags.data), text);
    if (pairs === "") throw new Error(`no pair, picture or page ${printable(text)} in ${flags.data}`);
    console.log(pairs);
    return;
  }
  if (!existsSync(file)) await buildList(file, {}, CLIP_LIST);
  const { terms } = readQueries(file);
  const judges = await loadJudges(terms);
  if (!flags.stdin) {
    console.log(describeCaption(judges, terms, text ?? ""));
    return;
  }
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  let out = "";
  for await (const line of lines) {
    out += `${JSON.stringify(explainCaption(judges, terms, line))}\n`;
    if (out.length > 65_536) {
      // A reader that is slower than we are must not make us hold the whole answer.
      if (!process.stdout.write(out)) await once(process.stdout, "drain");
      out = "";
    }
  }
  process.stdout.write(out);
}
