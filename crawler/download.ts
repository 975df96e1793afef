import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { ImageError, makePicture, type Picture, type PictureOptions } from "../filters/image/picture.ts";
import type { Profile } from "../filters/profiles.ts";
import type { Database } from "../store/database.ts";
import { refreshQueryCounts } from "../store/query-counts.ts";
import type { Spool } from "../store/spool.ts";
import { FetchError, Stopped } from "./fetch-error.ts";
import type { Net } from "./net.ts";

/** What the pictures must be and become, and when to stop. */
export interface DownloadOptions extends PictureOptions {
  profile: Profile;
  /** Ends the stage early; what is in flight is finished and written. */
  stop: AbortSignal;
}

/** How a round of downloads went. */
export interface DownloadCounts {
  ok: number;
  failed: number;
  bytes: number;
}

const MAX_IMAGE_BYTES = 20 * 1024 * 1024;
const ATTEMPTS = 3;
/** A drip costs its slot for long; once more is enough. */
const TIMEOUT_ATTEMPTS = 2;
const IN_FLIGHT = 256;
const HOSTS_AT_ONCE = 512;
/** Rows of a host that are read at once: more than any host has in flight. */
const ROWS = 200;
const WRITE_EVERY_MS = 500;

interface Row {
  id: string;
  image_url: string;
}

/**
 * Downloads every chosen pair that has no picture yet, host by host under the hosts' limits. A picture that fails drops
 * its pair with the reason; the next selection lets others move up.
 * @param progress called with the counts so far.
 */
export async function download(
  db: Database,
  net: Net,
  spool: Spool,
  options: DownloadOptions,
  progress: (counts: DownloadCounts) => void,
): Promise<DownloadCounts> {
  const counts: DownloadCounts = { ok: 0, failed: 0, bytes: 0 };
  const writer = new Writer(db, spool);
  const inFlight = pLimit(IN_FLIGHT);
  // Decoding happens on libuv's threads; more pictures at once than cores would only hold memory.
  const decoding = pLimit(Math.max(2, availableParallelism()));

  const one = async (row: Row): Promise<void> => {
    const outcome = await inFlight(() => fetchPicture(net, row, options, decoding));
    if (outcome === undefined) return; // Stopped before it began.
    if (outcome.picture) {
      counts.ok++;
      counts.bytes += outcome.picture.jpeg.length;
    } else {
      counts.failed++;
    }
    writer.add(outcome);
    progress(counts);
  };

  const next = db.prepare<[string, string], Row>(
    `SELECT id, image_url FROM pair WHERE state = 'chosen' AND file IS NULL AND host = ? AND id > ? ORDER BY id LIMIT ${ROWS}`,
  );
  const oneHost = async (host: string): Promise<void> => {
    let after = "";
    let window: ReturnType<typeof pLimit> | undefined;
    while (!options.stop.aborted) {
      const rows = next.all(host, after);
      const first = rows[0];
      if (!first) return;
      window ??= pLimit(await net.hosts.inFlight(new URL(first.image_url)));
      await Promise.all(rows.map((row) => window?.(() => one(row))));
      after = rows.at(-1)?.id ?? after;
    }
  };

  const hosts = db
    .prepare<[], { host: string }>("SELECT DISTINCT host FROM pair WHERE state = 'chosen' AND file IS NULL")
    .all();
  const hostLimit = pLimit(HOSTS_AT_ONCE);
  try {
    await Promise.all(hosts.map(({ host }) => hostLimit(() => oneHost(host))));
  } finally {
    writer.close();
    net.hosts.save(db);
  }
  dropDuplicates(db);
  refreshQueryCounts(db);
  return counts;
}

interface Outcome {
  id: string;
  attempts: number;
  status: number | null;
  picture?: Picture & { sha256: string };
  reason?: string;
  detail?: string;
}

async function fetchPicture(
  net: Net,
  row: Row,
  options: DownloadOptions,
  decoding: ReturnType<typeof pLimit>,
): Promise<Outcome | undefined> {
  const url = new URL(row.image_url);
  for (let attempt = 1; !options.stop.aborted; attempt++) {
    try {
      const response = await net.image(url, {
        maxBytes: MAX_IMAGE_BYTES,
        accept: "image/avif, image/webp, image/png, image/jpeg, image/*;q=0.8",
      });
      const picture = await decoding(() => makePicture(response.body, options.profile, options));
      const sha256 = createHash("sha256").update(response.body).digest("hex");
      return { id: row.id, attempts: attempt, status: response.status, picture: { ...picture, sha256 } };
    } catch (error) {
      if (error instanceof ImageError)
        return { id: row.id, attempts: attempt, status: 200, reason: error.reason, detail: error.message };
      if (error instanceof Stopped) return undefined;
      if (!(error instanceof FetchError)) throw error;
      if (!error.again || attempt >= (error.reason === "timeout" ? TIMEOUT_ATTEMPTS : ATTEMPTS)) {
        return {
          id: row.id,
          attempts: attempt,
          status: error.status ?? null,
          reason: error.reason,
          detail: error.message,
        };
      }
      // With a Retry-After the host's queue waits; without, each picture for itself, jittered so that they do not return at once.
      if (error.retryAfterMs === undefined) await sleep(500 * 2 ** attempt * (0.5 + Math.random()));
    }
  }
  return undefined;
}

/** Gathers outcomes and writes them every half second in one transaction, pictures before rows. */
class Writer {
  readonly #db: Database;
  readonly #spool: Spool;
  readonly #timer: NodeJS.Timeout;
  #waiting: Outcome[] = [];

  constructor(db: Database, spool: Spool) {
    this.#db = db;
    this.#spool = spool;
    this.#timer = setInterval(() => this.#flush(), WRITE_EVERY_MS);
  }

  add(outcome: Outcome): void {
    this.#waiting.push(outcome);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#flush();
  }

  #flush(): void {
    const outcomes = this.#waiting;
    this.#waiting = [];
    if (outcomes.length === 0) return;
    const ok = this.#db.prepare(
      `UPDATE pair SET file = @file, offset = @offset, bytes = @bytes, width = @width, height = @height, original_width = @originalWidth,
         original_height = @originalHeight, format = @format, sha256 = @sha256, status = @status, attempts = attempts + @attempts,
         retrieved = @retrieved WHERE id = @id`,
    );
    const failed = this.#db.prepare(
      `UPDATE pair SET state = 'dropped', reason = @reason, detail = @detail, status = @status, attempts = attempts + @attempts,
         chosen_for = NULL WHERE id = @id`,
    );
    const retrieved = new Date().toISOString();
    const rows = outcomes.map(({ picture, ...rest }) => {
      if (!picture) return { ...rest, detail: rest.detail ?? null };
      const { jpeg, ...figures } = picture;
      return { ...rest, ...figures, ...this.#spool.append(jpeg), retrieved };
    });
    this.#spool.sync();
    this.#db.transaction(() => {
      for (const row of rows) (row.reason === undefined ? ok : failed).run(row);
    })();
  }
}

/** Of pairs whose pictures are the same bytes, the one with the smallest id stays. */
function dropDuplicates(db: Database): void {
  db.exec(`
    UPDATE pair SET state = 'dropped', reason = 'duplicate_image', chosen_for = NULL, file = NULL, shard = NULL, key = NULL
    WHERE id IN (
      SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY sha256 ORDER BY id) AS place FROM pair
        WHERE sha256 IS NOT NULL AND state IN ('chosen', 'kept')
      ) WHERE place > 1
    );`);
}
