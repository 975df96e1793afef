import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { openForReading } from "../../store/database.ts";
import type { Executor } from "../../store/executors/executor.ts";
import { LocalExecutor } from "../../store/executors/local.ts";
import { isRemoteRay, jobCommand, RayExecutor, submitJob } from "../../store/executors/ray.ts";
import { commandLine } from "../../store/executors/shell.ts";
import { queuedJobs, SlurmExecutor, submit } from "../../store/executors/slurm.ts";
import { type SlurmOptions, slurmScript } from "../../store/executors/slurm-script.ts";
import { type Objects, openObjects } from "../../store/objects.ts";
import { collectStats, formatSummary } from "../../store/stats.ts";
import { UsageError } from "../../store/usage-error.ts";
import type { CrawlFlags } from "../flags.ts";
import { Stop } from "../stop.ts";
import { drive } from "./drive.ts";
import { buildId, defaultScratch } from "./environment.ts";
import { isBucket } from "./is-shared.ts";
import { markedRanks } from "./names.ts";
import { type Plan, preparePlan } from "./plan.ts";
import { nextStage, stagesAhead } from "./stages.ts";

/** Options of a crawl that is shared out; without `ranks` and `executor` it is one process. */
export interface ClusterFlags {
  executor?: "local" | "slurm" | "ray";
  ranks?: number;
  workers?: number;
  scratch?: string;
  ranksPerJob?: number;
  slurmArgs?: string;
  wait?: boolean;
  print?: boolean;
}

type Flags = CrawlFlags & ClusterFlags;

const say = (text: string) => void process.stderr.write(`${text}\n`);

/** `npm run crawl` with ranks: begins a build, or goes on with it, on the engine that is named. */
export async function clusterCommand(given: Flags): Promise<void> {
  // Engines start processes elsewhere: in another folder.
  const flags = { ...given, data: isBucket(given.data) ? given.data : resolve(given.data) };
  checkFlags(flags);
  const stop = new Stop(flags.timeBudget);
  const store = await openObjects(flags.data);
  const { plan, web } = await preparePlan(store, flags, flags.ranks, flags.quiet ? undefined : say);
  try {
    if ((flags.executor ?? "local") === "local" && flags.print) return printForArrays(plan, flags);
    if (flags.executor === "slurm" && !flags.wait) return await submitAll(store, plan, flags);
    if (flags.executor === "ray" && (!flags.wait || isRemoteRay())) return submitToRay(flags);
    const engine = engineOf(flags, plan, store);
    await drive(store, engine, stop.signal, flags.quiet).finally(() => engine.close());
  } finally {
    web?.close();
  }
  if (stop.signal.aborted) say("run the same command again to go on; `npm run status` shows what is done");
  else await showResult(store, flags);
  process.exit(stop.exitCode);
}

function checkFlags({ executor = "local", wait, print, slurmArgs, ranksPerJob, sampleWeb }: Flags): void {
  const only = (option: string, engines: string) => new UsageError(`${option} is for --executor ${engines}`);
  if (executor !== "slurm" && slurmArgs !== undefined) throw only("--slurm-args", "slurm");
  if (executor === "local" && ranksPerJob !== undefined) throw only("--ranks-per-job", "slurm or ray");
  if (print && wait) throw new UsageError("--print submits nothing that --wait could wait for");
  if (sampleWeb && (print || (executor !== "local" && (!wait || isRemoteRay()))))
    throw new UsageError("--sample-web is served by this process, which must stay: give --wait");
}

/** The stages that are sure to follow, and a job for those that depend on them. */
async function submitAll(store: Objects, plan: Plan, flags: Flags): Promise<void> {
  const options = slurmOptions(flags);
  const next = await nextStage(store);
  if (!next) return showResult(store, flags);
  const stages = stagesAhead(plan, next.stage);
  const script = slurmScript(options, stages, stages.at(-1)?.stage !== "merge");
  if (flags.print) {
    process.stdout.write(script);
    return;
  }
  const before = queuedJobs(options.id).filter(({ id }) => id !== process.env["SLURM_JOB_ID"]);
  if (before.length > 0) {
    say(`nothing submitted: ${before.map(({ id, name }) => `${id} (${name})`).join(", ")} of this build are queued`);
    return;
  }
  const jobs = submit(script);
  say(
    `submitted ${jobs.join(", ")}: ${stages.map(({ stage }) => stage).join(", ")}; \`npm run status -- --data ${flags.data} --watch\` shows how far they are`,
  );
}

