import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type Database, getMeta } from "./database.ts";
import { readLines } from "./lines.ts";
import { normaliseUrl } from "./pair-id.ts";
import { refreshQueryCounts } from "./query-counts.ts";
import { finishSwap, writeShards } from "./shards.ts";
import { UsageError } from "./usage-error.ts";

/** What is to be taken down: a picture by a pair's id or by its address, or all of a host and the hosts below it. */
export interface Removal {
  kind: "pair" | "url" | "host";
  value: string;
}

/** What a take-down did. */
export interface RemovalCounts {
  /** Pairs that were live and are removed now. */
  pairs: number;
  /** Of these, samples that were in shards. */
  samples: number;
  /** Removals that cover no pair known today; they hold for the future all the same. */
  ahead: Removal[];
  /** Shards there are now, when they were written anew. */
  shards?: number;
}

/**
 * A removal from what a person writes.
 * @param where named in the error: an option, or file and line.
 * @throws UsageError when it is nothing that can be removed.
 */
export function parseRemoval(text: string, where: string, kind?: Removal["kind"]): Removal {
  const value = text.trim();
  if ((kind === undefined || kind === "pair") && /^[0-9a-f]{16}$/.test(value)) return { kind: "pair", value };
  const url = kind !== "pair" && kind !== "host" ? normaliseUrl(value) : undefined;
  if (url !== undefined) return { kind: "url", value: url };
  const host = /^[^\s/@?#]+$/.test(value) ? URL.parse(`http://${value}/`)?.host : undefined;
  if ((kind === undefined || kind === "host") && host?.includes(".")) return { kind: "host", value: host };
  const expected = {
    pair: "a pair id of 16 hexadecimal digits",
    url: "an address that begins with http",
    host: "a host such as example.org",
  };
  throw new UsageError(
    `${where}: "${value}" is not ${kind ? expected[kind] : `${expected.pair}, ${expected.url}, or ${expected.host}`}`,
  );
}

/**
 * The removals of a list: a pair id, an address or a host a line, lines with # left out.
 * @throws UsageError naming file and line.
 */
export async function readRemovals(file: string): Promise<Removal[]> {
  if (!existsSync(file)) throw new UsageError(`--file ${file}: no such file`);
  const removals: Removal[] = [];
  let line = 0;
  for await (const text of readLines(file)) {
    line++;
    if (text.trim() !== "" && !text.startsWith("#")) removals.push(parseRemoval(text, `${file}:${line}`));
  }
  return removals;
}

/**
 * Takes pairs down for good: they leave the shards, which are written anew as if they had never been in, and the table
 * `removed` keeps them out of every later run; the next crawl fills their place under the cap. Can be killed at any
 * moment; the same call again, or the next crawl, completes it.
 * @param dryRun only counts.
 */
export async function removePairs(
  db: Database,
  data: string,
  removals: readonly Removal[],
  options: { dryRun: boolean; progress: (samples: number) => void },
): Promise<RemovalCounts> {
  finishSwap(db, data);
  const counts = mark(db, removals, options.dryRun);
  if (options.dryRun) return counts;
  wipe(db, data);
  if (getMeta(db, "shards") === undefined) return counts;
  const { seed = 0, shardSize = 10_000 } = JSON.parse(getMeta(db, "settings") ?? "{}");
  const { shards, changed } = await writeShards(db, data, { seed, shardSize }, options.progress);
  updateManifest(db, data);
  return changed ? { ...counts, shards } : counts;
}

/** Writes the tombstones and marks what they cover, in one transaction. */
function mark(db: Database, removals: readonly Removal[], dryRun: boolean): RemovalCounts {
  const insert = db.prepare("INSERT OR IGNORE INTO removed VALUES (?, ?, ?)");
  // The same picture must not come back under another text or another address.
  const widen = db.prepare(
    `INSERT OR IGNORE INTO removed
     SELECT 'url', image_url, @at FROM pair WHERE id = @value AND @kind = 'pair'
     UNION SELECT 'sha256', sha256, @at FROM pair WHERE sha256 IS NOT NULL AND (id = @value OR image_url = @value)`,
  );
  const covers = db
    .prepare<[string, string], number>("SELECT EXISTS (SELECT 1 FROM pair WHERE id = ? OR image_url = ?)")
    .pluck();
  const at = new Date().toISOString();
  const counts: RemovalCounts = { pairs: 0, samples: 0, ahead: [] };
  const work = db.transaction(() => {
    for (const removal of removals) {
      insert.run(removal.kind, removal.value, at);
      if (removal.kind === "host") continue;
      if (covers.get(removal.value, removal.value)) widen.run({ ...removal, at });
      else counts.ahead.push(removal);
    }
    const live = "state <> 'dropped' AND id IN (SELECT id FROM removed_pair)";
    counts.samples =
      db.prepare<[], number>(`SELECT count(*) FROM pair WHERE key IS NOT NULL AND ${live}`).pluck().get() ?? 0;
    counts.pairs = db
      .prepare(
        `UPDATE pair SET state = 'dropped', reason = 'removed', chosen_for = NULL, exif = NULL, rights = NULL WHERE ${live}`,
      )
      .run().changes;
    db.exec(
      "DELETE FROM near_duplicate WHERE a IN (SELECT id FROM removed_pair) OR b IN (SELECT id FROM removed_pair)",
    );
    if (dryRun) throw new Undo();
    refreshQueryCounts(db);
  });
  try {
    work();
  } catch (error) {
    if (!(error instanceof Undo)) throw error;
  }
  return counts;
}

/** Ends a transaction without keeping it. */
class Undo extends Error {}

/** Pictures that wait in the spool for their shard are overwritten: no shard will ever be written from them. */
function wipe(db: Database, data: string): void {
  const rows = db
    .prepare<[], { file: string; offset: number; bytes: number }>(
      `SELECT file, offset, bytes FROM pair p WHERE reason = 'removed' AND file LIKE 'spool/%'
         AND NOT EXISTS (SELECT 1 FROM pair o WHERE o.sha256 = p.sha256 AND o.state <> 'dropped' AND o.file = p.file AND o.offset = p.offset)`,
    )
    .all();
  for (const [name, places] of Map.groupBy(rows, ({ file }) => file)) {
    if (!existsSync(join(data, name))) continue;
    const descriptor = openSync(join(data, name), "r+");
    for (const { offset, bytes } of places) writeSync(descriptor, Buffer.alloc(bytes), 0, bytes, offset);
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
  db.exec("UPDATE pair SET file = NULL, offset = NULL WHERE reason = 'removed' AND file LIKE 'spool/%'");
}

/** The manifest names the shards, so it changes with them. */
function updateManifest(db: Database, data: string): void {
  const file = join(data, "manifest.json");
  if (!existsSync(file)) return;
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  manifest.shards = db.prepare("SELECT * FROM shard ORDER BY shard").all();
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  renameSync(temporary, file);
}
