import assert from "node:assert/strict";
import { join } from "node:path";
import type { CrawlFlags } from "../../../crawler/flags.ts";
import { preparePlan } from "../../../crawler/ranks/plan.ts";
import { type Objects, openObjects } from "../../../store/objects.ts";
import { run, useShortList } from "../../cli.ts";
import { type RanksWeb, WORDS } from "./web.ts";

/** A build of the web in some way, by ranks and by one process. */
export interface Settings {
  cap: number;
  shardSize: number;
  profile?: string;
  captionsPerImage?: number;
  balance?: "exact" | "metaclip";
}

/** The data set as one process makes it. @returns its folder. */
export async function byOneProcess(folder: string, web: Pick<RanksWeb, "args">, settings: Settings): Promise<string> {
  const data = join(folder, "one");
  useShortList(data, WORDS);
  const options = Object.entries(settings).flatMap(([name, value]) => [
    `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ]);
  const { code, error } = await run(["crawl", "--data", data, ...web.args, ...options]);
  assert.equal(code, 0, error);
  return data;
}

/** Begins a build by ranks. */
export async function beginBuild(
  folder: string,
  flags: Omit<CrawlFlags, "data">,
  settings: Settings,
  world: number,
): Promise<{ data: string; scratch: string; store: Objects }> {
  const data = join(folder, `world${world}`);
  useShortList(data, WORDS);
  const store = await openObjects(data);
  await preparePlan(store, { data, ...flags, ...settings }, world);
  return { data, scratch: join(folder, `scratch${world}`), store };
}
