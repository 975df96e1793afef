import type { Database } from "../database.ts";
import { type FoundPair, findPairs, findQuery } from "../find-pairs.ts";
import type { QueryRow } from "../stats.ts";
import { COLUMNS, table } from "./terminal-table.ts";
import { count, shorten } from "./text.ts";

const SHOWN = 20;

/** One query for a terminal: its row of `query_stats` and up to 20 of the pairs whose caption contains it, kept ones first. */
export function formatQuery(db: Database, term: string): string {
  const row = findQuery(db, term);
  if (!row) return `"${shorten(term, 60)}" is not on the query list of this data set`;
  const pairs = pairsOf(db, row);
  const facts = table(
    ["query", "source", "corpus", "matched", "chosen", "downloaded", "kept"],
    [
      [
        shorten(row.query, 30),
        row.source,
        ...[row.wiki_count, row.matched, row.chosen, row.downloaded, row.kept].map(count),
      ],
    ],
    0,
  );
  if (pairs.length === 0) return `${facts.join("\n")}\n\nNo caption contains it.`;
  const lines = pairs.flatMap((pair) => {
    const why = [pair.reason, pair.detail].filter((text) => text !== null).join(": ");
    const state = why === "" ? pair.state : `${pair.state} (${shorten(why, 40)})`;
    return [
      `  ${state}`,
      `      ${shorten(pair.caption, COLUMNS - 6)}`,
      `      ${shorten(pair.image_url, COLUMNS - 6)}`,
    ];
  });
  const title =
    pairs.length < SHOWN ? "Pairs whose caption contains it" : `The first ${SHOWN} pairs whose caption contains it`;
  return [...facts, "", title, ...lines].join("\n");
}

/** The same as plain data; the query is null when it is not on the list. */
export function collectQuery(db: Database, term: string): { query: QueryRow | null; pairs: FoundPair[] } {
  const row = findQuery(db, term);
  return { query: row ?? null, pairs: row ? pairsOf(db, row) : [] };
}

/** Kept ones first; the rest in the order in which they still may be. */
function pairsOf(db: Database, query: { id: number; query: string }): FoundPair[] {
  const pairs: FoundPair[] = [];
  for (const state of ["kept", "chosen", "reserve", "candidate", "dropped"])
    if (pairs.length < SHOWN) pairs.push(...findPairs(db, { query, state }, SHOWN - pairs.length));
  return pairs;
}
