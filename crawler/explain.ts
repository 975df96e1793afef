import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { cleanCaption } from "../filters/caption/clean.ts";
import type { MatchMode } from "../filters/words.ts";
import { buildList, CLIP_LIST, queriesFile } from "../queries/command.ts";
import { readQueries } from "../queries/list.ts";
import { type Database, databaseFile, openForReading } from "../store/database.ts";
import { normaliseUrl } from "../store/pair-id.ts";
import type { Term } from "../store/types.ts";
import { UsageError } from "../store/usage-error.ts";
import { keptSettings } from "./command.ts";
import { FIRST, judgeSettings } from "./flags.ts";
import { type CaptionJudges, judgeCaption, loadJudges, matcherTable } from "./judges.ts";

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

/** Every rule's verdict on a caption with what it saw, one a line, then the queries and what comes of it. */
export function describeCaption(judges: CaptionJudges, terms: readonly Term[], text: string): string {
  const { caption, kept, reason } = explainCaption(judges, terms, text);
  const lines = [`caption    ${printable(caption)}`];
  for (const rule of judges.rules) {
    const { keep, value } = rule.check(caption);
    lines.push(`${keep ? "keeps" : "DROPS"}      ${rule.name}${value ? `: ${printable(value)}` : ""}`);
  }
  const queries = judges.matcher.match(caption).map((query) => terms[query]?.term ?? "");
  lines.push(`queries    ${queries.join(", ") || "none"}`);
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
  chosen_for: string | null;
  shard: string | null;
  key: string | null;
}

/**
 * What the workspace knows of a pair id or of the pairs of a picture or page address, at most 50 of them; empty when
 * nothing.
 */
function pairsOf(db: Database, idOrUrl: string): PairRow[] {
  const address = normaliseUrl(idOrUrl) ?? idOrUrl;
  return db
    .prepare<{ id: string; address: string }, PairRow>(
      `SELECT * FROM pair WHERE id = @id UNION SELECT * FROM pair WHERE image_url = @address
       UNION SELECT * FROM pair WHERE page_url = @address ORDER BY id LIMIT 50`,
    )
    .all({ id: idOrUrl, address });
}

/**
 * What became of a page that no pair is of.
 * @throws Error when it is not known at all.
 */
function describePage(db: Database, text: string, data: string): string {
  const page = db
    .prepare<
      [string],
      { url: string; state: string; reason: string | null; status: number | null; found: number | null }
    >("SELECT url, state, reason, status, found FROM page WHERE url = ?")
    .get(normaliseUrl(text) ?? text);
  if (!page) throw new Error(`no pair, picture or page ${printable(text)} in ${data}`);
  const status = page.status === null ? "" : ` (status ${page.status})`;
  const read = page.state === "done" ? `read, ${page.found ?? 0} captioned pictures on it` : "not fetched yet";
  return `page       ${printable(page.url)}\nstate      ${page.reason ? `not read: ${page.reason}${status}` : read}`;
}

/** A pair's state, then its caption as {@link describeCaption} has it. */
function describePair(row: PairRow, judges: CaptionJudges, terms: readonly Term[]): string {
  const names = (ids: string | null) =>
    (JSON.parse(ids ?? "[]") as number[]).map((id) => terms[id]?.term ?? "").join(", ");
  return [
    `pair       ${row.id}`,
    `picture    ${printable(row.image_url)}`,
    `page       ${printable(row.page_url ?? "-")}`,
    describeCaption(judges, terms, row.caption),
    `state      ${row.state}${row.reason ? `: ${row.reason}${row.detail ? ` (${printable(row.detail)})` : ""}` : ""}`,
    `chosen for ${names(row.chosen_for) || "-"}`,
    ...(row.shard ? [`shard      ${row.shard}.tar, key ${row.key}`] : []),
  ].join("\n");
}

/** Captions come from anywhere: nothing of them may steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "\ufffd");
}

/** Options of `explain`; what is left out is as the workspace was last used with. */
export interface ExplainFlags {
  data: string;
  stdin: boolean;
  profile?: string;
  lang?: string;
  match?: MatchMode;
}

/** `npm run explain`. */
export async function explainCommand(text: string | undefined, flags: ExplainFlags): Promise<void> {
  if ((text === undefined) !== flags.stdin) {
    throw new UsageError("explain needs a caption, a pair id or an address, or --stdin");
  }
  const { data } = flags;
  const asked = text !== undefined && (/^[0-9a-f]{16}$/.test(text) || /^https?:\/\//i.test(text));
  const db = asked || existsSync(databaseFile(data)) ? openForReading(data) : undefined;
  const rows = db && text !== undefined && asked ? pairsOf(db, text) : [];
  if (db && text !== undefined && asked && rows.length === 0) return console.log(describePage(db, text, data));
  const { profile, lang, match } = flags;
  const settings = { ...(db ? keptSettings(db) : FIRST), ...JSON.parse(JSON.stringify({ profile, lang, match })) };
  const file = queriesFile(data);
  if (!existsSync(file)) await buildList(file, {}, CLIP_LIST);
  const queries = readQueries(file);
  const { terms } = queries;
  const judging = judgeSettings(settings);
  const judges = await loadJudges(matcherTable(data, queries, judging.match), judging);
  if (rows.length > 0) console.log(rows.map((row) => describePair(row, judges, terms)).join("\n\n"));
  else if (text !== undefined) console.log(describeCaption(judges, terms, text));
  else await explainStream(judges, terms);
}

/** Standard input to standard output, a caption and a JSON object a line, however long. */
async function explainStream(judges: CaptionJudges, terms: readonly Term[]): Promise<void> {
  // A reader that goes away (`| head`) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
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
