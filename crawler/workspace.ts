import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import manifest from "../package.json" with { type: "json" };
import { buildList, CLIP_LIST, queriesFile } from "../queries/command.ts";
import { type QueryList, readQueries } from "../queries/list.ts";
import { bulkInsert } from "../store/bulk.ts";
import { type Database, getMeta, openDatabase, setMeta } from "../store/database.ts";
import { finishSwap } from "../store/shards.ts";

/** A workspace opened for writing. */
export interface Workspace {
  data: string;
  db: Database;
  /** Its terms are read from the file each time they are asked for: half a million objects that only matching needs. */
  queries: QueryList;
  /** The list is not the one that the pairs were matched with: their captions must be matched again. */
  queriesChanged: boolean;
}

/**
 * Opens a workspace for a stage that writes: takes its lock, completes a swap of shards that was cut, and brings its
 * query list into the database; a workspace without one gets the embedded default.
 * @param say told what had to be done.
 */
export async function openWorkspace(data: string, say: (text: string) => void): Promise<Workspace> {
  const db = openDatabase(data);
  finishSwap(db, data);
  setMeta(db, "version", manifest.version);
  const file = queriesFile(data);
  if (!existsSync(file)) {
    const { terms } = await buildList(file, {}, CLIP_LIST);
    say(
      `made the embedded query list of ${terms.length.toLocaleString("en")} terms (npm run build-queries has the choices)`,
    );
  }
  const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
  const queries: QueryList = {
    sha256,
    get terms() {
      return readQueries(file).terms;
    },
  };
  const before = getMeta(db, "queries");
  if (before === sha256) return { data, db, queries, queriesChanged: getMeta(db, "rematch") === "pending" };
  db.transaction(() => {
    db.exec("DELETE FROM query");
    // Indices are built faster at once than kept up to date row by row.
    const indices = db
      .prepare<[], { name: string; sql: string }>(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'query' AND sql IS NOT NULL",
      )
      .all();
    for (const { name } of indices) db.exec(`DROP INDEX ${name}`);
    const insert = bulkInsert(db, "INSERT INTO query (id, term, source, wiki_count, score) VALUES", 5);
    insert(queries.terms.map(({ term, source, count, score }, id) => [id, term, source, count, score]));
    for (const { sql } of indices) db.exec(sql);
    setMeta(db, "queries", sha256);
    if (before !== undefined) setMeta(db, "rematch", "pending");
  })();
  return { data, db, queries, queriesChanged: getMeta(db, "rematch") === "pending" };
}
