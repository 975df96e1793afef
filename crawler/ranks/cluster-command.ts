import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openForReading } from "../../store/database.ts";
import type { Executor } from "../../store/executors/executor.ts";
import { LocalExecutor } from "../../store/executors/local.ts";
import { type Objects, openObjects } from "../../store/objects.ts";
import { collectStats, formatSummary } from "../../store/stats.ts";
import { UsageError } from "../../store/usage-error.ts";
import type { CrawlFlags } from "../command.ts";
import { Stop } from "../stop.ts";
import { drive } from "./drive.ts";
import { buildId, defaultScratch } from "./environment.ts";
import { type Plan, preparePlan } from "./plan.ts";
import { nextStage } from "./stages.ts";

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

/** Whether a crawl is to be shared out. */
export function isShared({ data, executor, ranks }: Pick<CrawlFlags, "data"> & ClusterFlags): boolean {
  return executor !== undefined || ranks !== undefined || /^s3:\/\//.test(data);
}

/** `npm run crawl` with ranks: begins a build, or goes on with it, on the engine that is named. */
export async function clusterCommand(flags: CrawlFlags & ClusterFlags): Promise<void> {
  const { executor = "local", data, quiet } = flags;
  const stop = new Stop(flags.timeBudget);
  const store = await openObjects(data);
  const { plan, web } = await preparePlan(store, flags, flags.ranks);
  const engine = engineOf(executor, flags, plan, store);
  try {
    await drive(store, engine, stop.signal, quiet);
  } finally {
    await engine.close();
    web?.close();
  }
  if (!stop.signal.aborted) await showResult(store, flags);
  else process.stderr.write("run the same command again to go on, or `npm run status` to see what is done\n");
  process.exit(stop.exitCode);
}

function engineOf(executor: string, flags: CrawlFlags & ClusterFlags, plan: Plan, _store: Objects): Executor {
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  const workers = flags.workers ?? availableParallelism();
  const scratch = flags.scratch ?? (/^s3:/.test(flags.data) ? defaultScratch(flags.data) : join(flags.data, "scratch"));
  mkdirSync(scratch, { recursive: true });
  const rank = [...rankProgram(), "--data", flags.data, "--scratch", scratch];
  return new LocalExecutor([...rank.slice(1), "--worker"], Math.min(workers, plan.world), say);
}

/** The command that does ranks, as it is called here. */
function rankProgram(): string[] {
  const cli = fileURLToPath(
    new URL(import.meta.url.endsWith(".ts") ? "../../cli.ts" : "../../cli.js", import.meta.url),
  );
  return [process.execPath, cli, "rank"];
}

/** What the build came to; its database is brought here to be read, if it lies in a bucket. */
async function showResult(store: Objects, { data, scratch = defaultScratch(data), json }: CrawlFlags & ClusterFlags) {
  let folder = data;
  if (/^s3:/.test(data)) {
    folder = join(scratch, "result");
    mkdirSync(folder, { recursive: true });
    await store.fetch("wit.sqlite", join(folder, "wit.sqlite"));
  }
  const db = openForReading(folder);
  const stats = collectStats(db, { top: 10 });
  db.close();
  console.log(json ? JSON.stringify(stats) : formatSummary(stats, data));
}
