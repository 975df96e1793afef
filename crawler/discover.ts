import { judge } from "../filters/caption/rules.ts";
import type { Matcher } from "../filters/matcher.ts";
import type { CaptionRule } from "../filters/rule.ts";
import { type Database, setMeta } from "../store/database.ts";
import { pairId } from "../store/pair-id.ts";
import type { Candidate } from "../store/types.ts";
import { hostOf } from "./hosts.ts";
import type { Source } from "./sources/source.ts";

/** What decides about a caption. */
export interface CaptionJudges {
  rules: readonly CaptionRule[];
  matcher: Matcher;
  /** Whether pairs of pages that opt out are dropped (the default), or only marked. */
  obeysOptOut?: boolean;
}

/** A caption's fate before the cap: a drop reason, or the queries it contains. */
export type Judgement =
  | { reason: string; detail: string | undefined; queries: undefined }
  | { reason: undefined; queries: number[] };

/** The caption rules in order, then the matcher; the same for a crawl and for `explain`. */
export function judgeCaption({ rules, matcher }: CaptionJudges, caption: string): Judgement {
  const drop = judge(rules, caption);
  if (drop) return { reason: drop.rule.name, detail: drop.verdict.value || undefined, queries: undefined };
  const queries = matcher.match(caption);
  return queries.length > 0
    ? { reason: undefined, queries }
    : { reason: "no_query", detail: undefined, queries: undefined };
}

/**
 * Takes all a source finds into the table `pair`, each as a candidate or dropped with its reason; a batch and the
 * source's position are one transaction.
 * @param progress called with the number of candidates seen so far.
 * @returns how many candidates were seen.
 */
export async function discover(
  db: Database,
  source: Source,
  judges: CaptionJudges,
  progress: (candidates: number) => void,
): Promise<number> {
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, page_url, caption, kind, source, host, licence, opt_out, state, reason, detail, queries)
     VALUES (@id, @imageUrl, @pageUrl, @caption, @kind, @source, @host, @licence, @optOut, @state, @reason, @detail, @queries)
     ON CONFLICT (id) DO UPDATE SET seen = seen + 1`,
  );
  const tally = db.prepare(
    "INSERT INTO tally VALUES ('extract', @reason, @pairs, @example) ON CONFLICT DO UPDATE SET pairs = pairs + excluded.pairs",
  );
  let seen = 0;
  for await (const batch of source) {
    const rows = batch.candidates.map((candidate) => rowOf(candidate, judges));
    db.transaction(() => {
      for (const row of rows) insert.run(row);
      for (const drop of batch.drops) tally.run(drop);
      batch.done();
    })();
    seen += rows.length;
    progress(seen);
  }
  return seen;
}

function rowOf(candidate: Candidate, judges: CaptionJudges) {
  // A page that opts out is not looked at any further; the signal stays with the row.
  const judgement =
    candidate.optOut && judges.obeysOptOut !== false
      ? { reason: "opt_out_page", detail: candidate.optOut.join("; "), queries: undefined }
      : judgeCaption(judges, candidate.caption);
  return {
    id: pairId(candidate.imageUrl, candidate.caption),
    imageUrl: candidate.imageUrl,
    pageUrl: candidate.pageUrl ?? null,
    caption: candidate.caption,
    kind: candidate.kind,
    source: candidate.source,
    host: hostOf(new URL(candidate.imageUrl)),
    licence: candidate.licence ?? null,
    optOut: candidate.optOut ? JSON.stringify(candidate.optOut) : null,
    state: judgement.reason === undefined ? "candidate" : "dropped",
    reason: judgement.reason ?? null,
    detail: judgement.reason === undefined ? null : (judgement.detail ?? null),
    queries: judgement.queries ? JSON.stringify(judgement.queries) : null,
  };
}

/** Matches all captions again after the query list changed; states follow, so that the next selection decides anew. */
export function rematch(db: Database, matcher: Matcher): void {
  const rows = db.prepare<[], { id: string; caption: string; state: string }>(
    "SELECT id, caption, state FROM pair WHERE queries IS NOT NULL OR reason = 'no_query'",
  );
  const update = db.prepare(
    `UPDATE pair SET queries = @queries, chosen_for = NULL,
       reason = CASE WHEN @queries IS NULL THEN 'no_query' WHEN reason = 'no_query' THEN NULL ELSE reason END,
       state = CASE WHEN @queries IS NULL THEN 'dropped' WHEN state = 'dropped' AND reason <> 'no_query' THEN 'dropped'
         WHEN state = 'kept' THEN 'kept' ELSE 'candidate' END
     WHERE id = @id`,
  );
  db.transaction(() => {
    for (const { id, caption } of rows.all()) {
      const queries = matcher.match(caption);
      update.run({ id, queries: queries.length > 0 ? JSON.stringify(queries) : null });
    }
    setMeta(db, "rematch", "done");
  })();
}
