import type { Database } from "../database.ts";

/** A kept pair to be shown. */
export interface Sample {
  id: string;
  caption: string;
  /** Terms of the queries its caption contains, rarest first. */
  terms: string[];
  file: string | null;
  offset: number | null;
  bytes: number | null;
}

/** A query with some of the pairs kept on account of it. */
export interface SampledQuery {
  query: string;
  matched: number;
  kept: number;
  samples: Sample[];
}

/** Sample pictures for queries of every size, and a few from anywhere. */
export interface Samples {
  head: SampledQuery[];
  middle: SampledQuery[];
  tail: SampledQuery[];
  /** Many more queries of every size, largest first, with fewer pictures each. */
  more: SampledQuery[];
  wall: Sample[];
}

const QUERIES_A_GROUP = 8;
const PICTURES_A_QUERY = 4;
/** With the three groups two hundred. */
const MORE_QUERIES = 176;
const PICTURES_OF_MORE = 3;
const PICTURES_ON_WALL = 28;
/** Asked for per query, so that there is a choice left when others showed some of them already. */
const SPARE = 40;

interface Row extends Omit<Sample, "terms"> {
  query: number;
  sha256: string | null;
  queries: string;
}

interface Chosen {
  id: number;
  query: string;
  matched: number;
  kept: number;
}

/** Chooses what the gallery shows: the same for the same data set, since pair ids are hashes and stand in for dice. */
export function readSamples(db: Database): Samples {
  // The table, not the view: the pairs name a query by its id, which the view does not show.
  const ranked = db
    .prepare<[], Chosen>(
      "SELECT id, term AS query, matched, kept FROM query WHERE kept > 0 ORDER BY kept DESC, matched DESC, term",
    )
    .all();
  const [head, middle, tail] = chooseRanks(ranked.length).map((ranks) => ranks.flatMap((rank) => ranked[rank] ?? []));
  const groups = { head: head ?? [], middle: middle ?? [], tail: tail ?? [] };
  const shownAbove = new Set([...groups.head, ...groups.middle, ...groups.tail]);
  const others = chooseMore(ranked.filter((query) => !shownAbove.has(query)));
  const pairs = pairsOf(db, [...shownAbove, ...others]);
  const shown = new Set<string>();
  const pick = (query: Chosen): SampledQuery => ({
    ...query,
    samples: choose(db, pairs.get(query.id) ?? [], PICTURES_A_QUERY, shown),
  });
  // The smallest queries first: they have no second choice.
  const sampledTail = groups.tail.toReversed().map(pick).toReversed();
  const sampledMiddle = groups.middle.toReversed().map(pick).toReversed();
  const sampledHead = groups.head.map(pick);
  const more = others.map((query) => ({
    ...query,
    samples: choose(db, pairs.get(query.id) ?? [], PICTURES_OF_MORE, new Set()),
  }));
  const wall = db
    .prepare<[], Row>(`SELECT 0 AS query, ${COLUMNS} FROM pair WHERE state = 'kept' ORDER BY id DESC LIMIT 200`)
    .all();
  return {
    head: sampledHead,
    middle: sampledMiddle,
    tail: sampledTail,
    more,
    wall: choose(db, wall, PICTURES_ON_WALL, shown),
  };
}

const COLUMNS = "id, caption, file, offset, bytes, sha256, coalesce(queries, '[]') AS queries";

/**
 * Ranks of the head, middle and tail queries among `total`: the largest ones, then evenly on a logarithmic scale, since
 * sizes fall as a power of the rank.
 */
export function chooseRanks(total: number): [number[], number[], number[]] {
  const used = new Set<number>();
  const take = (ranks: number[]): number[] => {
    const fresh = [...new Set(ranks)].filter((rank) => rank >= 0 && rank < total && !used.has(rank));
    for (const rank of fresh) used.add(rank);
    return fresh.sort((a, b) => a - b);
  };
  const spread = (from: number, to: number): number[] =>
    Array.from({ length: QUERIES_A_GROUP }, (_, i) => {
      const exponent = from + ((to - from) * i) / (QUERIES_A_GROUP - 1);
      return Math.round(total ** exponent) - 1;
    });
  const head = take(Array.from({ length: QUERIES_A_GROUP }, (_, i) => i));
  return [head, take(spread(0.45, 0.75)), take(spread(0.82, 1))];
}

/** Of queries by size so many that every size is there: evenly on a logarithmic scale, gaps filled from the top. */
function chooseMore(ranked: readonly Chosen[]): Chosen[] {
  if (ranked.length <= MORE_QUERIES) return [...ranked];
  const ranks = new Set<number>();
  for (let i = 0; i < MORE_QUERIES; i++) ranks.add(Math.floor(ranked.length ** (i / (MORE_QUERIES - 1))) - 1);
  for (let rank = 0; ranks.size < MORE_QUERIES; rank++) ranks.add(rank);
  return [...ranks].sort((a, b) => a - b).flatMap((rank) => ranked[rank] ?? []);
}

/** One pair as a sample; undefined when there is none. */
export function readSample(db: Database, id: string): Sample | undefined {
  const rows = db.prepare<[string], Row>(`SELECT 0 AS query, ${COLUMNS} FROM pair WHERE id = ?`).all(id);
  return choose(db, rows, 1, new Set())[0];
}

function pairsOf(db: Database, queries: readonly Chosen[]): Map<number, Row[]> {
  const rows = db
    .prepare<[string], Row>(
      `SELECT query, ${COLUMNS} FROM (
         SELECT q.value AS query, p.*, row_number() OVER (PARTITION BY q.value ORDER BY p.id) AS place
         FROM pair p, json_each(p.chosen_for) q
         WHERE p.state = 'kept' AND q.value IN (SELECT value FROM json_each(?))
       ) WHERE place <= ${SPARE} ORDER BY query, place`,
    )
    .all(JSON.stringify(queries.map((query) => query.id)));
  return Map.groupBy(rows, (row) => row.query);
}

/** Up to `wanted` of the rows, with pictures not shown before where there are any. */
function choose(db: Database, rows: readonly Row[], wanted: number, shown: Set<string>): Sample[] {
  const picture = (row: Row): string => row.sha256 ?? row.id;
  const unique = [...new Map(rows.map((row) => [picture(row), row])).values()];
  const fresh = unique.filter((row) => !shown.has(picture(row)));
  const again = unique.filter((row) => shown.has(picture(row)));
  return [...fresh, ...again].slice(0, wanted).map((row) => {
    shown.add(picture(row));
    const { id, caption, file, offset, bytes } = row;
    return { id, caption, file, offset, bytes, terms: termsOf(db, row.queries) };
  });
}

/** The rarest queries of a caption say most about it. */
function termsOf(db: Database, queries: string): string[] {
  return db
    .prepare<[string], string>(
      "SELECT term FROM query WHERE id IN (SELECT value FROM json_each(?)) ORDER BY matched, wiki_count, term LIMIT 6",
    )
    .pluck()
    .all(queries);
}
