import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Answer, Order } from "../../crawler/ranks/worker.ts";
import type { Executor, Work } from "./executor.ts";

/** Processes on this machine, which stay for all stages and get one rank after the other. */
export class LocalExecutor implements Executor {
  readonly #program: string;
  readonly #args: string[];
  readonly #size: number;
  readonly #say: (text: string) => void;
  #idle: ChildProcess[] = [];
  readonly #all = new Set<ChildProcess>();

  /**
   * @param command the program and its arguments that make it a worker.
   * @param workers processes at a time.
   */
  constructor([program = "", ...args]: readonly string[], workers: number, say: (text: string) => void) {
    this.#program = program;
    this.#args = args;
    this.#size = workers;
    this.#say = say;
  }

  async run({ stage, ranks, progress, stop }: Work): Promise<void> {
    const waiting = [...ranks];
    const items = new Map<number, number>();
    let done = 0;
    const tell = () => {
      let sum = 0;
      for (const n of items.values()) sum += n;
      progress(done, `${sum.toLocaleString("en")} items`);
    };
    const lane = async () => {
      for (let rank = waiting.shift(); rank !== undefined && !stop.aborted; rank = waiting.shift()) {
        const order = { stage, rank };
        const ended = await this.#runOne(order, (now) => {
          items.set(order.rank, now);
          tell();
        });
        if (ended) done++;
        tell();
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#size, ranks.length) }, lane));
  }

  /** Whether the rank is done. */
  async #runOne(order: Order, progress: (items: number) => void): Promise<boolean> {
    const worker = this.#idle.pop() ?? this.#start();
    return new Promise((resolve) => {
      const end = (done: boolean) => {
        worker.off("message", heard);
        worker.off("exit", gone);
        resolve(done);
      };
      const heard = (answer: Answer) => {
        if ("items" in answer) progress(answer.items);
        if (!("done" in answer || "failed" in answer || "stopped" in answer)) return;
        if ("failed" in answer) this.#say(`${order.stage}, rank ${order.rank}: ${answer.failed}`);
        this.#idle.push(worker);
        end("done" in answer);
      };
      const gone = (code: number | null, signal: string | null) => {
        this.#say(`${order.stage}, rank ${order.rank}: its process ended (${signal ?? `code ${code}`})`);
        end(false);
      };
      worker.on("message", heard);
      worker.once("exit", gone);
      // One that is just dying says so by its end.
      worker.send(order, () => {});
    });
  }

  #start(): ChildProcess {
    const worker = fork(this.#program, this.#args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#all.add(worker);
    worker.once("exit", () => {
      this.#all.delete(worker);
      this.#idle = this.#idle.filter((other) => other !== worker);
    });
    return worker;
  }

  /** Ends the workers; one that is at a rank stops at a good moment first. */
  async close(): Promise<void> {
    const ends = [...this.#all].map((worker) => once(worker, "exit"));
    for (const worker of this.#all) if (worker.connected) worker.disconnect();
    await Promise.all(ends);
  }
}
