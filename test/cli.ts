import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** How a run of the program ended. */
export interface Ended {
  /** Null when a signal ended it. */
  code: number | null;
  out: string;
  error: string;
}

/** Runs the real program in a process of its own. */
export function run(
  args: readonly string[],
  options: {
    /** Milliseconds after which it is killed with SIGKILL. */
    killAfter?: number;
    /** Shell commands before it, e.g. `ulimit -n 40`. */
    first?: string;
    env?: NodeJS.ProcessEnv;
    /** What it reads from its standard input; nothing when missing. */
    input?: string;
    /** Given the process as soon as it runs. */
    started?: (pid: number) => void;
  } = {},
): Promise<Ended> {
  const command = [process.execPath, "cli.ts", ...args];
  const [program = "", ...rest] =
    options.first === undefined ? command : ["bash", "-c", `${options.first}; exec "$@"`, "bash", ...command];
  return new Promise((resolve) => {
    const child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"], env: options.env ?? process.env });
    child.stdin.end(options.input);
    if (child.pid !== undefined) options.started?.(child.pid);
    const ended: Ended = { code: null, out: "", error: "" };
    child.stdout.on("data", (chunk) => {
      ended.out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      ended.error += chunk;
    });
    const timer =
      options.killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), options.killAfter);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ ...ended, code });
    });
  });
}

/** Gives a workspace a list of a few words, with which the program starts in a tenth of the time. */
export function useShortList(data: string, words: readonly string[]): void {
  mkdirSync(data, { recursive: true });
  const rows = [...words].sort().map((word) => `${word}\tunigram\t1000\t3\n`);
  writeFileSync(join(data, "queries.tsv"), `term\tsource\tcount\tscore\n${rows.join("")}`);
}
