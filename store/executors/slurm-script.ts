import { commandLine, quoted } from "./shell.ts";

/** MaxArraySize is 1001 unless a cluster says otherwise, and the greatest index is less. */
const MAX_JOBS = 1_000;

/** How a build is given to Slurm. */
export interface SlurmOptions {
  /** Eight letters that jobs of the same build have in their names. */
  id: string;
  /** What does ranks, up to `--stage`; on a file system that all nodes see. */
  rank: readonly string[];
  /** What submits the stages that depend on how the ones before came out. */
  goOn: readonly string[];
  /** Where jobs write what they say, seen by all nodes. */
  logs: string;
  /** Most jobs of an array at a time. */
  workers?: number | undefined;
  ranksPerJob?: number | undefined;
  /** More options for sbatch, in a shell's words. */
  args?: string | undefined;
}

/** A stage with its number of tasks; with `ranks`, only those. */
interface SlurmStage {
  stage: string;
  tasks: number;
  ranks?: readonly number[];
}

/** The name of the jobs of a stage. */
export function jobName(id: string, stage: string): string {
  return `wit-${id}-${stage}`;
}

/** A bash script that submits one array a stage, each after the one before, and prints their job ids, one a line. */
export function slurmScript(options: SlurmOptions, stages: readonly SlurmStage[], goesOn: boolean): string {
  const { id, logs, args = "" } = options;
  const lines = stages.map(({ stage, tasks, ranks }, i) => {
    const jobs = Math.min(Math.ceil(tasks / (options.ranksPerJob ?? 1)), MAX_JOBS);
    const array = arrayOf(ranks ?? [], jobs) + (options.workers === undefined ? "" : `%${options.workers}`);
    return `job=$(submit ${stage} ${array} ${jobs}${i > 0 ? ' "$job"' : ""}) && echo "$job"`;
  });
  if (goesOn) lines.push('job=$(go_on "$job") && echo "$job"');
  return `#!/bin/bash
# Submits a build of webimagetext to Slurm. To be edited where clusters differ, and run with bash: it prints job ids.
# Ranks that are done are passed over, so it can be run again when no job of the build is queued any more.
set -euo pipefail
mkdir -p ${quoted(logs)}
options=(--requeue --open-mode=append --ntasks=1 ${args})

# submit STAGE ARRAY JOBS [ID of the job before]: job i does the ranks i, i + JOBS, i + 2 JOBS ...
# A rank that fails is tried again in the same job; one that is lost with its node is queued again by Slurm.
submit() {
  sbatch --parsable --job-name="${jobName(id, "$1")}" --array="$2" --output=${quoted(`${logs}/%x-%A_%a.log`)} \\
    \${4:+--dependency=afterok:$4 --kill-on-invalid-dep=yes} "\${options[@]}" <<JOB
#!/bin/bash
for try in 1 2 3; do
  ${commandLine(options.rank)} --stage $1 --stride $3 && exit 0
  code=\\$?
  # Wrong use and signals: trying again does not help.
  case \\$code in 2 | 130 | 143) exit \\$code ;; esac
  sleep \\$((try * 10))
done
exit \\$code
JOB
}
${goesOn ? goOnFunction(options) : ""}
${lines.join("\n")}
`;
}

function goOnFunction({ id, logs, goOn }: SlurmOptions): string {
  return `
# go_on ID: what follows depends on how the job before came out; this one submits it.
go_on() {
  sbatch --parsable --job-name=${jobName(id, "go-on")} --output=${quoted(`${logs}/%x-%j.log`)} \\
    --dependency=afterok:"$1" --kill-on-invalid-dep=yes "\${options[@]}" <<JOB
#!/bin/bash
exec ${commandLine(goOn)}
JOB
}
`;
}

/** The jobs of an array that have some of the ranks to do, or all of them. */
function arrayOf(ranks: readonly number[], jobs: number): string {
  if (ranks.length === 0) return `0-${jobs - 1}`;
  const wanted = [...new Set(ranks.map((rank) => rank % jobs))].sort((a, b) => a - b);
  const runs: [first: number, last: number][] = [];
  for (const index of wanted) {
    const run = runs.at(-1);
    if (run && run[1] === index - 1) run[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}
