import type { Database } from "../../store/database.ts";
import type { DownloadReason } from "../../store/reasons.ts";

/** A page that waits to be fetched. */
export interface PageRow {
  url: string;
  depth: number;
  attempts: number;
  /** Candidates of it that a run before wrote, when it was stopped within a long one. */
  found: number | null;
}

/** The pages met, in the table `page`. The writing calls belong into the consumer's transaction. */
export class Frontier {
  readonly #db: Database;
  readonly #add;
  readonly #addDone;
  readonly #set;
  readonly #written;
  readonly #next;
  readonly #fetched;
  readonly #fetchedOf;

  constructor(db: Database) {
    this.#db = db;
    this.#add = db.prepare(
      "INSERT INTO page (url, host, depth, state) VALUES (?, ?, ?, 'waiting') ON CONFLICT DO NOTHING",
    );
    this.#addDone = db.prepare(
      `INSERT INTO page (url, host, depth, state, found) VALUES (?, ?, 0, 'done', 0)
       ON CONFLICT DO UPDATE SET state = 'done', found = 0 WHERE state = 'waiting'`,
    );
    this.#set = db.prepare(
      "UPDATE page SET state = ?, reason = ?, attempts = ?, status = ?, found = coalesce(?, found) WHERE url = ?",
    );
    this.#written = db.prepare("UPDATE page SET found = coalesce(found, 0) + ? WHERE url = ?");
    this.#next = db.prepare<[string, string], PageRow>(
      `SELECT url, depth, attempts, found FROM page WHERE state = 'waiting' AND host = ?
       AND url NOT IN (SELECT value FROM json_each(?)) ORDER BY depth, rowid LIMIT 1`,
    );
    const fetched = "SELECT count(*) FROM page WHERE state IN ('done', 'dropped') AND attempts > 0";
    this.#fetched = db.prepare<[], number>(fetched).pluck();
    this.#fetchedOf = db.prepare<[string], number>(`${fetched} AND host = ?`).pluck();
  }

  /** Adds a page that is not known yet. */
  add(url: string, host: string, depth: number): void {
    this.#add.run(url, host, depth);
  }

  /** Marks another address of a page that was fetched. */
  addDone(url: string, host: string): void {
    this.#addDone.run(url, host);
  }

  /** Hosts with pages to fetch. */
  sites(): string[] {
    const rows = this.#db.prepare<[], { host: string }>("SELECT DISTINCT host FROM page WHERE state = 'waiting'").all();
    return rows.map(({ host }) => host);
  }

  /** Pages that were fetched, of one host or of all. */
  fetched(host?: string): number {
    return (host === undefined ? this.#fetched.get() : this.#fetchedOf.get(host)) ?? 0;
  }

  /** The host's next page that is none of `except`: those nearest to a seed first. */
  next(host: string, except: readonly string[]): PageRow | undefined {
    return this.#next.get(host, JSON.stringify(except));
  }

  /** So many more candidates of a page were written; others are still to come. */
  written(url: string, candidates: number): void {
    this.#written.run(candidates, url);
  }

  /** A page gave `found` candidates, all in all. */
  done(url: string, attempts: number, status: number, found: number): void {
    this.#set.run("done", null, attempts, status, found, url);
  }

  /** A page failed, and may work another time. */
  retry(url: string, attempts: number, status: number | undefined): void {
    this.#set.run("waiting", null, attempts, status ?? null, null, url);
  }

  /** A page failed for good. */
  drop(url: string, attempts: number, reason: DownloadReason, status: number | undefined): void {
    this.#set.run("dropped", reason, attempts, status ?? null, null, url);
  }
}
