// Threads load what this process keeps compiled, in a third of the time.
import "../store/compile-cache.ts";
import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { englishWords } from "../filters/caption/vocabulary.ts";
import type { MatcherTable } from "../filters/matcher-table.ts";
import type { Candidate } from "../store/types.ts";
import { type JudgedMessage, packAsked, unpackJudged } from "./judge-messages.ts";
import { type CaptionJudges, type Judged, type JudgeSettings, judgeCandidate, loadJudges } from "./judges.ts";

/** So many candidates are judged in this thread before others are started: they need a quarter of a second to load. */
const ALONE = 5_000;
/** One thread reads and writes while two judge: a third would wait, and take 50 MB. */
const THREADS = Math.min(2, availableParallelism() - 1);
/** Candidates that are sent to a thread before it answers: it must have enough to do while this one writes. */
const SENT = 15_000;

/** A thread's heap holds some 20 MB; left to itself it grows to ten times that before garbage is collected. */
const HEAP = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 12 };

/** What a thread is given; see judge-worker.ts. */
export interface WorkerInput {
  buffer: ArrayBufferLike;
  /** See filters/caption/vocabulary.ts. */
  words: SharedArrayBuffer;
  settings: JudgeSettings;
}

/** A call of {@link JudgePool.judge}. */
interface Task {
  candidates: readonly Candidate[];
  resolve: (judged: Judged[]) => void;
  reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  /** What it has not answered yet, in order, and how many candidates these are. */
  sent: Task[];
  candidates: number;
}

/** Judges candidates, in threads of their own once there are many; the answers do not depend on where they were made. */
export class JudgePool {
  readonly #table: () => MatcherTable;
  readonly #settings: JudgeSettings;
  readonly #threads: number;
  readonly #running: Thread[] = [];
  /** What no thread was sent yet. */
  readonly #waiting: Task[] = [];
  #started: Promise<void> | undefined;
  #loaded: Promise<CaptionJudges> | undefined;
  #judged = 0;

  /**
   * @param table called when the first candidate is judged: a run without any loads nothing.
   * @param threads at most so many.
   */
  constructor(table: () => MatcherTable, settings: JudgeSettings, threads = THREADS) {
    this.#table = table;
    this.#settings = settings;
    this.#threads = threads;
  }

  /** The rules and the matcher of this thread. */
  judges(): Promise<CaptionJudges> {
    this.#loaded ??= loadJudges(this.#table(), this.#settings);
    return this.#loaded;
  }

  /**
   * Judges in the order asked; several calls may be under way.
   * @throws Error of the thread, when it fails.
   */
  async judge(candidates: readonly Candidate[]): Promise<Judged[]> {
    if (candidates.length === 0) return [];
    this.#judged += candidates.length;
    if (this.#judged <= ALONE || this.#threads === 0) return this.#judgeHere(candidates);
    this.#started ??= this.#start();
    await this.#started;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ candidates, resolve, reject });
      this.#send();
    });
  }

  /** Waits for an answer of {@link judge}; meanwhile this thread judges what no other was sent yet. */
  async wait(judged: Promise<Judged[]>): Promise<Judged[]> {
    let isThere = false;
    const end = () => {
      isThere = true;
    };
    judged.then(end, end);
    for (;;) {
      // Answers come in when the event loop turns.
      await setImmediate();
      const task = isThere ? undefined : this.#waiting.shift();
      if (!task) return judged;
      task.resolve(await this.#judgeHere(task.candidates));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.splice(0).map(({ worker }) => worker.terminate()));
  }

  async #judgeHere(candidates: readonly Candidate[]): Promise<Judged[]> {
    const judges = await this.judges();
    return candidates.map((candidate) => judgeCandidate(judges, candidate));
  }

  async #start(): Promise<void> {
    const { matcher } = await this.judges();
    const { buffer: words } = await englishWords();
    collectGarbage();
    const workerData: WorkerInput = { buffer: matcher.table.buffer, words, settings: this.#settings };
    // The published package holds .js files.
    const file = new URL(`./judge-worker${import.meta.url.slice(-3)}`, import.meta.url);
    for (let i = 0; i < this.#threads; i++) {
      const thread: Thread = {
        worker: new Worker(file, { workerData, resourceLimits: HEAP }),
        sent: [],
        candidates: 0,
      };
      thread.worker.on("message", (judged: JudgedMessage) => {
        const task = thread.sent.shift();
        thread.candidates -= task?.candidates.length ?? 0;
        task?.resolve(unpackJudged(judged));
        this.#send();
      });
      thread.worker.on("error", (error) => {
        for (const { reject } of [...this.#running.flatMap(({ sent }) => sent.splice(0)), ...this.#waiting.splice(0)])
          reject(error);
      });
      this.#running.push(thread);
    }
  }

  /** Sends threads what they have room for. */
  #send(): void {
    for (;;) {
      const [thread] = this.#running.toSorted((a, b) => a.candidates - b.candidates);
      const task = thread && thread.candidates < SENT ? this.#waiting.shift() : undefined;
      if (!thread || !task) return;
      thread.sent.push(task);
      thread.candidates += task.candidates.length;
      thread.worker.postMessage(packAsked(task.candidates));
    }
  }
}

/** What loading left behind, some 100 MB, would else be held beside what the threads load. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}
