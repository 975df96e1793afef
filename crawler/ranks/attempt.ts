import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { Objects } from "../../store/objects.ts";
import { Stopped } from "../fetch-error.ts";
import {
  beatName,
  failureName,
  logName,
  type Marker,
  markerName,
  newAttempt,
  outputName,
  readMarker,
} from "./names.ts";
import { RankLog } from "./rank-log.ts";
import type { StageContext, StageResult } from "./stage.ts";

/** How often a rank says that it is alive. */
export const BEAT_MS = 30_000;

/** What a rank that runs says of itself. */
export interface Beat {
  rank: number;
  attempt: string;
  host: string;
  pid: number;
  started: string;
  items: number;
  total?: number | undefined;
}

/** What a try that failed says. */
export interface Failure {
  rank: number;
  attempt: string;
  host: string;
  /** ISO 8601. */
  at: string;
  message: string;
}

/** One rank of one stage, and who computes it. */
export interface Task extends Omit<StageContext, "attempt" | "progress"> {
  stage: string;
  run: (stage: string, context: StageContext) => Promise<StageResult>;
  /** Told how far it is. */
  progress?: ((items: number, total?: number) => void) | undefined;
  beatMs?: number;
}

/**
 * Tries to do a rank: with a heartbeat and a log while it runs and, last of all, its marker. Nothing is done when it has
 * one. Two tries at once do no harm: the marker that is there first stays, the outputs of the other one are removed.
 * @throws what the rank threw, after saying so on the store; Stopped when it was stopped.
 */
export async function attempt(task: Task): Promise<Marker> {
  const { store, stage, rank, beatMs = BEAT_MS } = task;
  const before = await readMarker(store, stage, rank);
  if (before) return before;
  const beat: Beat = {
    rank,
    attempt: newAttempt(),
    host: hostname(),
    pid: process.pid,
    started: new Date().toISOString(),
    items: 0,
  };
  const log = new RankLog();
  const start = performance.now();
  const cpu = cpuSeconds();
  const heart = new Heart(store, stage, beat, log, beatMs);
  const progress = (items: number, total?: number) => {
    Object.assign(beat, { items, total });
    task.progress?.(items, total);
  };
  try {
    const done = await task.run(stage, { ...task, attempt: beat.attempt, progress });
    const marker: Marker = {
      rank,
      attempt: beat.attempt,
      host: beat.host,
      started: beat.started,
      seconds: (performance.now() - start) / 1000,
      cpuSeconds: cpuSeconds() - cpu,
      ...done,
    };
    await heart.stop();
    return await publish(store, stage, marker);
  } catch (error) {
    if (!(error instanceof Stopped)) await sayFailed(store, stage, beat, error, log);
    await heart.stop();
    throw error;
  } finally {
    log.close();
  }
}

async function publish(store: Objects, stage: string, marker: Marker): Promise<Marker> {
  const { rank, attempt, outputs } = marker;
  const bytes = Buffer.from(`${JSON.stringify(marker)}\n`);
  if (await store.putIfAbsent(markerName(stage, rank), bytes)) {
    await store.delete(failureName(stage, rank));
    return marker;
  }
  const own = outputName(stage, rank, attempt, "");
  for (const name of outputs) if (name.startsWith(own)) await store.delete(name);
  const first = await readMarker(store, stage, rank);
  if (!first)
    throw new Error(`${store.url(markerName(stage, rank))}: it was there, and is gone: was the build deleted?`);
  return first;
}

async function sayFailed(store: Objects, stage: string, beat: Beat, error: unknown, log: RankLog): Promise<void> {
  const { rank, attempt, host } = beat;
  const { message, stack = message } = error as Error;
  log.add(`\n${stack}\n`);
  const failure: Failure = { rank, attempt, host, at: new Date().toISOString(), message };
  // The error itself is what is to be told, not that it could not be written down.
  await store.put(failureName(stage, rank), Buffer.from(`${JSON.stringify(failure)}\n`)).catch(() => {});
}

/** Says every half minute that a rank is alive, and what it wrote last. */
class Heart {
  readonly #store: Objects;
  readonly #stage: string;
  readonly #beat: Beat;
  readonly #log: RankLog;
  readonly #timer: NodeJS.Timeout;
  #last: Promise<void>;

  constructor(store: Objects, stage: string, beat: Beat, log: RankLog, everyMs: number) {
    this.#store = store;
    this.#stage = stage;
    this.#beat = beat;
    this.#log = log;
    this.#last = this.#say();
    this.#timer = setInterval(() => {
      const { items, total } = beat;
      log.add(`${new Date().toISOString()}  ${items}${total === undefined ? "" : ` of ${total}`}\n`);
      this.#last = this.#last.then(() => this.#say());
    }, everyMs);
    this.#timer.unref();
  }

  /** Ends it; the log stays, if it says anything new. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#last;
    await Promise.all([this.#tell(), this.#store.delete(beatName(this.#stage, this.#beat.rank))]).catch(() => {});
  }

  /** A store that does not answer for a moment is no reason to give up the work. */
  async #say(): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(this.#beat)}\n`);
    await Promise.all([this.#store.put(beatName(this.#stage, this.#beat.rank), bytes), this.#tell()]).catch(() => {});
  }

  async #tell(): Promise<void> {
    if (!this.#log.changed) return;
    const { rank, attempt } = this.#beat;
    await this.#store.put(logName(this.#stage, rank, attempt), Buffer.from(this.#log.text()));
  }
}

/** Of this process and of those it started and saw ending. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6 + childrensSeconds();
}

/** Linux tells in hundredths (proc(5), cutime and cstime); elsewhere they do not count. */
function childrensSeconds(): number {
  try {
    const fields = readFileSync("/proc/self/stat", "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (Number(fields[13]) + Number(fields[14])) / 100;
  } catch {
    return 0;
  }
}
