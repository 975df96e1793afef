/**
 * When to end early: the first SIGINT or SIGTERM lets what is in flight finish and be written, a second one ends the
 * process at once (nothing written is lost by that either).
 */
export class Stop {
  readonly #abort = new AbortController();
  /** 130 or 143 after a signal, as shells expect; 0 otherwise. */
  exitCode = 0;
  timeIsUp = false;

  /** @param seconds the time budget, if any. */
  constructor(seconds: number | undefined) {
    for (const [name, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      process.on(name, () => {
        if (this.#abort.signal.aborted) process.exit(code);
        this.exitCode = code;
        process.stderr.write("\nstopping: finishing what is in flight; run the same command again to go on\n");
        this.#abort.abort();
      });
    }
    if (seconds !== undefined) {
      setTimeout(() => {
        this.timeIsUp = true;
        this.#abort.abort();
      }, seconds * 1000).unref();
    }
  }

  /** Stops without a signal of the system: who wanted the work is gone. */
  abort(): void {
    this.#abort.abort();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }
}
