import type { Executor } from "../../store/executors/executor.ts";
import type { Objects } from "../../store/objects.ts";
import { Progress } from "../../store/progress.ts";
import type { Failure } from "./attempt.ts";
import { failureName, logName, missingRanks } from "./names.ts";
import { ranksText } from "./rank-command.ts";
import type { Stage } from "./stage.ts";
import { nextStage } from "./stages.ts";

/** How often a rank is given to the engine before the build is given up; the engine may try more often itself. */
const TRIES = 3;

/**
 * Runs a build to its end: stage after stage, the ranks without a marker, whoever has run them or lost them before.
 * @throws Error that says which ranks failed, why, and where their logs lie.
 */
export async function drive(store: Objects, executor: Executor, stop: AbortSignal, quiet: boolean): Promise<void> {
  for (let stage = await nextStage(store); stage && !stop.aborted; stage = await nextStage(store)) {
    const progress = new Progress(stage.stage, quiet);
    for (let tries = 1; !stop.aborted; tries++) {
      const ranks = await missingRanks(store, stage.stage, stage.tasks);
      if (ranks.length === 0) break;
      if (tries > TRIES) throw new Error(await whatFailed(store, stage, ranks));
      if (tries > 1 && !quiet)
        process.stderr.write(`${stage.stage}: ${ranksText(ranks)} not done after ${tries - 1} of ${TRIES} tries\n`);
      const before = stage.tasks - ranks.length;
      const { tasks } = stage;
      await executor.run({
        ...stage,
        ranks,
        progress: (done, note) => progress.update(before + done, tasks, note),
        stop,
      });
    }
    if (!stop.aborted) progress.done(`${stage.tasks.toLocaleString("en")} ${stage.tasks === 1 ? "rank" : "ranks"}`);
  }
}

async function whatFailed(store: Objects, { stage }: Stage, ranks: readonly number[]): Promise<string> {
  for (const rank of ranks) {
    const bytes = await store.getIfPresent(failureName(stage, rank));
    if (!bytes) continue;
    const { message, attempt, host } = JSON.parse(String(bytes)) as Failure;
    return `${stage}: ${ranksText(ranks)} not done after ${TRIES} tries; rank ${rank} on ${host}: ${message} (its log: ${store.url(logName(stage, rank, attempt))})`;
  }
  return `${stage}: ${ranksText(ranks)} not done after ${TRIES} tries, and left no error: were they killed (memory, time limits)?`;
}
