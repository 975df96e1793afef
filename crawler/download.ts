import { once } from "node:events";
import pLimit from "p-limit";
import { Decoders } from "../filters/image/decoders.ts";
import type { PictureOptions } from "../filters/image/picture.ts";
import type { Database } from "../store/database.ts";
import { refreshQueryCounts } from "../store/query-counts.ts";
import type { Spool } from "../store/spool.ts";
import { fetchPicture } from "./fetch-picture.ts";
import { BodyMemory } from "./memory.ts";
import type { Net } from "./net.ts";
import { OutcomeWriter } from "./outcomes.ts";

/** What the pictures must be and become, and when to stop. */
export interface DownloadOptions extends PictureOptions {
  /** Ends the stage early; what is in flight is finished and written. */
  stop: AbortSignal;
  /** Those of a process that downloads again and again; else they are started and ended here. */
  decoders?: Decoders | undefined;
}

/** How a round of downloads went. */
export interface DownloadCounts {
  ok: number;
  failed: number;
  bytes: number;
}

/** So many that hosts which wait (a Retry-After, a slow answer) hold nobody else up. */
const HOSTS_AT_ONCE = 4_096;
/** Rows of a host that are read at once: more than hosts have in flight. */
const ROWS = 64;

interface Row {
  id: string;
  image_url: string;
  origin: string | null;
  checksum: string | null;
}

/**
 * Downloads the pairs of the table `wanted` (see wanted.ts), host by host under the hosts' limits. A picture that fails drops
 * its pair with the reason; the next selection lets others move up.
 * @param progress called with the counts so far.
 * @throws Error when the disk or this machine's limits end it; what was written stays, and the next run goes on.
 */
export async function download(
  db: Database,
  net: Net,
  spool: Spool,
  options: DownloadOptions,
  progress: (counts: DownloadCounts) => void,
): Promise<DownloadCounts> {
  const counts: DownloadCounts = { ok: 0, failed: 0, bytes: 0 };
  const trouble = new AbortController();
  const writer = new OutcomeWriter(db, spool, (error) => trouble.abort(error));
  const stop = AbortSignal.any([options.stop, trouble.signal]);
  const memory = new BodyMemory();
  const decoders = options.decoders ?? new Decoders();

  const one = async (row: Row): Promise<void> => {
    const outcome = await fetchPicture(row, net, decoders, memory, { ...options, stop });
    if (outcome === undefined) return; // Stopped before it began.
    if (outcome.picture) {
      counts.ok++;
      counts.bytes += outcome.picture.image.length;
    } else {
      counts.failed++;
    }
    writer.add(outcome);
    progress(counts);
  };

  const next = db.prepare<[string, string], Row>(
    `SELECT p.id, p.image_url, p.origin, p.checksum FROM wanted w JOIN pair p ON p.id = w.id
     WHERE w.host = ? AND w.id > ? AND p.file IS NULL AND p.state <> 'dropped' ORDER BY w.id LIMIT ${ROWS}`,
  );
  const oneHost = async (host: string): Promise<void> => {
    let after = "";
    let window: ReturnType<typeof pLimit> | undefined;
    while (!stop.aborted) {
      const rows = next.all(host, after);
      const first = rows[0];
      if (!first) return;
      window ??= pLimit(await net.hosts.inFlight(new URL(first.image_url)));
      await Promise.all(rows.map((row) => window?.(() => one(row))));
      if (rows.length < ROWS) return;
      after = rows.at(-1)?.id ?? after;
    }
  };

  const hosts = wantedHosts(db);
  const hostAfterHost = async (): Promise<void> => {
    for (const host of hosts) {
      if (stop.aborted) return;
      await oneHost(host);
    }
  };
  const work = Promise.all(Array.from({ length: HOSTS_AT_ONCE }, hostAfterHost));
  work.catch((error) => trouble.abort(error));
  try {
    await Promise.race([work, once(trouble.signal, "abort")]);
    trouble.signal.throwIfAborted();
    writer.close();
    net.hosts.save(db);
  } finally {
    // In trouble nothing more is written: it would fail too, and hide why.
    writer.stop();
    if (!options.decoders) decoders.close();
  }
  refreshQueryCounts(db);
  return counts;
}

/** The hosts of the table `wanted`, read as they are asked for: there may be millions. Local pictures have the host "". */
function* wantedHosts(db: Database): Generator<string> {
  const some = (where: string) =>
    db
      .prepare<string[], string>(`SELECT DISTINCT host FROM wanted ${where} ORDER BY host LIMIT ${HOSTS_AT_ONCE}`)
      .pluck();
  const after = some("WHERE host > ?");
  let hosts = some("").all();
  for (let last = hosts.at(-1); last !== undefined; last = hosts.at(-1)) {
    yield* hosts;
    hosts = after.all(last);
  }
}
