import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Executor, Work } from "./executor.ts";
import { jobName, type SlurmOptions, slurmScript } from "./slurm-script.ts";

/** Between two looks at a running array: little at first, for stages of seconds, then this much. */
const MAX_WAIT_MS = 15_000;

/** Job arrays of Slurm, one a stage. */
export class SlurmExecutor implements Executor {
  readonly #options: SlurmOptions;
  readonly #done: (stage: string) => Promise<Set<number>>;
  readonly #say: (text: string) => void;

  /** @param done the ranks of a stage that have a marker. */
  constructor(options: SlurmOptions, done: (stage: string) => Promise<Set<number>>, say: (text: string) => void) {
    this.#options = options;
    this.#done = done;
    this.#say = say;
  }

  /** Waits for an array that an earlier run has submitted, else submits one; until all have a marker or it is gone. */
  async run({ stage, tasks, ranks, progress, stop }: Work): Promise<void> {
    const name = jobName(this.#options.id, stage);
    const before = queuedJobs(this.#options.id).find((job) => job.name === name)?.id;
    const job = before ?? submit(slurmScript(this.#options, [{ stage, tasks, ranks }], false))[0] ?? "";
    this.#say(`${stage}: job ${job}${before === undefined ? "" : ", submitted before"}`);
    for (let wait = 500; !stop.aborted; wait = Math.min(wait * 1.5, MAX_WAIT_MS)) {
      await sleep(wait, undefined, { signal: stop }).catch(() => {});
      // In this order: what ends between the two looks has its marker by the second.
      const gone = !isQueued(job);
      const done = await this.#done(stage);
      const n = ranks.filter((rank) => done.has(rank)).length;
      progress(n, `job ${job}`);
      if (gone || n === ranks.length) return;
    }
  }

  /** Jobs go on without us. */
  async close(): Promise<void> {}
}

/**
 * Runs a script that submits.
 * @returns the job ids.
 * @throws Error with what Slurm said.
 */
export function submit(script: string): string[] {
  const { status, stdout, stderr, error } = spawnSync("bash", ["-s"], { input: script, encoding: "utf8" });
  if (status !== 0 || error) throw new Error(`Slurm took no jobs: ${(stderr || String(error)).trim()}`);
  // On a cluster of clusters `sbatch --parsable` says ID;CLUSTER.
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.split(";")[0] ?? "");
}

/** The user's jobs of a build that Slurm has not finished with. */
export function queuedJobs(id: string): { id: string; name: string }[] {
  const { status, stdout, stderr, error } = spawnSync("squeue", ["--noheader", "--me", "--format=%F %j"], {
    encoding: "utf8",
  });
  if (error)
    throw new Error(
      `squeue cannot be started (${error.message}): run this on a login node of the cluster; --print writes the script anywhere`,
    );
  if (status !== 0) throw new Error(`Slurm cannot be asked (squeue): ${stderr.trim()}`);
  // Each part of an array that runs has a line of its own.
  const lines = [...new Set(stdout.split("\n").map((line) => line.trim()))];
  const jobs = lines.map((line) => line.split(" ")).map(([id = "", name = ""]) => ({ id, name }));
  return jobs.filter((job) => job.name.startsWith(jobName(id, "")));
}

/** Whether a job or a part of its array is still to come or running; a controller that does not answer may be back soon. */
function isQueued(job: string): boolean {
  const { status, stdout, stderr } = spawnSync("squeue", ["--noheader", `--jobs=${job}`, "--format=%T"], {
    encoding: "utf8",
  });
  if (status !== 0) return !/Invalid job id/i.test(stderr);
  return stdout.trim() !== "";
}
