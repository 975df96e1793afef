/** A stage's ranks that are to be run. */
export interface Work {
  stage: string;
  /** How many ranks the stage has. */
  tasks: number;
  /** Those to run. */
  ranks: readonly number[];
  /** Told how many of them are done, and of how many items. */
  progress: (done: number, note: string) => void;
  stop: AbortSignal;
}

/** What runs ranks as processes somewhere. */
export interface Executor {
  /**
   * Returns when all of them have ended, well or not: only their markers tell.
   * @throws Error when the engine cannot be used.
   */
  run(work: Work): Promise<void>;
  close(): Promise<void>;
}
