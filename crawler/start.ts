import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildList, CLIP_LIST, describeList, queriesFile } from "../queries/command.ts";
import { crawlCommand } from "./command.ts";
import type { CrawlFlags } from "./flags.ts";

/** Options of `npm start`. */
export type StartFlags = Pick<CrawlFlags, "data" | "quiet" | "cap" | "seed">;

/** `npm start`: the main job on the embedded default, from the query list to the report. */
export async function startCommand(flags: StartFlags): Promise<void> {
  const file = queriesFile(flags.data);
  if (!existsSync(file)) console.log(`${describeList(await buildList(file, {}, CLIP_LIST), CLIP_LIST)}\n`);
  const { writeHandwritingTask } = await import("../test/servers/sample-web/task.ts");
  const task = join(flags.data, "tasks", "handwriting");
  if (!existsSync(task)) await writeHandwritingTask(task);
  await crawlCommand("crawl", {
    ...flags,
    json: false,
    sampleWeb: true,
    depth: 20,
    maxPages: 1_000_000,
    allowPrivate: [],
    resolve: [],
  });
}
