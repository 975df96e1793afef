import type { Database } from "../database.ts";

/** How many pairs fall under one label of a histogram. */
export interface Bin {
  label: string;
  pairs: number;
}

/** What the kept pairs are like, and how the queries share them. */
export interface Distributions {
  /** Captions per query, most first; queries without any left out. */
  matched: number[];
  /** Pairs kept on account of each query, most first; queries without any left out. */
  kept: number[];
  shortSide: Bin[];
  aspect: Bin[];
  words: Bin[];
  characters: Bin[];
  formats: Bin[];
  kinds: Bin[];
  statuses: Bin[];
}

/** Reads the distributions; one pass over the kept pairs for each that is not a view. */
export function readDistributions(db: Database): Distributions {
  const kept = "FROM pair WHERE state = 'kept'";
  return {
    matched: counts(db, "matched"),
    kept: counts(db, "kept"),
    shortSide: bins(sizes(db, "min(width, height)"), SIDES, lowerEnd),
    aspect: bins(sizes(db, "round(1.0 * width / height, 3)"), ASPECTS, aspectLabel),
    words: bins(values(db, `1 + length(caption) - length(replace(caption, ' ', '')) ${kept}`), WORDS, lowerEnd),
    characters: bins(values(db, `length(caption) ${kept}`), CHARACTERS, lowerEnd),
    formats: labels(db, `coalesce(format, 'unknown') ${kept}`),
    kinds: labels(db, `kind ${kept}`),
    statuses: labels(db, "status FROM pair WHERE status IS NOT NULL"),
  };
}

/** Lower ends of the bins; the last one is open. */
const SIDES = [0, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
const WORDS = [1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 25, 40];
const CHARACTERS = [0, 5, 10, 15, 20, 30, 40, 60, 80, 120, 200, 400];

/** The usual shapes; a bin reaches to the geometric mean of two neighbours. */
const SHAPES: readonly (readonly [string, number])[] = [
  ["1:3", 1 / 3],
  ["1:2", 1 / 2],
  ["2:3", 2 / 3],
  ["3:4", 3 / 4],
  ["square", 1],
  ["4:3", 4 / 3],
  ["3:2", 3 / 2],
  ["16:9", 16 / 9],
  ["2:1", 2],
  ["3:1", 3],
];
const ASPECTS = SHAPES.map(([, ratio], i) => Math.sqrt((SHAPES[i - 1]?.[1] ?? 0) * ratio));

interface Value {
  value: number;
  pairs: number;
}

function counts(db: Database, column: "matched" | "kept"): number[] {
  const sql = `SELECT ${column} FROM query_stats WHERE ${column} > 0 ORDER BY ${column} DESC`;
  return db.prepare<[], number>(sql).pluck().all();
}

function values(db: Database, what: string): Value[] {
  return db.prepare<[], Value>(`SELECT ${what.replace(" FROM", " AS value, count(*) AS pairs FROM")} GROUP BY 1`).all();
}

function sizes(db: Database, what: string): Value[] {
  const sql = `SELECT ${what} AS value, sum(pairs) AS pairs FROM size_stats WHERE width > 0 AND height > 0 GROUP BY 1`;
  return db.prepare<[], Value>(sql).all();
}

function labels(db: Database, what: string): Bin[] {
  const sql = `SELECT ${what.replace(" FROM", " AS label, count(*) AS pairs FROM")} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10`;
  return db
    .prepare<[], { label: string | number; pairs: number }>(sql)
    .all()
    .map(({ label, pairs }) => ({ label: String(label), pairs }));
}

/** Sorts values into bins, without the empty bins at both ends. */
function bins(
  rows: readonly Value[],
  edges: readonly number[],
  label: (lower: number, upper: number) => string,
): Bin[] {
  const all = edges.map((lower, i) => ({ label: label(lower, edges[i + 1] ?? Number.POSITIVE_INFINITY), pairs: 0 }));
  for (const { value, pairs } of rows) {
    const bin = all[edges.findLastIndex((lower) => value >= lower)];
    if (bin) bin.pairs += pairs;
  }
  const first = all.findIndex((bin) => bin.pairs > 0);
  return first < 0 ? [] : all.slice(first, all.findLastIndex((bin) => bin.pairs > 0) + 1);
}

/** A bin is called after its lower end. */
function lowerEnd(lower: number, upper: number): string {
  if (lower === 0) return `<${upper}`;
  return upper === Number.POSITIVE_INFINITY ? `${lower}+` : String(lower);
}

/** The usual shape that a bin of {@link ASPECTS} stands around. */
function aspectLabel(lower: number): string {
  return SHAPES[ASPECTS.indexOf(lower)]?.[0] ?? "";
}
