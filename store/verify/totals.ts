import type { Database } from "../database.ts";
import { countQueries } from "../query-counts.ts";
import { funnelStages } from "../report/stages.ts";
import type { FunnelRow } from "../stats.ts";
import type { Findings } from "./findings.ts";

/** The counts of every query against the pairs, and every public view's total against the tables. */
export function verifyTotals(db: Database, findings: Findings, current: boolean): void {
  queryCounts(db, findings, current);
  funnel(db, findings);
  const kept = number(db, "SELECT count(*) FROM pair WHERE state = 'kept'");
  const totals: [view: string, is: string, shouldBe: string | number][] = [
    ["query_stats", "SELECT count(*) FROM query_stats", "SELECT count(*) FROM query"],
    ["licence_stats", "SELECT total(pairs) FROM licence_stats", kept],
    [
      "drop_reasons",
      "SELECT total(pairs) FROM drop_reasons",
      "SELECT (SELECT count(*) FROM pair WHERE state = 'dropped') + (SELECT total(pairs) FROM tally)",
    ],
    ["host_stats", "SELECT total(ok) + total(failed) FROM host_stats", "SELECT total(requests) FROM host_stats"],
    ["run_stats", "SELECT count(*) FROM run_stats", "SELECT count(*) FROM run"],
  ];
  if (current) totals.push(["shard_stats", "SELECT total(pairs) FROM shard_stats", kept]);
  for (const [view, is, shouldBe] of totals) {
    const [found, wanted] = [number(db, is), typeof shouldBe === "number" ? shouldBe : number(db, shouldBe)];
    if (found !== wanted) findings.problem("views", view, `adds up to ${found}, not to ${wanted}`);
  }
  findings.looked("views", totals.length + 1);
}

/** What passes a stage enters the next; what entered the first is all that was found; what passes the last is kept. */
function funnel(db: Database, findings: Findings): void {
  const stages = funnelStages(db.prepare<[], FunnelRow>("SELECT stage, reason, pairs FROM funnel").all(), new Map());
  const all = number(db, "SELECT (SELECT total(seen) FROM pair) + (SELECT total(pairs) FROM tally)");
  const kept = number(db, "SELECT count(*) FROM pair WHERE state = 'kept'");
  for (const [i, stage] of stages.entries()) {
    const before = i === 0 ? all : (stages[i - 1]?.passed ?? 0);
    if (stage.entered !== before)
      findings.problem(
        "views",
        `funnel, ${stage.stage}`,
        `${stage.entered} pairs entered, but ${before} came from before`,
      );
  }
  const last = stages.at(-1)?.passed ?? 0;
  if (last !== kept) findings.problem("views", "funnel", `${last} pairs passed the last stage, but ${kept} are kept`);
}

function queryCounts(db: Database, findings: Findings, current: boolean): void {
  const counts = countQueries(db);
  const rows = db.prepare<[], { id: number; term: string } & Record<keyof typeof counts, number>>(
    "SELECT id, term, matched, chosen, downloaded, kept FROM query",
  );
  let queries = 0;
  let old = 0;
  for (const row of rows.iterate()) {
    queries++;
    for (const name of ["matched", "chosen", "downloaded", "kept"] as const) {
      const counted = counts[name][row.id] ?? 0;
      if (counted === row[name]) continue;
      // The counts are written at the end of a stage: a run that was cut leaves them behind the rows.
      if (!current) old++;
      else findings.problem("query counts", `query "${row.term}"`, `${name} is ${row[name]}; the pairs say ${counted}`);
    }
  }
  findings.looked("query counts", queries);
  if (old > 0) findings.open("query counts", "table query", `${old} counts are from before the run that was cut`);
}

function number(db: Database, sql: string): number {
  return db.prepare<[], number>(sql).pluck().get() ?? 0;
}
