import type { Database } from "./database.ts";
import { phrase } from "./search.ts";
import type { QueryRow } from "./stats.ts";

/** Which pairs to find; every field narrows it down. */
export interface PairFilter {
  /** Id of a query that the caption must contain. */
  query?: { id: number; query: string } | undefined;
  /** Words that the caption must contain, as of the last time shards were written. */
  text?: string | undefined;
  state?: string | undefined;
  reason?: string | undefined;
}

/** A pair as the browser and `npm run stats -- --query` list it. */
export interface FoundPair {
  id: string;
  /** Where to go on: give the last one's as `after`. */
  place: string | number;
  caption: string;
  image_url: string;
  state: string;
  reason: string | null;
  detail: string | null;
  file: string | null;
}

/** A query of the list as a person writes it, in any case and spacing; undefined when it is not on the list. */
export function findQuery(db: Database, text: string): (QueryRow & { id: number }) | undefined {
  // The table, not the view: the pairs name a query by its id, which the view does not show.
  return db
    .prepare<[string], QueryRow & { id: number }>(
      "SELECT id, term AS query, source, wiki_count, matched, chosen, downloaded, kept FROM query WHERE term = ?",
    )
    .get(text.normalize("NFC").toLowerCase().trim().replace(/\s+/g, " "));
}

const COLUMNS = "p.id, p.caption, p.image_url, p.state, p.reason, p.detail, p.file";

/**
 * A page of pairs, in a fixed order, after a place.
 * @param after `place` of the last pair of the page before; undefined for the first page.
 */
export function findPairs(db: Database, filter: PairFilter, limit: number, after?: string | number): FoundPair[] {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, ...given: (string | number)[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  const words = [...(filter.query ? [filter.query.query] : []), ...(filter.text?.split(/\s+/) ?? [])].filter((word) =>
    /[\p{L}\p{N}]/u.test(word),
  );
  const indexed = words.length > 0 && hasIndex(db);
  if (indexed) where("caption_search MATCH ?", words.map(phrase).join(" AND "));
  else for (const word of words) where("instr(lower(p.caption), lower(?))", word);
  // The index finds the words; whether the matcher found the query too is in the row.
  if (filter.query)
    where("EXISTS (SELECT 1 FROM json_each(p.queries) q WHERE q.value = CAST(? AS INTEGER))", filter.query.id);
  if (filter.state) where("p.state = ?", filter.state);
  if (filter.reason) where("p.reason = ?", filter.reason);
  const place = indexed ? "s.rowid" : "p.id";
  if (after !== undefined && after !== "") where(`${place} > ?`, indexed ? Number(after) : String(after));
  const from = indexed ? "caption_search s JOIN pair p ON p.rowid = s.rowid" : "pair p";
  return db
    .prepare<(string | number)[], FoundPair>(
      `SELECT ${COLUMNS}, ${place} AS place FROM ${from} ${conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : ""}
       ORDER BY ${place} LIMIT ${limit}`,
    )
    .all(...values);
}

/** Before the first shards are written the full-text index is empty, and captions are read one by one. */
function hasIndex(db: Database): boolean {
  return db.prepare("SELECT 1 FROM caption_search_docsize LIMIT 1").get() !== undefined;
}
