import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import pLimit from "p-limit";
import type { DecoderAnswer, DecoderTask } from "./decoder.ts";
import { FrameReader, frameHead } from "./frame.ts";
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
/** Ends a decoder that waits for what never comes and uses no CPU; on a crowded machine the clock runs while others compute. */
const PATIENCE_MS = 120_000;
/** The decoder's end of the socket: the fourth of its descriptors. */
const CHANNEL = 3;
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

/** A decoder at the other end of a socket. */
interface Decoder {
  process: ChildProcess;
  channel: Socket;
}

const PROGRAM = fileURLToPath(new URL(`./decoder${extname(import.meta.filename)}`, import.meta.url));

/**
 * Decodes pictures in processes of their own: a decoder that aborts, or spins, ends one picture and not the crawl. They
 * start when first needed and end with {@link close} or with this process, however it ends.
 */
export class Decoders {
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #idle: Decoder[] = [];
  readonly #all = new Set<Decoder>();
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
    return [...this.#all].flatMap(({ process: { pid } }) => (pid === undefined ? [] : [pid]));
  }

  /**
   * Checks and decodes a picture, see picture.ts.
   * @throws ImageError with the drop reason; Error when no decoder can start.
   */
  make(bytes: Buffer, options: PictureOptions): Promise<Picture> {
    return this.#limit(async () => {
      for (let attempt = 1; ; attempt++) {
        if (this.#closed) throw new Error("the decoders are closed");
        const answer = await this.#ask(bytes, { options, cpuSeconds: this.#cpuSeconds });
        if (typeof answer === "object") this.#works = true;
        if (typeof answer === "object" && "image" in answer) return answer;
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
    for (const decoder of this.#all) decoder.process.kill("SIGKILL");
    this.#all.clear();
  }

  /** @returns the picture, why there is none, or how the decoder ended without an answer. */
  async #ask(bytes: Buffer, task: DecoderTask): Promise<Picture | Failed | string> {
    const decoder = this.#idle.pop() ?? (await this.#start());
    const { process: child, channel } = decoder;
    const frames = new FrameReader();
    return new Promise((resolve) => {
      const end = (result: Picture | Failed | string, reusable: boolean) => {
        clearTimeout(patience);
        child.removeAllListeners("exit").removeAllListeners("close");
        channel.removeAllListeners("data");
        if (reusable) {
          // The place may be taken again before this one's end is heard of.
          child.once("exit", () => this.#forget(decoder));
          this.#idle.push(decoder);
        } else {
          this.#forget(decoder);
          child.kill("SIGKILL");
          channel.destroy();
        }
        resolve(result);
      };
      const patience = setTimeout(
        () => end({ failure: { reason: "decoder_failed", message: "the decoder hung", optOut: [] } }, false),
        PATIENCE_MS,
      );
      child.removeAllListeners("exit");
      // Once its socket is read to the end: a last answer counts.
      child.once("close", (code, signal) => end(signal ?? `exit code ${code}`, false));
      channel.on("data", (chunk: Buffer) => {
        const frame = frames.add(chunk);
        if (!frame) return;
        const answer = frame.message as DecoderAnswer;
        if ("picture" in answer) end({ ...answer.picture, image: frame.bytes }, true);
        else end(answer, !answer.last);
      });
      channel.cork();
      channel.write(frameHead(task, bytes.length));
      channel.write(bytes);
      channel.uncork();
    });
  }

  /** @throws Error of the system when no process can be started. */
  async #start(): Promise<Decoder> {
    const child = spawn(process.execPath, ["--max-semi-space-size=1", "--max-old-space-size=128", PROGRAM], {
      env: { ...process.env, ...KEEP_MEMORY },
      // What C libraries print while they die would break our lines.
      stdio: ["ignore", "ignore", process.env["WIT_DEBUG"] ? "inherit" : "ignore", "pipe"],
    });
    await once(child, "spawn");
    const channel = child.stdio[CHANNEL] as Socket;
    // Of a process that was killed while it was written to; its exit is told as well.
    for (const source of [child, channel]) source.on("error", () => {});
    const decoder = { process: child, channel };
    this.#all.add(decoder);
    if (this.#closed) child.kill("SIGKILL");
    return decoder;
  }

  #forget(decoder: Decoder): void {
    this.#all.delete(decoder);
    const at = this.#idle.indexOf(decoder);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

type Failed = Extract<DecoderAnswer, { failure: unknown }>;
