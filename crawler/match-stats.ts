import type { Database } from "../store/database.ts";

/** What MetaCLIP's paper reports of its matching (section 3.2 and table 2), of this workspace. */
export interface MatchStats {
  /** Captions that passed the caption rules, and those of them that contain a query. */
  captions: number;
  matched: number;
  /** Matches of all captions together. */
  matches: number;
  queries: number;
  /** Queries in no caption. */
  empty: number;
  /** Queries in more captions than the cap, and their matches. */
  heads: number;
  headMatches: number;
  /** The most frequent queries. */
  top: { term: string; matched: number }[];
}

/** Counts matches by query; the counts of `query` must be up to date. */
export function matchStats(db: Database, cap: number): MatchStats {
  const { captions = 0, matched = 0 } =
    db
      .prepare<[], { captions: number; matched: number }>(
        "SELECT count(*) AS captions, count(queries) AS matched FROM pair WHERE queries IS NOT NULL OR reason = 'no_query'",
      )
      .get() ?? {};
  const sums = db
    .prepare<[number, number], Omit<MatchStats, "captions" | "matched" | "top">>(
      `SELECT count(*) AS queries, sum(matched = 0) AS empty, total(matched) AS matches,
         count(*) FILTER (WHERE matched > ?) AS heads, total(matched) FILTER (WHERE matched > ?) AS headMatches FROM query`,
    )
    .get(cap, cap);
  const top = db
    .prepare<[], { term: string; matched: number }>(
      "SELECT term, matched FROM query WHERE matched > 0 ORDER BY matched DESC, id LIMIT 8",
    )
    .all();
  return { captions, matched, ...(sums ?? { queries: 0, empty: 0, matches: 0, heads: 0, headMatches: 0 }), top };
}

/** The same in words, beside the paper's figures. */
export function formatMatchStats(stats: MatchStats, cap: number): string {
  const n = (value: number) => value.toLocaleString("en");
  const share = (part: number, whole: number) => `${whole > 0 ? ((100 * part) / whole).toFixed(1) : "0.0"} %`;
  const perText = stats.matched > 0 ? (stats.matches / stats.matched).toFixed(1) : "0";
  return [
    "Matching (in brackets MetaCLIP's paper, 1.6 billion English texts)",
    `  texts with a query    ${n(stats.matched)} of ${n(stats.captions)}, ${share(stats.matched, stats.captions)} (about 50 %)`,
    `  queries a text        ${perText} (3.5)`,
    `  queries without text  ${n(stats.empty)} of ${n(stats.queries)}, ${share(stats.empty, stats.queries)} (114,000 of 500,000)`,
    `  above the cap         ${n(stats.heads)} queries of more than ${n(cap)} texts hold ${share(stats.headMatches, stats.matches)} of the matches (16,000 hold 94.5 %)`,
    `  most frequent         ${stats.top.map(({ term, matched }) => `${term} ${n(matched)}`).join(", ") || "none"}`,
  ].join("\n");
}
