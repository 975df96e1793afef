import type { Objects } from "../../store/objects.ts";
import { settledIn } from "./choose.ts";
import { markedRanks } from "./names.ts";
import { countsPictures } from "./options.ts";
import { type Plan, readPlan } from "./plan.ts";
import type { Stage, StageContext, StageResult } from "./stage.ts";

/**
 * Runs one rank of one stage, loading only what it needs: an engine may start a process a rank. The caller writes the marker.
 * @throws Stopped when it was told to stop.
 */
export async function runRank(stage: string, context: StageContext): Promise<StageResult> {
  const { Work } = await import("./context.ts");
  const work = await Work.begin(stage, context);
  const [, name, number] = /^([a-z]+)(?:-(\d+))?$/.exec(stage) ?? [];
  const round = Number(number);
  switch (name) {
    case "discover":
      return (await import("./discover.ts")).discoverRank(work);
    case "gather":
      return (await import("./gather.ts")).gatherRank(work);
    case "captions":
      return (await import("./gather.ts")).captionsRank(work);
    case "live":
      return (await import("./gather.ts")).liveRank(work);
    case "window":
      return (await import("./choose.ts")).windowRank(work, round);
    case "threshold":
      return (await import("./choose.ts")).thresholdRank(work, round);
    case "download":
      return (await import("./download.ts")).downloadRank(work, round);
    case "settle":
      return (await import("./settle.ts")).settleRank(work, round);
    case "pack":
      return (await import("./pack.ts")).packRank(work, await roundsIn(context.store));
    case "shard":
      return (await import("./shard.ts")).shardRank(work, await roundsIn(context.store));
    case "merge":
      return (await import("./merge.ts")).mergeRank(work, await roundsIn(context.store));
    default:
      throw new Error(`${stage}: there is no such stage`);
  }
}

/** Whether a stage can be called so. */
export function isStage(name: string): boolean {
  return /^(?:discover|gather|captions|live|pack|shard|merge|(?:window|threshold|download|settle)-[1-9]\d*)$/.test(
    name,
  );
}

/** The next stage that has ranks without a marker, or undefined when the build is complete. */
export async function nextStage(store: Objects): Promise<Stage | undefined> {
  const plan = await readPlan(store);
  if (!plan) throw new Error(`${store.location} holds no build by ranks`);
  const open = async (stages: readonly Stage[]) => {
    for (const stage of stages) if ((await markedRanks(store, stage.stage)).size < stage.tasks) return stage;
    return undefined;
  };
  const first = await open(firstStages(plan));
  if (first) return first;
  for (let round = 1; ; round++) {
    const next = await open(roundStages(plan, round));
    if (next) return next;
    if ((await settledIn(store, round)).complete) return open(lastStages(plan));
  }
}

/** The stages that follow for certain from `first` on, up to where the data decide. */
export function stagesAhead(plan: Plan, first: string): Stage[] {
  const round = Number(/-(\d+)$/.exec(first)?.[1] ?? 1);
  for (const stages of [[...firstStages(plan), ...roundStages(plan, 1)], roundStages(plan, round), lastStages(plan)]) {
    const at = stages.findIndex(({ stage }) => stage === first);
    if (at >= 0) return stages.slice(at);
  }
  throw new Error(`${first}: there is no such stage`);
}

function firstStages(plan: Plan): Stage[] {
  const names = ["discover", "gather", ...(countsPictures(plan) ? ["captions", "live"] : [])];
  return names.map((stage) => ({ stage, tasks: plan.world }));
}

function roundStages({ world }: Plan, round: number): Stage[] {
  return [
    { stage: `window-${round}`, tasks: world },
    { stage: `threshold-${round}`, tasks: 1 },
    { stage: `download-${round}`, tasks: world },
    { stage: `settle-${round}`, tasks: 1 },
  ];
}

function lastStages({ world }: Plan): Stage[] {
  return [
    { stage: "pack", tasks: world },
    { stage: "shard", tasks: world },
    { stage: "merge", tasks: 1 },
  ];
}

/** How many rounds the build took. */
async function roundsIn(store: Objects): Promise<number> {
  for (let round = 1; ; round++) if ((await settledIn(store, round)).complete) return round;
}
