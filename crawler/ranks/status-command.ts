import { setTimeout as sleep } from "node:timers/promises";
import { openObjects } from "../../store/objects.ts";
import { type BuildStatus, buildStatus, type MarkerCache, type StageStatus, type Trouble } from "./status.ts";

/** Options of `npm run status`. */
export interface StatusFlags {
  data: string;
  json: boolean;
  /** Seconds between two looks; true: as it is best. */
  watch?: number | true;
}

/** Between two looks. */
const WATCH_SECONDS = 5;

/** `npm run status`: how far a build of many ranks is, from its store alone. */
export async function statusCommand({ data, json, watch }: StatusFlags): Promise<void> {
  const store = await openObjects(data);
  const cache: MarkerCache = new Map();
  for (;;) {
    const status = await buildStatus(store, cache);
    const text = json ? JSON.stringify(status) : formatStatus(status);
    const screen = process.stdout.isTTY && !json && watch !== undefined;
    process.stdout.write(
      screen
        ? `\u001b[H${text.replaceAll("\n", "\u001b[K\n")}\u001b[K\n\u001b[J`
        : `${text}\n${json || !watch ? "" : "\n"}`,
    );
    if (watch === undefined || !status.next) return;
    await sleep((watch === true ? WATCH_SECONDS : watch) * 1000);
  }
}

/** The status for people. */
export function formatStatus({ data, world, stages, next }: BuildStatus): string {
  const lines = [
    `${data}: a build of ${world.toLocaleString("en")} ranks, ${next ? `at ${next.stage}` : "complete"}`,
    "",
  ];
  for (const stage of stages) {
    lines.push(formatStage(stage));
    lines.push(...stage.stalls.flatMap((one) => formatTrouble(one, `not heard of for ${duration(one.seconds)}`)));
    lines.push(
      ...stage.failures.flatMap((one) => formatTrouble(one, `failed ${duration(one.seconds)} ago: ${one.message}`)),
    );
  }
  const now = stages.find(({ stage }) => stage === next?.stage);
  if (now && now.running === 0)
    lines.push("", "Nothing runs. If nothing is queued either, the same crawl command runs what is not done.");
  else if (now && now.stalled > 0)
    lines.push("", "A stalled rank is run again by its engine, or by the same crawl command once nothing is queued.");
  return lines.join("\n");
}

function formatStage(status: StageStatus): string {
  const { stage, tasks, done, running, items, itemsPerSecond, left } = status;
  const share = `${done.toLocaleString("en")}/${tasks.toLocaleString("en")}`;
  const counts = (["running", "stalled", "failed", "waiting"] as const)
    .filter((name) => status[name] > 0)
    .map((name) => `${status[name].toLocaleString("en")} ${name}`);
  const parts = done === tasks ? ["done"] : done + running === 0 && counts.length === 1 ? ["waiting"] : counts;
  if (items !== undefined && items > 0 && done < tasks)
    parts.push(
      `${items.toLocaleString("en")} items, ${(itemsPerSecond ?? 0).toFixed(itemsPerSecond && itemsPerSecond < 10 ? 1 : 0)}/s`,
    );
  if (left !== undefined && running > 0) parts.push(`about ${duration(left)} left`);
  return `${stage.padEnd(14)} ${share.padStart(13)}  ${parts.join(", ")}`;
}

function formatTrouble({ rank, host, log, lines }: Trouble, what: string): string[] {
  return [
    `    rank ${rank} on ${host} ${what}`,
    `    ${log}`,
    ...lines.filter((line) => line !== "").map((line) => `      | ${line}`),
  ];
}

/** Two units at most. */
function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ${Math.round((seconds % 3_600) / 60)} min`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}
