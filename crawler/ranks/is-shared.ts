import { existsSync } from "node:fs";
import { join } from "node:path";
import { markerName, PLAN } from "./names.ts";

/** Whether a crawl is to be shared out: it was told so, or goes on with one that is. */
export function isShared(flags: { data: string; executor?: string; ranks?: number }): boolean {
  const { data, executor, ranks } = flags;
  if (executor !== undefined || ranks !== undefined || isBucket(data)) return true;
  return existsSync(join(data, PLAN)) && !existsSync(join(data, markerName("merge", 0)));
}

/** Whether `--data` names a bucket, and not a folder. */
export function isBucket(data: string): boolean {
  return /^s3:\/\//.test(data);
}
