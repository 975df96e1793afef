import { dirname, join } from "node:path";
import {
  type BlockScan,
  type Choose,
  chooseMatches,
  countMatches,
  exactChoice,
  isChosen,
  sampledThresholds,
} from "../filters/cap.ts";
import { PairBlocks } from "../filters/pair-blocks.ts";
import { termHash } from "../filters/priority.ts";
import { Repeats, textKey } from "../filters/repeats.ts";
import { type Database, setMeta } from "../store/database.ts";
import { dropIndices } from "../store/indices.ts";
import { idHalves } from "../store/pair-id.ts";
import { refreshQueryCounts } from "../store/query-counts.ts";
import { CAPTION_KINDS } from "../store/types.ts";

/** How the choice is made; both are kept with the data set. */
export interface SelectOptions {
  /** The most pairs chosen on account of one query; CLIP's is 20,000. */
  cap: number;
  seed: number;
  /** `exact`, or MetaCLIP's independent sampling, which keeps the cap on average only. */
  balance?: "exact" | "metaclip";
  /** Texts of one picture that stay, the preferred kinds first; 1 as in CLIP when left out. */
  captionsPerImage?: number;
  /** A caption beside more pictures than these is dropped with all of them. */
  maxPictures?: number | undefined;
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

/** Pairs that passed the rules and did not fail: those the cap chooses among. */
export const LIVE = "state IN ('candidate', 'chosen', 'kept', 'reserve')";

/**
 * Chooses the pairs of the data set under the cap (see filters/cap.ts). Failed pairs are no candidates any more, so
 * running it again after downloads lets the next in line move up; it changes nothing when nothing failed.
 */
export function select(db: Database, options: SelectOptions): Selection {
  return db.transaction(() => {
    sharedCaptions(db, options.maxPictures);
    captionsOfAPicture(db, options.captionsPerImage);
    const terms = db.prepare<[], { term: string }>("SELECT term FROM query ORDER BY id").all();
    const hashes = Int32Array.from(terms, ({ term }) => termHash(term));
    const blocks = new PairBlocks(join(dirname(db.name), "select.tmp"));
    try {
      const counts = readPairs(db, blocks, terms.length);
      const scan: BlockScan = (visit) => {
        for (const block of blocks.blocks()) visit(block);
      };
      const { cap, seed } = options;
      const sampled = options.balance === "metaclip" ? sampledThresholds(counts, cap) : undefined;
      const choose: Choose = sampled
        ? (block) => chooseMatches(block, sampled, hashes, seed)
        : exactChoice(scan, counts, hashes, cap, seed);
      const selection = mark(db, blocks, choose);
      setMeta(db, "cap", String(cap));
      setMeta(db, "seed", String(seed));
      refreshQueryCounts(db);
      return selection;
    } finally {
      blocks.close();
    }
  })();
}

/** Brings all live pairs into blocks, in the order of the table, and counts their matches. */
export function readPairs(db: Database, blocks: PairBlocks, queries: number): Uint32Array {
  const live = db.prepare<[], [string, string]>(
    `SELECT id, queries FROM pair NOT INDEXED WHERE ${LIVE} ORDER BY rowid`,
  );
  for (const [id, json] of live.raw().iterate()) blocks.add(...idHalves(id), JSON.parse(json) as number[]);
  const counts = new Uint32Array(queries);
  for (const block of blocks.blocks()) countMatches(block, counts);
  return counts;
}

/** Rows are read so many at a time: a statement cannot be written to while it is being read. */
const ROWS = 4_096;
/** To keep the indices of states up to date costs ten times as much a row as to make them anew. */
const PAYS_OFF = 10;

/** Writes who is within a cap to the table, where it changed. @param blocks what {@link readPairs} gave. */
export function mark(db: Database, blocks: PairBlocks, choose: Choose): Selection {
  const rows = liveRows(db);
  const update = db.prepare("UPDATE pair SET state = ?, chosen_for = ? WHERE rowid = ?");
  const count = (sql: string) => db.prepare<[], number>(`SELECT count(*) FROM pair ${sql}`).pluck().get() ?? 0;
  const all = count("");
  // These change whatever becomes of them.
  let changes = count("WHERE state = 'candidate'");
  let makeAgain: (() => void) | undefined;
  const putOff = () => {
    if (changes > all / PAYS_OFF) makeAgain ??= dropIndices(db, "pair", "state");
  };
  putOff();
  const selection: Selection = { chosen: 0, toDownload: 0, reserve: 0 };
  for (const block of blocks.blocks()) {
    choose(block);
    for (let pair = 0; pair < block.pairs; pair++) {
      const [rowid, before, accountBefore] = rows.next().value as LiveRow;
      let account = "";
      for (let i = block.starts[pair] ?? 0; i < (block.starts[pair + 1] ?? 0); i++)
        if (isChosen(block, i)) account += account === "" ? `[${block.queries[i]}` : `,${block.queries[i]}`;
      const accountNow = account === "" ? null : `${account}]`;
      const state = accountNow === null ? "reserve" : before === "kept" ? "kept" : "chosen";
      if (accountNow === null) selection.reserve++;
      else selection.chosen++;
      if (state === before && accountNow === accountBefore) continue;
      update.run(state, accountNow, rowid);
      if (before === "candidate") continue;
      changes++;
      putOff();
    }
  }
  makeAgain?.();
  selection.toDownload = count("WHERE state = 'chosen' AND file IS NULL");
  return selection;
}

type LiveRow = [rowid: number, state: string, chosenFor: string | null];

/** In the order of the table. Its states may be changed between two of them. */
function* liveRows(db: Database): Generator<LiveRow, undefined> {
  const some = db
    .prepare<[number], LiveRow>(
      `SELECT rowid, state, chosen_for FROM pair NOT INDEXED WHERE ${LIVE} AND rowid > ? ORDER BY rowid LIMIT ${ROWS}`,
    )
    .raw();
  for (let last = 0; ; ) {
    const rows = some.all(last);
    yield* rows;
    const end = rows.at(-1);
    if (!end) return;
    last = end[0];
  }
}

/**
 * Drops the captions that stand beside more than `most` different pictures (COYO, ALIGN). Decided anew each time, among all
 * pairs that passed the caption rules, whatever became of them since: the order of events does not matter.
 */
function sharedCaptions(db: Database, most: number | undefined): void {
  db.exec("UPDATE pair SET state = 'candidate', reason = NULL WHERE reason = 'shared_caption'");
  if (most === undefined) return;
  findRepeated(db, "caption", "queries IS NOT NULL", most);
  db.prepare(
    `UPDATE pair SET state = 'dropped', reason = 'shared_caption', chosen_for = NULL, file = NULL, shard = NULL, key = NULL
     WHERE rowid IN (SELECT row FROM repeated) AND ${LIVE} AND caption IN
       (SELECT caption FROM repeated JOIN pair ON pair.rowid = row GROUP BY caption HAVING count(DISTINCT image_url) > ?)`,
  ).run(most);
  db.exec("DROP TABLE repeated");
}

/**
 * Of a picture with several texts so many stay, one in CLIP: the preferred kind of text first, then the smallest id. Decided
 * among all that passed the rules, whatever became of them since: neither the order in which texts were found matters, nor
 * is a picture that cannot be had asked for again under another text.
 */
export function captionsOfAPicture(db: Database, most = 1): void {
  const among = "queries IS NOT NULL AND coalesce(reason, '') NOT IN ('shared_caption', 'removed')";
  findRepeated(db, "image_url", among, 1);
  const rank = CAPTION_KINDS.map((kind, place) => `WHEN '${kind}' THEN ${place}`).join(" ");
  db.exec(`
    CREATE TEMP TABLE preferred AS
      SELECT row, row_number() OVER (PARTITION BY image_url ORDER BY CASE kind ${rank} END, id) AS place
      FROM repeated JOIN pair ON pair.rowid = row;
    UPDATE pair SET state = 'dropped', reason = 'other_caption', chosen_for = NULL, file = NULL, shard = NULL, key = NULL
      WHERE ${LIVE} AND rowid IN (SELECT row FROM preferred WHERE place > ${most});
    UPDATE pair SET state = 'candidate', reason = NULL
      WHERE reason = 'other_caption' AND rowid NOT IN (SELECT row FROM preferred WHERE place > ${most});
    DROP TABLE preferred;
    DROP TABLE repeated;`);
}

/**
 * Fills the temporary table `repeated` with the rows of `pair` whose `column` more than `moreThan` rows have, among those of
 * `where`; equal hashes of unequal texts may bring a few others, so what is done with them must look at the text.
 * One sequential pass and bounded memory, where grouping in SQL would sort all texts.
 */
function findRepeated(db: Database, column: "caption" | "image_url", where: string, moreThan: number): void {
  db.exec("CREATE TEMP TABLE repeated (row INTEGER PRIMARY KEY)");
  const rows = db.prepare<[], [number, string]>(
    `SELECT rowid, ${column} FROM pair NOT INDEXED WHERE ${where} ORDER BY rowid`,
  );
  const repeats = new Repeats(join(dirname(db.name), "repeats.tmp"));
  try {
    const key = new Int32Array(2);
    for (const [, text] of rows.raw().iterate()) {
      textKey(text, key);
      repeats.add(key[0] as number, key[1] as number);
    }
    const marks = repeats.mark(moreThan);
    if (marks.count === 0) return;
    const found: number[] = [];
    let row = 0;
    for (const [rowid] of rows.iterate()) if (marks.has(row++)) found.push(rowid);
    const insert = db.prepare("INSERT INTO repeated VALUES (?)");
    for (const rowid of found) insert.run(rowid);
  } finally {
    repeats.close();
  }
}
