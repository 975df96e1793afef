import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { profileNamed } from "../../filters/profiles.ts";
import type { CrawlOptions } from "../crawl.ts";
import { crawlOptions } from "../flags.ts";
import type { Work } from "./context.ts";
import type { Plan } from "./plan.ts";

/** The options of the crawl that the build is. */
export function optionsOf({ plan, context }: Work): CrawlOptions {
  return crawlOptions(plan.settings, plan, { quiet: true, stop: context.stop });
}

/** The same for a rank that fetches: the host limits as a file of its own in `folder`. */
export function fetchingOptionsOf(work: Work, folder: string): CrawlOptions {
  const options = optionsOf(work);
  const { hostLimits } = options.net;
  if (hostLimits === undefined) return options;
  const file = join(folder, "host-limits.tsv");
  writeFileSync(file, hostLimits);
  return { ...options, net: { ...options.net, hostLimits: file } };
}

/** Whether the profile drops captions that stand beside many pictures: then those of all ranks are counted. */
export function countsPictures({ settings }: Plan): boolean {
  return profileNamed(settings.profile).captions.maxPictures !== undefined;
}
