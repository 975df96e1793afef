import type { Value } from "../store/bulk.ts";
import { type Database, setMeta } from "../store/database.ts";
import { FOUND_COLUMNS, pairInsert } from "../store/pair-insert.ts";
import type { Candidate } from "../store/types.ts";
import type { JudgePool } from "./judge-pool.ts";
import { type CaptionJudges, type Judged, judgePair } from "./judges.ts";
import type { Batch, Source } from "./sources/source.ts";

/** Rows of a list written in one transaction: the pages of the index are then written once for many rows. */
const TRANSACTION = 25_000;
/** Pages of the write-ahead log, 4 KB each, before they go into the database while a list is read; 1,000 otherwise. */
const LOG_PAGES = 50_000;
/** Before the opt-out signals that the page gave, not the picture. */
const PAGE = "page: ";
/** Candidates of a list that are read and judged while others are written: the threads must have enough to do meanwhile. */
const AHEAD = 30_000;

/**
 * Takes all a source finds into the table `pair`, each as a candidate or dropped with its reason; batches and the
 * source's position are one transaction.
 * @param readAhead for a source that can be read on before its batches are written, as lists can; the frontier of a crawl
 *   of pages stands in the database and cannot. `beforeMany` is called before many rows are written, with the number of
 *   candidates written so far: not before a list's last ones.
 * @param progress called with the number of candidates seen so far.
 * @returns how many candidates were seen.
 */
export async function discover(
  db: Database,
  source: Source,
  pool: JudgePool,
  readAhead: { beforeMany: (candidates: number) => void } | undefined,
  progress: (candidates: number) => void,
): Promise<number> {
  const write = writer(db);
  const underWay: { batch: Batch; judged: Promise<Judged[]> }[] = [];
  let ahead = 0;
  let ready: { batch: Batch; judged: Judged[] }[] = [];
  let rows = 0;
  let seen = 0;
  const settle = async (most: number, least: number) => {
    for (let first = underWay[0]; first && ahead > most; first = underWay[0]) {
      underWay.shift();
      ready.push({ batch: first.batch, judged: await pool.wait(first.judged) });
      ahead -= sizeOf(first.batch);
      rows += first.batch.candidates.length;
    }
    if (rows < least) return;
    if (least > 0) readAhead?.beforeMany(seen);
    write(ready);
    seen += rows;
    rows = 0;
    ready = [];
    progress(seen);
  };
  db.pragma(`wal_autocheckpoint = ${readAhead ? LOG_PAGES : 1_000}`);
  // A statement of many rows notes the pages it changes, some 100 KB, to undo itself alone: by default in a file. What is
  // sorted belongs there, so only while lists are read.
  db.pragma(`temp_store = ${readAhead ? "MEMORY" : "DEFAULT"}`);
  try {
    for await (const batch of source) {
      const judged = pool.judge(batch.candidates);
      // It may fail while an earlier one is waited for; settle() meets the error in its turn.
      judged.catch(() => {});
      underWay.push({ batch, judged });
      ahead += sizeOf(batch);
      await settle(readAhead ? AHEAD : -1, readAhead ? TRANSACTION : 0);
    }
    await settle(-1, 0);
  } finally {
    db.pragma("temp_store = DEFAULT");
  }
  return seen;
}

/** What a batch adds to the work under way. */
function sizeOf({ candidates, drops }: Batch): number {
  return candidates.length + drops.length;
}

/** A function that writes judged batches in one transaction. */
function writer(db: Database): (batches: readonly { batch: Batch; judged: readonly Judged[] }[]) => void {
  const insert = pairInsert(db);
  const tally = db.prepare(
    `INSERT INTO tally VALUES ('extract', @reason, @pairs, @example)
     ON CONFLICT DO UPDATE SET pairs = pairs + excluded.pairs, example = min(example, excluded.example)`,
  );
  // The candidates of an archived page share one.
  let last: Candidate["origin"];
  let json: string | null = null;
  const originOf = ({ origin }: Candidate) => {
    if (origin !== last) json = origin ? JSON.stringify(origin) : null;
    last = origin;
    return json;
  };
  return db.transaction((batches: readonly { batch: Batch; judged: readonly Judged[] }[]) => {
    const rows: Value[][] = [];
    for (const { batch, judged } of batches) {
      for (const [i, candidate] of batch.candidates.entries())
        rows.push(rowOf(candidate, judged[i] as Judged, originOf(candidate)));
      for (const drop of batch.drops) tally.run(drop);
      batch.done();
    }
    // In the order of their index each of its pages is met once: up to a third less work. The order does not matter otherwise.
    insert(joinedById(rows));
  });
}

