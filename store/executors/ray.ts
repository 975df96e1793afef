import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Executor, Work } from "./executor.ts";
import { commandLine } from "./shell.ts";

const DRIVER = fileURLToPath(new URL("ray_driver.py", import.meta.url));

/** How a build is given to Ray. */
export interface RayOptions {
  /** What does ranks, up to `--stage`; every node has it under this path. */
  rank: readonly string[];
  workers?: number | undefined;
  ranksPerTask?: number | undefined;
}

/** What the driver says: how a command ended, and that all have. */
type Answer = { error: string | null } | { end: true };

/** Tasks of Ray, submitted by a driver in Python that stays for all stages. */
export class RayExecutor implements Executor {
  readonly #options: RayOptions;
  readonly #done: (stage: string) => Promise<Set<number>>;
  readonly #say: (text: string) => void;
  #driver: ChildProcess | undefined;
  /** The end of what the driver said. */
  #said = "";

  /** @param done the ranks of a stage that have a marker. */
  constructor(options: RayOptions, done: (stage: string) => Promise<Set<number>>, say: (text: string) => void) {
    this.#options = options;
    this.#done = done;
    this.#say = say;
  }

  async run({ stage, ranks, progress, stop }: Work): Promise<void> {
    const { rank, workers = null, ranksPerTask = 1 } = this.#options;
    const tasks = Math.ceil(ranks.length / ranksPerTask);
    const commands = Array.from({ length: tasks }, (_, i) => {
      const own = ranks.filter((_, at) => at % tasks === i);
      return [...rank, "--stage", stage, "--rank", own.join(",")];
    });
    const driver = this.#start();
    driver.stdin?.write(`${JSON.stringify({ commands, workers, cwd: process.cwd() })}\n`);
    await new Promise<void>((resolve, reject) => {
      let told = Promise.resolve();
      const lines = createInterface({ input: driver.stdout ?? process.stdin });
      const end = (settle: () => void) => {
        lines.close();
        driver.off("exit", gone);
        stop.removeEventListener("abort", stopped);
        settle();
      };
      const gone = (code: number | null, signal: string | null) =>
        end(() =>
          reject(
            new Error(
              `Ray's driver ended (${signal ?? `code ${code}`}): ${this.#said.trim()}\nIt needs a Python with Ray (pip install 'ray[default]'; WIT_RAY_PYTHON names one) and a running cluster`,
            ),
          ),
        );
      const stopped = () => end(resolve);
      driver.once("exit", gone);
      stop.addEventListener("abort", stopped);
      lines.on("line", (line) => {
        const answer = JSON.parse(line) as Answer;
        if ("end" in answer) return void told.then(() => end(resolve));
        if (answer.error !== null) this.#say(`${stage}: ${answer.error}`);
        told = told.then(async () => {
          const done = await this.#done(stage);
          progress(ranks.filter((one) => done.has(one)).length, "");
        });
        told.catch((error) => end(() => reject(error)));
      });
    });
  }

  #start(): ChildProcess {
    if (this.#driver) return this.#driver;
    const driver = spawn(rayPython(), ["-u", DRIVER], { stdio: ["pipe", "pipe", "pipe"] });
    driver.on("error", (error) => {
      this.#said += error.message;
      driver.emit("exit", 1, null);
    });
    driver.stdin.on("error", () => {});
    driver.stderr.on("data", (chunk) => {
      this.#said = (this.#said + chunk).slice(-2_000);
    });
    this.#driver = driver;
    return driver;
  }

  /** Ends the driver, and with it the tasks that still run. */
  async close(): Promise<void> {
    const driver = this.#driver;
    if (!driver || driver.exitCode !== null || driver.pid === undefined) return;
    const end = once(driver, "exit");
    driver.stdin?.end();
    driver.kill("SIGTERM");
    await end;
  }
}

/** The command that gives a program of ours to Ray as a job, which goes on without us. */
export function jobCommand(id: string, command: readonly string[], wait: boolean): string[] {
  // Ray refuses a submission id that it has seen, and a build may be submitted again.
  const submission = `wit-${id}-${Date.now().toString(36)}`;
  // A job runs in a folder of Ray's, with the environment of the head: sources may be named relative to this folder.
  const python = process.env["WIT_RAY_PYTHON"];
  const here = ["env", "-C", process.cwd(), ...(python === undefined ? [] : [`WIT_RAY_PYTHON=${python}`])];
  const options = [...(wait ? [] : ["--no-wait"]), "--submission-id", submission];
  return ["ray", "job", "submit", ...options, "--", ...here, ...command];
}

/**
 * Submits it.
 * @throws Error when Ray does not take it, or a job that was waited for failed.
 */
export function submitJob([program = "", ...args]: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (error) throw new Error(`ray cannot be started (${error.message}): pip install 'ray[default]'`);
  if (status !== 0) throw new Error(`${commandLine([program, ...args])} failed, see above`);
}

/** Whether the environment names a cluster by its dashboard: jobs can be submitted there, no driver can run here. */
export function isRemoteRay(): boolean {
  return /^https?:/.test(process.env["RAY_ADDRESS"] ?? "");
}

/** The Python that talks to Ray: it need not be the trainer's. */
export function rayPython(): string {
  return process.env["WIT_RAY_PYTHON"] ?? "python3";
}
