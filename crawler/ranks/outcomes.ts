import { join } from "node:path";
import type { Value } from "../../store/bulk.ts";
import type { Database } from "../../store/database.ts";
import type { Objects } from "../../store/objects.ts";
import type { Spool } from "../../store/spool.ts";
import { packRows, unpackRows } from "./chunks.ts";
import type { Work } from "./context.ts";
import { padded, stageName } from "./names.ts";
import { getState, removePack, setState } from "./state.ts";

/** What a download changes of a pair, beside its state. */
const COLUMNS = [
  ...["reason", "detail", "status", "attempts", "opt_out", "licence", "file", "offset", "bytes", "width", "height"],
  ...["original_width", "original_height", "format", "extension", "sha256", "phash", "exif", "rights", "retrieved"],
];
const FILE = 1 + COLUMNS.indexOf("file");

/** What the table `host` got since the last segment. */
type HostRow = Value[];

/**
 * Publishes what a download brings in segments, every few minutes and at its end: pictures in a file, then the outcomes that
 * name it. A machine that is lost costs what came since. A segment is told by its rows, which are marked while they are
 * not published: so a run that was killed publishes them next time.
 */
export class Segments {
  readonly #work: Work;
  readonly #db: Database;
  readonly #folder: string;
  readonly #segments: string[];

  /** @param folder where the database lies, with its spool. */
  constructor(work: Work, db: Database, folder: string) {
    this.#work = work;
    this.#db = db;
    this.#folder = folder;
    this.#segments = getState(db)?.underWay?.segments ?? [];
    db.exec(`CREATE TABLE IF NOT EXISTS fresh (id TEXT PRIMARY KEY) WITHOUT ROWID;
      CREATE TEMP TRIGGER IF NOT EXISTS outcome AFTER UPDATE OF attempts ON main.pair
      BEGIN INSERT OR IGNORE INTO fresh VALUES (NEW.id); END`);
  }

  /** Names of the segments, in order. */
  get names(): readonly string[] {
    return this.#segments;
  }

  /** Takes over what an earlier try on a machine that was lost had published. */
  async recover(): Promise<void> {
    if (getState(this.#db)?.underWay) return;
    const { store, stage, rank } = this.#work;
    for await (const { name } of store.list(stageName(stage, "part", padded(rank), ""))) {
      if (!name.endsWith(".rows")) continue;
      await applyOutcomes(store, this.#db, name);
      this.#segments.push(name);
    }
    this.#db.exec("DELETE FROM fresh");
    this.#note();
  }

  /** Publishes all outcomes that are not yet; the spool goes on in another file. Not to be called while it runs. */
  async publish(spool: Spool): Promise<void> {
    spool.rotate();
    const rows = this.#db
      .prepare<[], Value[]>(`SELECT id, ${COLUMNS.join(", ")} FROM fresh JOIN pair USING (id) ORDER BY id`)
      .raw()
      .all();
    const hosts = this.#db.prepare<[], HostRow>("SELECT * FROM host").raw().all();
    if (rows.length === 0 && hosts.length === 0) return;
    const { stage, rank, context, store } = this.#work;
    const number = padded(this.#segments.length);
    const base = stageName(stage, "part", padded(rank), `${number}.${context.attempt}`);
    const names = new Map<string, string>();
    for (const file of new Set(rows.map((row) => row[FILE] as string | null))) {
      if (!file?.startsWith("spool/")) continue;
      const name = `${base}.${names.size}.pack`;
      names.set(file, name);
      await store.put(name, { file: join(this.#folder, file), final: true });
    }
    const published = rows.map((row) => row.with(FILE, names.get(String(row[FILE])) ?? row[FILE] ?? null));
    await this.#work.publish(`${base}.rows`, packRows([...published, ...hosts.map((row) => ["", ...row])]));
    this.#db.transaction(() => {
      const done = this.#db.prepare("DELETE FROM fresh WHERE id = ?");
      const move = this.#db.prepare("UPDATE pair SET file = ? WHERE id = ? AND file = ?");
      for (const row of rows) {
        done.run(row[0]);
        const name = names.get(String(row[FILE]));
        if (name !== undefined) move.run(name, row[0], row[FILE]);
      }
      // What came meanwhile is in the next segment.
      const less = this.#db.prepare(
        "UPDATE host SET requests = requests - ?, ok = ok - ?, failed = failed - ?, bytes = bytes - ? WHERE host = ?",
      );
      for (const [host, requests, ok, failed, bytes] of hosts) less.run(requests, ok, failed, bytes, host);
      this.#db.exec("DELETE FROM host WHERE requests = 0");
      this.#segments.push(`${base}.rows`);
      this.#note();
    })();
    for (const file of names.keys()) removePack(this.#folder, file);
  }

  #note(): void {
    const state = getState(this.#db);
    if (state) setState(this.#db, { ...state, underWay: { stage: this.#work.stage, segments: this.#segments } });
  }
}

/** Brings a published segment into a database; outcomes it has already stay. */
export async function applyOutcomes(store: Objects, db: Database, segment: string): Promise<void> {
  const update = db.prepare(
    `UPDATE pair SET ${COLUMNS.map((column) => `${column} = ?`).join(", ")},
       state = CASE WHEN ? IS NULL THEN state ELSE 'dropped' END, chosen_for = CASE WHEN ? IS NULL THEN chosen_for END
     WHERE id = ? AND file IS NULL AND state <> 'dropped'`,
  );
  for await (const rows of unpackRows<Value[]>(store.read(segment)))
    db.transaction(() => {
      for (const [id, ...values] of rows) if (id !== "") update.run(...values, values[0], values[0], id);
    })();
}

/** The rows of the table `host` in a segment. */
export async function hostsOf(store: Objects, segment: string): Promise<HostRow[]> {
  const hosts: HostRow[] = [];
  for await (const rows of unpackRows<Value[]>(store.read(segment)))
    for (const [id, ...row] of rows) if (id === "") hosts.push(row);
  return hosts;
}
