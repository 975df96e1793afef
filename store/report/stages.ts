import type { FunnelRow } from "../stats.ts";

/** One stage of the funnel. */
export interface StageSummary {
  stage: string;
  /** Pairs that entered: the sum of the stage's rows. */
  entered: number;
  passed: number;
  stopped: { reason: string; pairs: number; pending: boolean; help: string | undefined }[];
}

/** What stands in the funnel beside `passed` and the drop reasons: pairs whose way is not over. */
const PENDING: Record<string, string> = {
  waiting: "not done yet: the next run goes on here",
  reserve: "fits under no cap now; moves up when a chosen picture cannot be had",
};

/** What a stage does, for readers who have not seen the code. */
export const STAGE_HELP: Record<string, string> = {
  extract: "pictures with a text beside them, found on pages and in lists",
  caption: "is the text a caption?",
  match: "does it contain a query?",
  select: "one caption a picture; per query at most the cap",
  download: "is the picture still there, and may it be used?",
  image: "is it a picture worth keeping?",
  shard: "written into the data set",
};

/** The rows of the view `funnel` by stage, in the order of the view. */
export function funnelStages(rows: readonly FunnelRow[], help: ReadonlyMap<string, string>): StageSummary[] {
  const stages = new Map<string, StageSummary>();
  for (const { stage, reason, pairs } of rows) {
    const summary = stages.get(stage) ?? { stage, entered: 0, passed: 0, stopped: [] };
    stages.set(stage, summary);
    summary.entered += pairs;
    if (reason === "passed") summary.passed += pairs;
    else {
      const pending = Object.hasOwn(PENDING, reason);
      summary.stopped.push({ reason, pairs, pending, help: PENDING[reason] ?? help.get(reason) });
    }
  }
  return [...stages.values()];
}
