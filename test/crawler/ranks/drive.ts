import { randomBytes } from "node:crypto";
import { type Marker, markedRanks, markerName } from "../../../crawler/ranks/names.ts";
import { closeShared } from "../../../crawler/ranks/shared.ts";
import type { Stage } from "../../../crawler/ranks/stage.ts";
import { nextStage, runRank } from "../../../crawler/ranks/stages.ts";
import type { Objects } from "../../../store/objects.ts";

/** Runs one rank in this process and leaves its marker. */
async function oneRank(
  store: Objects,
  scratch: string,
  { stage, tasks: world }: Stage,
  rank: number,
  checkpointMs: number | undefined,
) {
  const attempt = randomBytes(4).toString("hex");
  const started = performance.now();
  const cpu = process.cpuUsage();
  const result = await runRank(stage, {
    ...{ store, scratch, rank, world, attempt, checkpointMs, quiet: true },
    stop: new AbortController().signal,
    progress: () => {},
  });
  const { user, system } = process.cpuUsage(cpu);
  const marker: Marker = {
    ...{ rank, attempt, host: "here", started: new Date().toISOString() },
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
    ...result,
  };
  await store.putIfAbsent(markerName(stage, rank), Buffer.from(JSON.stringify(marker)));
}

/** Runs all that is left of a build, rank after rank. @returns the stages there were. */
export async function drive(
  store: Objects,
  scratch: string,
  before: (stage: Stage) => Promise<void> = async () => {},
  checkpointMs?: number,
): Promise<string[]> {
  const stages: string[] = [];
  for (let next = await nextStage(store); next; next = await nextStage(store)) {
    stages.push(next.stage);
    await before(next);
    const done = await markedRanks(store, next.stage);
    for (let rank = 0; rank < next.tasks; rank++)
      if (!done.has(rank)) await oneRank(store, scratch, next, rank, checkpointMs);
  }
  await closeShared();
  return stages;
}
