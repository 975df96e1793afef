import { stripVTControlCharacters } from "node:util";

/** Lines that are kept: enough to see what a rank did last, and why it ended. */
const LINES = 200;

/** The last lines that this process writes to its standard output and error, beside writing them there. */
export class RankLog {
  #lines: string[] = [];
  #rest = "";
  /** Whether something was written since `text` was last asked for. */
  changed = false;
  readonly #restore: (() => void)[] = [];

  /** Begins to listen; `close` ends it. */
  constructor() {
    for (const stream of [process.stdout, process.stderr]) {
      const { write } = stream;
      stream.write = ((chunk: string | Uint8Array, ...more: []) => {
        this.add(String(chunk));
        return write.call(stream, chunk, ...more);
      }) as typeof stream.write;
      this.#restore.push(() => {
        stream.write = write;
      });
    }
  }

  /** Adds to the log alone. */
  add(text: string): void {
    this.changed = true;
    // A line that is drawn again and again on a terminal counts once.
    const lines = (this.#rest + stripVTControlCharacters(text))
      .split("\n")
      .map((line) => line.replace(/^.*\r(?=.)/, ""));
    this.#rest = lines.pop() ?? "";
    this.#lines.push(...lines.filter((line) => line !== ""));
    this.#lines = this.#lines.slice(-LINES);
  }

  /** What was written last. */
  text(): string {
    this.changed = false;
    return [...this.#lines, ...(this.#rest === "" ? [] : [this.#rest])].map((line) => `${line}\n`).join("");
  }

  close(): void {
    for (const restore of this.#restore) restore();
  }
}
