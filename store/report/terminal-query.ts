import type { Database } from "../database.ts";
import type { QueryRow } from "../stats.ts";
import { COLUMNS, table } from "./terminal-table.ts";
import { count, shorten } from "./text.ts";

const SHOWN = 20;

interface PairRow {
  state: string;
  reason: string | null;
  detail: string | null;
  caption: string;
  image_url: string;
}

/** One query for a terminal: its row of `query_stats` and up to 20 of the pairs whose caption contains it, kept ones first. */
export function formatQuery(db: Database, term: string): string {
  const wanted = term.normalize("NFC").toLowerCase().trim().replace(/\s+/g, " ");
  // The table, not the view: the pairs name a query by its id, which the view does not show.
  const row = db
    .prepare<[string], QueryRow & { id: number }>(
      "SELECT id, term AS query, source, wiki_count, matched, chosen, downloaded, kept FROM query WHERE term = ?",
    )
    .get(wanted);
  if (!row) return `"${shorten(wanted, 60)}" is not on the query list of this data set`;

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
  const pairs = pairsOf(db, row.id);
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

function pairsOf(db: Database, query: number): PairRow[] {
  return db
    .prepare<[{ query: number }], PairRow>(
      // Looking for the digits first spares most rows the parsing of their array.
      `SELECT state, reason, detail, caption, image_url FROM pair p
       WHERE instr(queries, CAST(@query AS INTEGER)) AND EXISTS (SELECT 1 FROM json_each(p.queries) q WHERE q.value = @query)
       ORDER BY CASE state WHEN 'kept' THEN 0 WHEN 'chosen' THEN 1 WHEN 'reserve' THEN 2 WHEN 'candidate' THEN 3 ELSE 4 END, id
       LIMIT ${SHOWN}`,
    )
    .all({ query });
}
