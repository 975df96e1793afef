import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { UsageError } from "../../store/usage-error.ts";

/** Which of an array's jobs this is: ranks `index`, `index + stride`, ... are its share. */
export interface Share {
  index: number;
  stride: number;
}

/** Variables in which array engines say so: the index, and the number of jobs where there is one. */
const ARRAYS = [
  ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"],
  ["JOB_COMPLETION_INDEX", undefined],
  ["AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"],
] as const;

/**
 * What an array engine (Slurm, Kubernetes, AWS Batch) says in the environment.
 * @param stride the number of jobs, where the caller knows better: an array may have been submitted in part.
 * @throws UsageError when it says an index that is no such, or no number of jobs is known.
 */
export function shareOf(env: NodeJS.ProcessEnv, stride: number | undefined): Share | undefined {
  for (const [name, count] of ARRAYS) {
    const text = env[name];
    if (text === undefined) continue;
    const index = Number(text);
    const jobs = stride ?? Number(count === undefined ? Number.NaN : env[count]);
    if (!Number.isSafeInteger(index) || index < 0) throw new UsageError(`${name}=${text}: expected a whole number`);
    if (!Number.isSafeInteger(jobs) || jobs < 1)
      throw new UsageError(`${name} is set, but not the number of jobs: give it with --stride`);
    if (index >= jobs)
      throw new UsageError(`${name}=${text}: with ${jobs} jobs it must be less (do arrays begin at 0?)`);
    return { index, stride: jobs };
  }
  return undefined;
}

/** Eight letters that stand for a build: the same on every machine that names its place alike. */
export function buildId(data: string): string {
  const place = /^\w+:\/\//.test(data) ? data.replace(/\/+$/, "") : resolve(data);
  return createHash("sha256").update(place).digest("hex").slice(0, 8);
}

/** Where a machine keeps what it works on, unless told: the folder that Slurm makes for the job, or the system's. */
export function defaultScratch(data: string): string {
  return join(process.env["SLURM_TMPDIR"] ?? tmpdir(), `webimagetext-${buildId(data)}`);
}
