import type { Value } from "../store/bulk.ts";
import { type Database, setMeta } from "../store/database.ts";
import { pairInsert } from "../store/pair-insert.ts";
import type { Candidate } from "../store/types.ts";
import type { JudgePool } from "./judge-pool.ts";
import { type CaptionJudges, type Judged, judgeCaption } from "./judges.ts";
import type { Batch, Source } from "./sources/source.ts";

/** Rows of a list written in one transaction: the pages of the indices are then written once for many rows. */
const TRANSACTION = 50_000;
/** Pages of the write-ahead log, 4 KB each, before they go into the database while a list is read; 1,000 otherwise. */
const LOG_PAGES = 50_000;
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
  db.pragma(`wal_autocheckpoint = ${readAhead ? LOG_PAGES : 1_000}`);
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
  const insert = pairInsert(db);
  const tally = db.prepare(
    `INSERT INTO tally VALUES ('extract', @reason, @pairs, @example)
     ON CONFLICT DO UPDATE SET pairs = pairs + excluded.pairs, example = min(example, excluded.example)`,
  );
  return db.transaction((batches: readonly { batch: Batch; judged: readonly Judged[] }[]) => {
    for (const { batch, judged } of batches) {
      insert(batch.candidates.map((candidate, i) => rowOf(candidate, judged[i] as Judged)));
      for (const drop of batch.drops) tally.run(drop);
      batch.done();
    }
  });
}

/** In the order of FOUND_COLUMNS. */
function rowOf(candidate: Candidate, { id, host, reason, detail, queries }: Judged): Value[] {
  return [
    id,
    candidate.imageUrl,
    candidate.pageUrl ?? null,
    candidate.caption,
    candidate.kind,
    candidate.source,
    host,
    candidate.licence ?? null,
    candidate.origin ? JSON.stringify(candidate.origin) : null,
    candidate.checksum ?? null,
    candidate.optOut ? JSON.stringify(candidate.optOut) : null,
    reason === null ? "candidate" : "dropped",
    reason,
    detail,
    queries,
    1,
  ];
}

/**
 * Judges all captions again after the query list or the rules changed; states follow, so that the next selection decides
 * anew. Pairs that later stages dropped keep their reason, and what was taken down stays so.
 */
export function rejudge(db: Database, judges: CaptionJudges): void {
  // A statement cannot be read while the table is written: so many rows at a time.
  const next = db.prepare<[number], { rowid: number; caption: string; reason: string | null }>(
    `SELECT p.rowid, p.caption, p.reason FROM pair p LEFT JOIN reason r ON r.name = p.reason
     WHERE p.rowid > ? AND (p.reason IS NULL OR (r.stage <> 'extract' AND p.reason <> 'removed')) ORDER BY p.rowid LIMIT 10000`,
  );
  const stages = new Map(db.prepare<[], [string, string]>("SELECT name, stage FROM reason").raw().all());
  const update = db.prepare(
    `UPDATE pair SET queries = @queries, chosen_for = NULL, reason = @reason,
       detail = CASE WHEN @later THEN detail ELSE @detail END,
       state = CASE WHEN @reason IS NOT NULL THEN 'dropped' WHEN state = 'kept' THEN 'kept' ELSE 'candidate' END
     WHERE rowid = @rowid`,
  );
  db.transaction(() => {
    for (let rows = next.all(-1); rows.length > 0; rows = next.all(rows.at(-1)?.rowid ?? 0)) {
      for (const { rowid, caption, reason: before } of rows) {
        const judgement = judgeCaption(judges, caption);
        const stage = stages.get(before ?? "");
        const later = stage !== undefined && stage !== "caption" && stage !== "match" ? before : null;
        const own = judgement.reason !== undefined;
        update.run({
          rowid,
          queries: judgement.queries ? JSON.stringify(judgement.queries) : null,
          reason: own ? judgement.reason : later,
          detail: own ? (judgement.detail ?? null) : null,
          later: !own && later !== null ? 1 : 0,
        });
      }
    }
    setMeta(db, "rematch", "done");
  })();
}
