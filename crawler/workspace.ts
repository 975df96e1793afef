import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import manifest from "../package.json" with { type: "json" };
import { buildList, CLIP_LIST, queriesFile } from "../queries/command.ts";
import { type QueryList, readQueries } from "../queries/list.ts";
import { storeQueries } from "../queries/store.ts";
import { CACHE_MB, type Database, getMeta, openDatabase, setCache, setMeta } from "../store/database.ts";
import { finishSwap } from "../store/shards.ts";

/**
 * SQLite's memory while rows are only added or pictures fetched: the rows of half a million pairs and of a hundred million
 * need other pages each time anyway, and fetching takes a hundred times as long.
 */
export const SMALL_CACHE_MB = 32;

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
 * @param say told what had to be done. @param indices as openDatabase has it.
 */
export async function openWorkspace(data: string, say: (text: string) => void, indices = true): Promise<Workspace> {
  const db = openDatabase(data, indices);
  finishSwap(db, data);
  setMeta(db, "version", manifest.version);
  const file = queriesFile(data);
  if (!existsSync(file)) {
    const { terms } = await buildList(file, {}, CLIP_LIST);
    say(
      `made the embedded query list of ${terms.length.toLocaleString("en")} terms (npm run build-queries has the choices)`,
    );
  }
  const sha256 = await sha256Of(file);
  const queries: QueryList = {
    sha256,
    get terms() {
      return readQueries(file).terms;
    },
  };
  const before = getMeta(db, "queries");
  if (before === sha256) return { data, db, queries, queriesChanged: getMeta(db, "rematch") === "pending" };
  setCache(db, SMALL_CACHE_MB);
  storeQueries(db, queries);
  setCache(db, CACHE_MB);
  return { data, db, queries, queriesChanged: getMeta(db, "rematch") === "pending" };
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}
