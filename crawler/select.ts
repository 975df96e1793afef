import { chosenFor, computeThresholds, type PairScan, termHash } from "../filters/cap.ts";
import { type Database, setMeta } from "../store/database.ts";
import { idHalves } from "../store/pair-id.ts";
import { refreshQueryCounts } from "../store/query-counts.ts";
import { CAPTION_KINDS } from "../store/types.ts";

/** How the choice is made; both are kept with the data set. */
export interface SelectOptions {
  /** The most pairs chosen on account of one query; CLIP's is 20,000. */
  cap: number;
  seed: number;
}

/** What a selection changed. */
export interface Selection {
  /** Pairs within a cap. */
  chosen: number;
  /** Of these, without a picture yet. */
  toDownload: number;
  /** Pairs that fit under no cap now. */
  reserve: number;
}

interface LiveRow {
  id: string;
  state: string;
  queries: string;
  chosen_for: string | null;
}

/** Pairs that passed the rules and did not fail: those the cap chooses among. */
const LIVE = "state IN ('candidate', 'chosen', 'kept', 'reserve')";

/**
 * Chooses the pairs of the data set under the cap (see filters/cap.ts). Failed pairs are no candidates any more, so
 * running it again after downloads lets the next in line move up; it changes nothing when nothing failed.
 */
export function select(db: Database, options: SelectOptions): Selection {
  return db.transaction(() => {
    oneCaptionAPicture(db);
    const terms = db.prepare<[], { term: string }>("SELECT term FROM query ORDER BY id").all();
    const hashes = Int32Array.from(terms, ({ term }) => termHash(term));
    const live = db.prepare<[], LiveRow>(`SELECT id, state, queries, chosen_for FROM pair WHERE ${LIVE}`);
    const scan: PairScan = (visit) => {
      for (const row of live.iterate()) visit(...idHalves(row.id), JSON.parse(row.queries));
    };
    const thresholds = computeThresholds(scan, hashes, options.cap, options.seed);

    const changes: { id: string; state: string; chosen_for: string | null }[] = [];
    const selection: Selection = { chosen: 0, toDownload: 0, reserve: 0 };
    for (const row of live.iterate()) {
      const queries = chosenFor(thresholds, hashes, options.seed, ...idHalves(row.id), JSON.parse(row.queries));
      const chosen_for = queries.length > 0 ? JSON.stringify(queries) : null;
      const state = chosen_for === null ? "reserve" : row.state === "kept" ? "kept" : "chosen";
      if (chosen_for === null) selection.reserve++;
      else selection.chosen++;
      if (state !== row.state || chosen_for !== row.chosen_for) changes.push({ id: row.id, state, chosen_for });
    }
    // A statement cannot be written to while it is being read, hence the list; it holds only what changes.
    const update = db.prepare("UPDATE pair SET state = @state, chosen_for = @chosen_for WHERE id = @id");
    for (const change of changes) update.run(change);
    selection.toDownload =
      db.prepare<[], { n: number }>("SELECT count(*) AS n FROM pair WHERE state = 'chosen' AND file IS NULL").get()
        ?.n ?? 0;
    setMeta(db, "cap", String(options.cap));
    setMeta(db, "seed", String(options.seed));
    refreshQueryCounts(db);
    return selection;
  })();
}

/**
 * A picture with several texts is one pair, as in CLIP: the preferred kind of text, then the smallest id. Decided anew
 * each time, so that the order in which texts were found does not matter.
 */
function oneCaptionAPicture(db: Database): void {
  const rank = CAPTION_KINDS.map((kind, place) => `WHEN '${kind}' THEN ${place}`).join(" ");
  const ranked = `SELECT id, row_number() OVER (PARTITION BY image_url ORDER BY CASE kind ${rank} END, id) AS place
    FROM pair WHERE ${LIVE} OR reason = 'other_caption'`;
  db.exec(`
    CREATE TEMP TABLE preferred AS ${ranked};
    UPDATE pair SET state = 'dropped', reason = 'other_caption', chosen_for = NULL, file = NULL, shard = NULL, key = NULL
      WHERE ${LIVE} AND id IN (SELECT id FROM preferred WHERE place > 1);
    UPDATE pair SET state = 'candidate', reason = NULL
      WHERE reason = 'other_caption' AND id IN (SELECT id FROM preferred WHERE place = 1);
    DROP TABLE preferred;`);
}
