import { type Database, setMeta } from "../store/database.ts";
import type { Candidate } from "../store/types.ts";
import type { JudgePool } from "./judge-pool.ts";
import { type CaptionJudges, type Judged, judgeCaption } from "./judges.ts";
import type { Batch, Source } from "./sources/source.ts";

/** Rows of a list written in one transaction: the pages of the indices are then written once for many rows. */
const TRANSACTION = 20_000;
/** Batches of a list that are judged while others are read and written. */
const AHEAD = 8;

/**
 * Takes all a source finds into the table `pair`, each as a candidate or dropped with its reason; batches and the
 * source's position are one transaction.
 * @param readAhead whether the source can be read on before its batches are written, as lists can; the frontier of a crawl
 *   of pages stands in the database and cannot.
 * @param progress called with the number of candidates seen so far.
 * @returns how many candidates were seen.
 */
export async function discover(
  db: Database,
  source: Source,
  pool: JudgePool,
  readAhead: boolean,
  progress: (candidates: number) => void,
): Promise<number> {
  const write = writer(db);
  const underWay: { batch: Batch; judged: Promise<Judged[]> }[] = [];
  let ready: { batch: Batch; judged: Judged[] }[] = [];
  let rows = 0;
  let seen = 0;
  const settle = async (left: number, least: number) => {
    while (underWay.length > left) {
      const first = underWay.shift();
      if (!first) break;
      ready.push({ batch: first.batch, judged: await first.judged });
      rows += first.batch.candidates.length;
    }
    if (rows < least) return;
    write(ready);
    seen += rows;
    rows = 0;
    ready = [];
    progress(seen);
  };
  for await (const batch of source) {
    const judged = pool.judge(batch.candidates);
    // It may fail while an earlier one is waited for; settle() meets the error in its turn.
    judged.catch(() => {});
    underWay.push({ batch, judged });
    await settle(readAhead ? AHEAD : 0, readAhead ? TRANSACTION : 0);
  }
  await settle(0, 0);
  return seen;
}

/** A function that writes judged batches in one transaction. */
function writer(db: Database): (batches: readonly { batch: Batch; judged: readonly Judged[] }[]) => void {
  const insert = db.prepare(
    `INSERT INTO pair (id, image_url, page_url, caption, kind, source, host, licence, origin, checksum, opt_out, state, reason, detail, queries)
     VALUES (@id, @imageUrl, @pageUrl, @caption, @kind, @source, @host, @licence, @origin, @checksum, @optOut, @state, @reason, @detail, @queries)
     ON CONFLICT (id) DO UPDATE SET seen = seen + 1`,
  );
  const tally = db.prepare(
    "INSERT INTO tally VALUES ('extract', @reason, @pairs, @example) ON CONFLICT DO UPDATE SET pairs = pairs + excluded.pairs",
  );
  return db.transaction((batches) => {
    for (const { batch, judged } of batches) {
      for (const [i, candidate] of batch.candidates.entries()) insert.run(rowOf(candidate, judged[i] as Judged));
      for (const drop of batch.drops) tally.run(drop);
      batch.done();
    }
  });
}

function rowOf(candidate: Candidate, { id, host, reason, detail, queries }: Judged) {
  return {
    id,
    imageUrl: candidate.imageUrl,
    pageUrl: candidate.pageUrl ?? null,
    caption: candidate.caption,
    kind: candidate.kind,
    source: candidate.source,
    host,
    licence: candidate.licence ?? null,
    origin: candidate.origin ? JSON.stringify(candidate.origin) : null,
    checksum: candidate.checksum ?? null,
    optOut: candidate.optOut ? JSON.stringify(candidate.optOut) : null,
    state: reason === null ? "candidate" : "dropped",
    reason,
    detail,
    queries,
  };
}

/**
 * Judges all captions again after the query list or the rules changed; states follow, so that the next selection decides
 * anew. Pairs that later stages dropped keep their reason.
 */
export function rejudge(db: Database, judges: CaptionJudges): void {
  const rows = db.prepare<[], { rowid: number; caption: string; reason: string | null }>(
    `SELECT p.rowid, p.caption, p.reason FROM pair p LEFT JOIN reason r ON r.name = p.reason
     WHERE p.reason IS NULL OR r.stage <> 'extract' ORDER BY p.rowid`,
  );
  const stages = new Map(db.prepare<[], [string, string]>("SELECT name, stage FROM reason").raw().all());
  const update = db.prepare(
    `UPDATE pair SET queries = @queries, chosen_for = NULL, reason = @reason, detail = @detail,
       state = CASE WHEN @reason IS NOT NULL THEN 'dropped' WHEN state = 'kept' THEN 'kept' ELSE 'candidate' END
     WHERE rowid = @rowid`,
  );
  db.transaction(() => {
    for (const { rowid, caption, reason: before } of rows.all()) {
      const judgement = judgeCaption(judges, caption);
      const stage = stages.get(before ?? "");
      const later = stage !== undefined && stage !== "caption" && stage !== "match" ? before : null;
      const own = judgement.reason !== undefined;
      update.run({
        rowid,
        queries: judgement.queries ? JSON.stringify(judgement.queries) : null,
        reason: own ? judgement.reason : later,
        detail: own ? (judgement.detail ?? null) : null,
      });
    }
    setMeta(db, "rematch", "done");
  })();
}