/** What each job of any array engine is to run, now that the plan is there. */
function printForArrays(plan: Plan, { data, scratch }: Flags): void {
  const jobs = String(plan.world);
  console.log(
    `# ${jobs} jobs or fewer, whose number is in an array engine's variable: give --stride as many as there are`,
  );
  console.log(commandLine([process.execPath, ...program("rank", data, scratch), "--follow", "--stride", jobs]));
}

/** A job of Ray's that does what this command does with --wait. */
function submitToRay(flags: Flags): void {
  const goOn = [...program("crawl", flags.data, flags.scratch), "--executor", "ray", "--wait", ...engineOptions(flags)];
  const command = jobCommand(buildId(flags.data), [process.execPath, ...goOn], flags.wait ?? false);
  if (flags.print) console.log(commandLine(command));
  else submitJob(command);
}

function engineOf(flags: Flags, plan: Plan, store: Objects): Executor {
  const quietly = flags.quiet ? () => {} : say;
  if (flags.executor === "slurm")
    return new SlurmExecutor(slurmOptions(flags), (stage) => markedRanks(store, stage), quietly);
  if (flags.executor === "ray")
    return new RayExecutor(
      {
        rank: [process.execPath, ...program("rank", flags.data, flags.scratch)],
        workers: flags.workers,
        ranksPerTask: flags.ranksPerJob,
      },
      (stage) => markedRanks(store, stage),
      quietly,
    );
  const workers = Math.min(flags.workers ?? availableParallelism(), plan.world);
  // Beside the store a rank's files become its objects without being copied.
  const scratch = flags.scratch ?? (isBucket(flags.data) ? defaultScratch(flags.data) : join(flags.data, "scratch"));
  return new LocalExecutor([...program("rank", flags.data, scratch), "--worker"], workers, say);
}

function slurmOptions(flags: Flags): SlurmOptions {
  const { data, scratch, workers, ranksPerJob, slurmArgs } = flags;
  const id = buildId(data);
  return {
    id,
    rank: [process.execPath, ...program("rank", data, scratch)],
    goOn: [process.execPath, ...program("crawl", data, scratch), "--executor", "slurm", ...engineOptions(flags)],
    logs: isBucket(data) ? resolve(`webimagetext-${id}-logs`) : join(data, "cluster", "slurm"),
    workers,
    ranksPerJob,
    args: slurmArgs,
  };
}

/** The options of the engine that a command which goes on needs as well. */
function engineOptions({ workers, ranksPerJob, slurmArgs }: Flags): string[] {
  const given = { workers, "ranks-per-job": ranksPerJob, "slurm-args": slurmArgs };
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
}

/** A command of this program, for a process elsewhere. */
function program(command: string, data: string, scratch: string | undefined): string[] {
  const cli = fileURLToPath(
    new URL(import.meta.url.endsWith(".ts") ? "../../cli.ts" : "../../cli.js", import.meta.url),
  );
  return [cli, command, "--data", data, ...(scratch === undefined ? [] : ["--scratch", resolve(scratch)])];
}

/** What the build came to; its database is brought here to be read, if it lies in a bucket. */
async function showResult(store: Objects, { data, scratch = defaultScratch(data), json }: Flags): Promise<void> {
  let folder = data;
  if (isBucket(data)) {
    folder = join(scratch, "result");
    mkdirSync(folder, { recursive: true });
    await store.fetch("wit.sqlite", join(folder, "wit.sqlite"));
  }
  const db = openForReading(folder);
  const stats = collectStats(db, { top: 10 });
  db.close();
  console.log(json ? JSON.stringify(stats) : formatSummary(stats, data));
}