const SEEN = FOUND_COLUMNS.indexOf("seen");

/**
 * Rows in the order of their ids, of one id in the order in which they came; those that say the same, as of a picture that a
 * page shows several times, as one that was seen so often.
 */
function joinedById(rows: readonly Value[][]): Value[][] {
  // By the first half of an id, and the row's place: such numbers are sorted several times faster than texts.
  const places = 2 ** Math.ceil(Math.log2(rows.length + 1));
  const keys = Float64Array.from(rows, ([id], i) => Number.parseInt(String(id).slice(0, 8), 16) * places + i).sort();
  const different: Value[][] = [];
  let last: Value[] = [];
  let lastHalf = -1;
  for (const key of keys) {
    const half = Math.floor(key / places);
    const row = rows[key - half * places] as Value[];
    if (half === lastHalf && row.every((value, i) => i === SEEN || value === last[i])) {
      last[SEEN] = Number(last[SEEN]) + Number(row[SEEN]);
    } else {
      different.push(row);
      last = row;
      lastHalf = half;
    }
  }
  return different;
}

/** In the order of FOUND_COLUMNS. */
function rowOf(candidate: Candidate, { id, host, reason, detail, queries }: Judged, origin: string | null): Value[] {
  return [
    id,
    candidate.imageUrl,
    candidate.pageUrl ?? null,
    candidate.caption,
    candidate.kind,
    candidate.source,
    host,
    candidate.licence ?? null,
    origin,
    candidate.checksum ?? null,
    candidate.optOut ? JSON.stringify(candidate.optOut.map((signal) => PAGE + signal)) : null,
    reason === null ? "candidate" : "dropped",
    reason,
    detail,
    queries,
    1,
  ];
}

/**
 * Judges all captions again after the query list, the rules or `--opt-out` changed; states follow, so that the next
 * selection decides anew. Pairs that later stages dropped keep their reason, unless it is an opt-out that is obeyed no
 * longer; what was taken down stays so.
 */
export function rejudge(db: Database, judges: CaptionJudges): void {
  // A statement cannot be read while the table is written: so many rows at a time.
  const next = db.prepare<[number], { rowid: number; caption: string; reason: string | null; opt_out: string | null }>(
    `SELECT rowid, caption, reason, opt_out FROM pair
     WHERE rowid > ? AND reason IS NOT 'removed' ORDER BY rowid LIMIT 10000`,
  );
  const stages = new Map(db.prepare<[], [string, string]>("SELECT name, stage FROM reason").raw().all());
  const staysDropped = (reason: string | null): reason is string =>
    reason !== null &&
    !["extract", "caption", "match"].includes(stages.get(reason) ?? "") &&
    (judges.obeysOptOut || !reason.startsWith("opt_out"));
  const update = db.prepare(
    `UPDATE pair SET queries = @queries, chosen_for = NULL, reason = @reason,
       detail = CASE WHEN @same THEN detail ELSE @detail END,
       state = CASE WHEN @reason IS NOT NULL THEN 'dropped' WHEN state = 'kept' THEN 'kept' ELSE 'candidate' END
     WHERE rowid = @rowid`,
  );
  db.transaction(() => {
    for (let rows = next.all(-1); rows.length > 0; rows = next.all(rows.at(-1)?.rowid ?? 0)) {
      for (const { rowid, caption, reason: before, opt_out } of rows) {
        const signals: string[] = opt_out === null ? [] : JSON.parse(opt_out);
        const ofPage = signals.filter((signal) => signal.startsWith(PAGE)).map((signal) => signal.slice(PAGE.length));
        const judgement = judgePair(judges, caption, ofPage);
        let reason = judgement.reason ?? null;
        let detail = judgement.reason === undefined ? null : (judgement.detail ?? null);
        const same = reason === null && staysDropped(before);
        if (same) reason = before;
        else if (reason === null && judges.obeysOptOut && signals.length > 0) {
          // Of the picture itself: seen, and not obeyed, when it was downloaded.
          reason = "opt_out";
          detail = signals.join("; ");
        }
        const queries = judgement.queries ? JSON.stringify(judgement.queries) : null;
        update.run({ rowid, queries, reason, detail, same: same ? 1 : 0 });
      }
    }
    setMeta(db, "rematch", "done");
  })();
}
