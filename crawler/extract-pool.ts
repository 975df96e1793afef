import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Extracted } from "./extract.ts";
import type { Sitemap } from "./sitemap.ts";

/** A document to read. */
export interface Job {
  body: Uint8Array;
  /** Its address after redirects. */
  url: string;
  /** The Content-Type header, or "". */
  type: string;
  agent: string;
}

/** What a document turned out to be; neither for what is no page and no sitemap, `error` for one that could not be read. */
export interface Reading {
  page?: Extracted;
  sitemap?: Sitemap;
  error?: string;
}

/** A document may keep a thread's processor busy for so long. Real pages take a hundredth of that. */
const CPU_MS = 2_000;
/** Ends a thread that hangs; on a crowded machine the clock runs while others compute. */
const WALL_MS = 60_000;
const MEMORY_MB = 512;
const WORKER = new URL(`./extract-worker${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`, import.meta.url);

interface Waiting {
  job: Job;
  done: (reading: Reading) => void;
}

/**
 * Reads pages and sitemaps in threads, so that no document can hold up the requests of others: one that takes too much
 * time or memory costs its thread, which is replaced.
 */
export class ExtractPool {
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #waiting: Waiting[] = [];
  readonly #size: number;
  #closed = false;

  /** @param size threads; they are started when needed. */
  constructor(size = Math.min(4, Math.max(1, availableParallelism() - 1))) {
    this.#size = size;
  }

  /** Reads one document. Never fails: what is wrong with it is in the reading. */
  read(job: Job): Promise<Reading> {
    return new Promise((done) => {
      this.#waiting.push({ job, done });
      this.#next();
    });
  }

  /** Ends all threads; documents not read yet get an error. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { done } of this.#waiting.splice(0)) done({ error: "closed" });
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#closed) return;
    const worker = this.#idle.pop() ?? (this.#all.size < this.#size ? this.#start() : undefined);
    const next = worker && this.#waiting.shift();
    if (next) void this.#run(worker, next);
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB } });
    worker.unref();
    worker.setMaxListeners(0);
    this.#all.add(worker);
    return worker;
  }

  async #run(worker: Worker, { job, done }: Waiting): Promise<void> {
    worker.ref();
    const reading = await readIn(worker, job);
    // The end of a thread is waited for: let go, it would keep nothing running, and the process would end within that wait.
    if (!this.#closed) worker.unref();
    if (reading) {
      this.#idle.push(worker);
    } else {
      this.#all.delete(worker);
      await worker.terminate();
    }
    done(reading ?? { error: `not read in ${CPU_MS} ms and ${MEMORY_MB} MB` });
    this.#next();
  }
}

/** Undefined when the thread died or ran out of time. */
async function readIn(worker: Worker, job: Job): Promise<Reading | undefined> {
  const { promise, resolve } = Promise.withResolvers<Reading | undefined>();
  const gone = () => resolve(undefined);
  worker.once("message", resolve).once("error", gone).once("exit", gone);
  // A copy of its own, so that it can be handed over: buffers of small answers share theirs with others.
  const body = new Uint8Array(job.body);
  worker.postMessage({ ...job, body }, [body.buffer]);
  const unwatch = watchCpu(worker, gone);
  const reading = await promise;
  unwatch();
  worker.off("message", resolve).off("error", gone).off("exit", gone);
  return reading;
}

/** Calls `over` when the thread has used its time; returns how to end that. */
function watchCpu(worker: Worker, over: () => void): () => void {
  const started = performance.now();
  const used = async () => {
    const { user, system } = await worker.cpuUsage();
    return (user + system) / 1000;
  };
  const before = used().catch(() => 0); // It is only starting.
  let ended = false;
  let timer = setTimeout(look, CPU_MS);
  async function look(): Promise<void> {
    const cpu = (await used().catch(() => Number.POSITIVE_INFINITY)) - (await before);
    if (ended) return;
    if (cpu >= CPU_MS || performance.now() - started > WALL_MS) over();
    else timer = setTimeout(look, 200);
  }
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
