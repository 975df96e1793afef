import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import pLimit from "p-limit";
import type { DecoderAnswer, DecoderTask } from "./decoder.ts";
import { ImageError } from "./image-error.ts";
import type { Picture, PictureOptions } from "./picture.ts";

/** How many decoders, and what a picture may cost. */
export interface DecodersOptions {
  /** Processes; each holds some 80 MB and decodes about 200 web pictures a second. */
  size?: number;
  /** CPU seconds a picture. */
  cpuSeconds?: number;
}

/** One crawl's fetching is used up before so many decoders are. */
const MOST = 8;
const CPU_SECONDS = 10;
/** A decoder that waits for what never comes uses no CPU: this many times the CPU limit in real time ends it. */
const PATIENCE = 12;
/** Twice the same picture in a decoder that died: then it was the picture, not someone who freed memory. */
const TRIES = 2;

/**
 * glibc gives big blocks back to the system and takes them again for each picture; told to keep them, a decoder needs
 * up to 15 % less CPU. Other C libraries do not know these names.
 */
export const KEEP_MEMORY = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "16777216",
  MALLOC_TRIM_THRESHOLD_: "33554432",
};

const PROGRAM = fileURLToPath(new URL(`./decoder${extname(import.meta.filename)}`, import.meta.url));

/**
 * Decodes pictures in processes of their own: a decoder that aborts, or spins, ends one picture and not the crawl. They
 * start when first needed and end with {@link close} or with this process, however it ends.
 */
export class Decoders {
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #idle: ChildProcess[] = [];
  readonly #all = new Set<ChildProcess>();
  readonly #cpuSeconds: number;
  #closed = false;
  /** Whether a decoder ever answered: until then its end may have nothing to do with the picture. */
  #works = false;

  constructor({ size = Math.min(MOST, availableParallelism()), cpuSeconds = CPU_SECONDS }: DecodersOptions = {}) {
    this.#limit = pLimit(size);
    this.#cpuSeconds = cpuSeconds;
  }

  /** Process ids of the running decoders. */
  get pids(): number[] {
    return [...this.#all].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /**
   * Checks and decodes a picture, see picture.ts.
   * @throws ImageError with the drop reason; Error when no decoder can start.
   */
  make(bytes: Buffer, options: PictureOptions): Promise<Picture> {
    return this.#limit(async () => {
      for (let attempt = 1; ; attempt++) {
        if (this.#closed) throw new Error("the decoders are closed");
        const answer = await this.#ask({ bytes, options, cpuSeconds: this.#cpuSeconds });
        if (typeof answer === "object") this.#works = true;
        if (typeof answer === "object" && "picture" in answer) return answer.picture;
        if (typeof answer === "object") {
          const error = new ImageError(answer.failure.reason, answer.failure.message);
          error.optOut = answer.failure.optOut;
          throw error;
        }
        if (attempt >= TRIES && !this.#works && answer.startsWith("exit code"))
          throw new Error(
            `the processes that decode pictures cannot start (${answer}): run \`npm ci\`, then the same command again; WIT_DEBUG=1 shows why`,
          );
        if (attempt >= TRIES) throw new ImageError("decoder_failed", `the decoder ended twice: ${answer}`);
      }
    });
  }

  /** Ends the decoders; pictures in work are given up. */
  close(): void {
    this.#closed = true;
    for (const child of this.#all) child.kill("SIGKILL");
    this.#all.clear();
  }

  /** @returns the answer, or how the decoder ended without one. */
  async #ask(task: DecoderTask): Promise<DecoderAnswer | string> {
    const child = this.#idle.pop() ?? (await this.#start());
    return new Promise((resolve) => {
      const end = (result: DecoderAnswer | string, reusable: boolean) => {
        clearTimeout(patience);
        child.removeAllListeners("message").removeAllListeners("exit");
        if (reusable) {
          // The place may be taken again before this one's end is heard of.
          child.once("exit", () => this.#forget(child));
          this.#idle.push(child);
        } else {
          this.#forget(child);
          child.kill("SIGKILL");
        }
        resolve(result);
      };
      const patience = setTimeout(
        () => end({ failure: { reason: "decoder_failed", message: "the decoder hung", optOut: [] } }, false),
        task.cpuSeconds * PATIENCE * 1000,
      );
      child.removeAllListeners("exit");
      child.once("message", (answer: DecoderAnswer) => end(answer, !("last" in answer)));
      child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`, false));
      // An error of sending is one of a process that just ended: its exit is told as well.
      child.send(task, () => {});
    });
  }

  /** @throws Error of the system when no process can be started. */
  async #start(): Promise<ChildProcess> {
    const child = fork(PROGRAM, [], {
      serialization: "advanced",
      execArgv: ["--max-semi-space-size=1", "--max-old-space-size=128"],
      env: { ...process.env, ...KEEP_MEMORY },
      // What C libraries print while they die would break our lines.
      stdio: ["ignore", "ignore", process.env["WIT_DEBUG"] ? "inherit" : "ignore", "ipc"],
    });
    await once(child, "spawn");
    // Of a process that was killed while it was written to; its exit is told as well.
    child.on("error", () => {});
    this.#all.add(child);
    if (this.#closed) child.kill("SIGKILL");
    return child;
  }

  #forget(child: ChildProcess): void {
    this.#all.delete(child);
    const at = this.#idle.indexOf(child);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}
