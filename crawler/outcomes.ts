import type { Database } from "../store/database.ts";
import type { Spool } from "../store/spool.ts";
import type { Outcome } from "./fetch-picture.ts";

const WRITE_EVERY_MS = 500;

/**
 * Gathers outcomes and writes them every half second, pictures before the rows that name them, the rows in one
 * transaction: a killed run repeats the last half second.
 */
export class OutcomeWriter {
  readonly #db: Database;
  readonly #spool: Spool;
  readonly #timer: NodeJS.Timeout;
  #waiting: Outcome[] = [];

  /** @param fail told when writing fails (a full disk): the run must end then. */
  constructor(db: Database, spool: Spool, fail: (error: unknown) => void) {
    this.#db = db;
    this.#spool = spool;
    this.#timer = setInterval(() => {
      try {
        this.#flush();
      } catch (error) {
        this.stop();
        fail(error);
      }
    }, WRITE_EVERY_MS);
  }

  add(outcome: Outcome): void {
    this.#waiting.push(outcome);
  }

  /** Writes what is left, and ends. */
  close(): void {
    this.stop();
    this.#flush();
  }

  /** Ends without writing. */
  stop(): void {
    clearInterval(this.#timer);
  }

  #flush(): void {
    const outcomes = this.#waiting;
    if (outcomes.length === 0) return;
    const ok = this.#db.prepare(
      `UPDATE pair SET file = @file, offset = @offset, bytes = @bytes, width = @width, height = @height, original_width = @originalWidth,
         original_height = @originalHeight, format = @format, extension = @extension, sha256 = @sha256, phash = @phash, exif = @exif,
         rights = @rights, licence = coalesce(licence, @licence), opt_out = ${ALL_SIGNALS}, status = @status,
         attempts = attempts + @attempts, retrieved = @retrieved WHERE id = @id`,
    );
    const failed = this.#db.prepare(
      `UPDATE pair SET state = 'dropped', reason = @reason, detail = @detail, status = @status, attempts = attempts + @attempts,
         opt_out = ${ALL_SIGNALS}, chosen_for = NULL WHERE id = @id`,
    );
    const retrieved = new Date().toISOString();
    const rows = outcomes.map(({ picture, ...rest }) => {
      const row = { ...rest, detail: rest.detail ?? null, optOut: orNull(rest.optOut) };
      if (!picture) return row;
      const { image, exif, rights, ...figures } = picture;
      return {
        ...figures,
        ...row,
        exif: orNull(exif),
        rights: orNull(rights),
        licence: rights.licence ?? null,
        retrieved,
        ...this.#spool.append(image),
      };
    });
    this.#spool.sync();
    this.#db.transaction(() => {
      for (const row of rows) (row.reason === undefined ? ok : failed).run(row);
    })();
    this.#waiting = [];
  }
}

/** Signals of the page and of the picture together, each once. */
const ALL_SIGNALS = `CASE WHEN @optOut IS NULL THEN opt_out ELSE (SELECT json_group_array(value) FROM
  (SELECT value FROM json_each(coalesce(opt_out, '[]')) UNION SELECT value FROM json_each(@optOut))) END`;

/** JSON, or null for what is empty. */
function orNull(value: object): string | null {
  return Object.keys(value).length === 0 ? null : JSON.stringify(value);
}
