import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { englishWords } from "../filters/caption/vocabulary.ts";
import type { MatcherTable } from "../filters/matcher-table.ts";
import type { Candidate } from "../store/types.ts";
import { type CaptionJudges, type Judged, type JudgeSettings, judgeCandidate, loadJudges } from "./judges.ts";

/** So many candidates are judged in this thread before others are started: they need a third of a second to load their rules. */
const ALONE = 20_000;
/** One thread reads and writes, 20 µs a row, while two judge at 12: a third would wait, and take 50 MB. */
const THREADS = Math.min(2, availableParallelism() - 1);

/** A thread's heap holds some 20 MB; left to itself it grows to ten times that before garbage is collected. */
const HEAP = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 12 };

/** What a thread is given; see judge-worker.ts. */
export interface WorkerInput {
  buffer: ArrayBufferLike;
  /** See filters/caption/vocabulary.ts. */
  words: SharedArrayBuffer;
  settings: JudgeSettings;
}

type Asked = Pick<Candidate, "imageUrl" | "caption" | "optOut">;

/** Judges candidates, in threads of their own once there are many; the answers do not depend on where they were made. */
export class JudgePool {
  readonly #table: () => MatcherTable;
  readonly #settings: JudgeSettings;
  readonly #threads: number;
  readonly #workers: Worker[] = [];
  readonly #waiting = new Map<number, { resolve: (judged: Judged[]) => void; reject: (error: unknown) => void }>();
  #loaded: Promise<CaptionJudges> | undefined;
  #judged = 0;
  #asked = 0;

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
    if (this.#workers.length === 0) {
      const judges = await this.judges();
      if (this.#judged <= ALONE || this.#threads === 0)
        return candidates.map((candidate) => judgeCandidate(judges, candidate));
      const words = await englishWords();
      collectGarbage();
      while (this.#workers.length < this.#threads) this.#start(judges, words.buffer);
      // They are not asked again, unless by a search.
      this.#loaded = undefined;
    }
    const number = this.#asked++;
    const asked: Asked[] = candidates.map(({ imageUrl, caption, optOut }) =>
      optOut ? { imageUrl, caption, optOut } : { imageUrl, caption },
    );
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#workers[number % this.#threads]?.postMessage({ number, asked });
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #start({ matcher }: CaptionJudges, words: SharedArrayBuffer): void {
    const workerData: WorkerInput = { buffer: matcher.table.buffer, words, settings: this.#settings };
    // The published package holds .js files.
    const file = new URL(`./judge-worker${import.meta.url.slice(-3)}`, import.meta.url);
    const worker = new Worker(file, { workerData, resourceLimits: HEAP });
    worker.on("message", ({ number, judged }: { number: number; judged: Judged[] }) => {
      this.#waiting.get(number)?.resolve(judged);
      this.#waiting.delete(number);
    });
    worker.on("error", (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    this.#workers.push(worker);
  }
}

/** What loading left behind, some 100 MB, would else be held beside what the threads load. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}
