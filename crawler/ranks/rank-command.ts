import { setTimeout as sleep } from "node:timers/promises";
import { explainError } from "../../store/disk.ts";
import { type Objects, openObjects } from "../../store/objects.ts";
import { UsageError } from "../../store/usage-error.ts";
import { Stopped } from "../fetch-error.ts";
import { keepHeapsSmall } from "../heap.ts";
import { Stop } from "../stop.ts";
import { attempt } from "./attempt.ts";
import { defaultScratch, shareOf } from "./environment.ts";
import { markedRanks, missingRanks } from "./names.ts";
import { type Plan, readPlan } from "./plan.ts";
import { closeShared } from "./shared.ts";
import type { Stage } from "./stage.ts";
import { isStage, nextStage, runRank } from "./stages.ts";
import { work } from "./worker.ts";

/** How long `--follow` waits before it looks again whether the others are done, and how often it tries a rank. */
const FIRST_LOOK_MS = 200;
const MAX_LOOK_MS = 10_000;
const TRIES = 3;

/** Options of `rank`. */
export interface RankFlags {
  data: string;
  quiet: boolean;
  scratch?: string;
  stage?: string;
  rank?: number[];
  world?: number;
  stride?: number;
  follow: boolean;
  worker: boolean;
}

/** The build that ranks belong to. */
export interface Build {
  store: Objects;
  plan: Plan;
  scratch: string;
}

/** `webimagetext rank`: what an engine starts on a machine, for some ranks of a stage or, with --follow, of all. */
export async function rankCommand(flags: RankFlags): Promise<void> {
  const stop = new Stop(undefined);
  keepHeapsSmall();
  const build = await openBuild(flags);
  let code = 0;
  if (flags.worker) await work(build, stop);
  else if (flags.follow) await follow(build, ownRanks(flags), flags.quiet, stop);
  else code = await doRanks(build, await stageOf(build, flags), ownRanks(flags), flags.quiet, stop);
  await closeShared();
  process.exit(stop.exitCode || code);
}

/** Which ranks this process is to do: those that are named, else its share by the environment. */
function ownRanks({ rank: named, stride }: RankFlags): (rank: number) => boolean {
  if (named) return (rank) => named.includes(rank);
  const share = shareOf(process.env, stride);
  if (!share)
    throw new UsageError("which ranks? Give --rank, or run it as a job of an array (SLURM_ARRAY_TASK_ID, ...)");
  return (rank) => rank % share.stride === share.index;
}

async function openBuild({ data, scratch = defaultScratch(data), world }: RankFlags): Promise<Build> {
  const store = await openObjects(data);
  const plan = await readPlan(store);
  if (!plan)
    throw new UsageError(`${data} has no build of many ranks: begin one with \`npm run crawl -- --ranks N ...\``);
  if (world !== undefined && world !== plan.world)
    throw new UsageError(`--world ${world}: this build was begun with ${plan.world} ranks, which stays`);
  return { store, plan, scratch };
}

/**
 * The stage that is asked for, or the next one.
 * @throws Error when an earlier one is not done.
 */
async function stageOf({ store }: Build, { stage, rank: named = [] }: RankFlags): Promise<Stage | undefined> {
  if (stage !== undefined && !isStage(stage)) throw new UsageError(`--stage ${stage}: there is no such stage`);
  const next = await nextStage(store);
  const wrong = named.find((rank) => next && rank >= next.tasks);
  if (next && wrong !== undefined)
    throw new UsageError(`--rank ${wrong}: ${next.stage} has ranks 0 to ${next.tasks - 1}`);
  if (stage === undefined || next === undefined || next.stage === stage) return next;
  if ((await markedRanks(store, stage)).size > 0) return undefined;
  const missing = await missingRanks(store, next.stage, next.tasks);
  throw new Error(`--stage ${stage}: ${next.stage} comes first, and its ${ranksText(missing)} not done`);
}

/**
 * Does the own ranks that are not done, one after the other; one that fails does not keep the others from it.
 * @returns an exit code.
 */
async function doRanks(
  build: Build,
  next: Stage | undefined,
  own: (rank: number) => boolean,
  quiet: boolean,
  stop: Stop,
): Promise<number> {
  if (!next) return 0;
  const { stage, tasks } = next;
  let code = 0;
  for (const rank of (await missingRanks(build.store, stage, tasks)).filter(own)) {
    if (stop.signal.aborted) return stop.exitCode;
    try {
      const { items, seconds } = await runOne(build, stage, rank, stop, quiet);
      if (!quiet) process.stderr.write(`${stage} ${rank}: ${items} items in ${seconds.toFixed(1)} s\n`);
    } catch (error) {
      if (error instanceof Stopped) return stop.exitCode || 1;
      process.stderr.write(`error: ${stage}, rank ${rank}: ${explainError(error)}\n`);
      code = 1;
    }
  }
  return code;
}

/** Every stage to the end of the build: own ranks, then waiting for the others'. No engine needs to know of stages. */
async function follow(build: Build, own: (rank: number) => boolean, quiet: boolean, stop: Stop): Promise<void> {
  let last = "";
  let failures = 0;
  let wait = FIRST_LOOK_MS;
  for (let stage = await nextStage(build.store); stage; stage = await nextStage(build.store)) {
    if (stage.stage !== last) {
      failures = 0;
      wait = FIRST_LOOK_MS;
    }
    last = stage.stage;
    failures += await doRanks(build, stage, own, quiet, stop);
    if (stop.signal.aborted) return;
    if (failures >= TRIES) throw new Error(`${last}: a rank failed ${TRIES} times, see above`);
    if ((await missingRanks(build.store, stage.stage, stage.tasks)).length === 0) continue;
    await sleep(wait, undefined, { signal: stop.signal }).catch(() => {});
    wait = Math.min(wait * 2, MAX_LOOK_MS);
  }
}

/** One rank, with marker, heartbeat and log. */
export function runOne(
  build: Build,
  stage: string,
  rank: number,
  stop: Stop,
  quiet: boolean,
  progress?: (items: number, total?: number) => void,
) {
  const { store, scratch, plan } = build;
  return attempt({ store, scratch, stage, rank, world: plan.world, stop: stop.signal, quiet, run: runRank, progress });
}

/** "ranks 3, 4 and 1,020 more are": numbers for a sentence. */
export function ranksText(ranks: readonly number[]): string {
  const shown = ranks.slice(0, 8).join(", ");
  const more = ranks.length - 8;
  return `${ranks.length === 1 ? "rank" : "ranks"} ${shown}${more > 0 ? ` and ${more.toLocaleString("en")} more` : ""} ${ranks.length === 1 ? "is" : "are"}`;
}
