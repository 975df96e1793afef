import { Pace } from "./pace.ts";

const BAR_WIDTH = 24;
const TERMINAL_MS = 100;
const PLAIN_MS = 5_000;

/**
 * Progress of a stage on standard error: a line that is redrawn on a terminal, a plain line every five seconds
 * elsewhere, nothing when quiet. Standard output stays free for results.
 */
export class Progress {
  readonly #label: string;
  readonly #quiet: boolean;
  readonly #started = performance.now();
  readonly #pace = new Pace(this.#started);
  #last = this.#started;
  #latest: { done: number; total: number | undefined; note: string | (() => string) } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #text = "";

  constructor(label: string, quiet: boolean) {
    this.#label = label;
    this.#quiet = quiet;
  }

  /** Seconds since the stage began. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  /**
   * Shows how far the stage is, again and again also when nothing comes; with a total as a bar with the time left.
   * @param note a function is asked only when it is shown.
   */
  update(done: number, total: number | undefined, note: string | (() => string)): void {
    if (this.#quiet) return;
    this.#latest = { done, total, note };
    this.#timer ??= setInterval(() => this.#show(), PLAIN_MS).unref();
    this.#show();
  }

  #show(): void {
    const now = performance.now();
    const interval = process.stderr.isTTY ? TERMINAL_MS : PLAIN_MS;
    if (!this.#latest) return;
    const { done, total, note } = this.#latest;
    this.#pace.add(done, now);
    // A timer may fire a moment early.
    if (now - this.#last < interval - 50) return;
    this.#last = now;
    const rate = this.#pace.rate(done, now);
    const parts = [this.#label.padEnd(9)];
    if (total !== undefined && total > 0) {
      const share = Math.min(done / total, 1);
      const filled = Math.round(share * BAR_WIDTH);
      parts.push(
        `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)} ${done.toLocaleString("en")}/${total.toLocaleString("en")}`,
        `${rate.toFixed(rate < 1 ? 2 : rate < 10 ? 1 : 0)}/s`,
      );
      if (rate > 0) parts.push(`${Math.ceil(Math.max(total - done, 0) / rate)} s left`);
    } else {
      parts.push(done.toLocaleString("en"), `${rate.toFixed(0)}/s`);
    }
    const text = typeof note === "string" ? note : note();
    if (text) parts.push(text);
    this.#write(parts.join("  "), false);
  }

  /** Ends the stage's line with what it did. */
  done(text: string): void {
    clearInterval(this.#timer);
    if (!this.#quiet) this.#write(`${this.#label.padEnd(9)}  ${text} in ${this.seconds.toFixed(1)} s`, true);
  }

  #write(text: string, last: boolean): void {
    if (!process.stderr.isTTY) {
      process.stderr.write(`${text}\n`);
      return;
    }
    const line = text.slice(0, (process.stderr.columns || 80) - 1);
    process.stderr.write(`\r${line.padEnd(this.#text.length)}${last ? "\n" : ""}`);
    this.#text = last ? "" : line;
  }
}
