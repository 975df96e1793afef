import { existsSync, readFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "../database.ts";
import { collectStats } from "../stats.ts";
import { readDistributions } from "./distributions.ts";
import { foreignCaptions, tellLanguages } from "./languages.ts";
import { readNearGroups } from "./near-groups.ts";
import { readSamples } from "./samples.ts";
import { makeThumbnails, readerOf } from "./thumbnails.ts";

const TOP = 30;
/** All thumbnails together, so that the page stays below 5 MB whatever the pictures are. */
const LARGE = { side: 128, quality: 70, budget: 2_200_000 };
const SMALL = { side: 80, quality: 60, budget: 1_900_000 };

/**
 * Writes the workspace's report.html, one file below 5 MB that needs no network and no script. A reader sees the old
 * file or the new one, never a part.
 * @param read where the pictures lie, if it is not the workspace's own folder.
 */
export async function writeReport(
  db: Database,
  data: string,
  read = readerOf(data),
): Promise<{ file: string; bytes: number }> {
  // Everything is read at one moment, so that the parts of the page agree while a crawl goes on.
  const content = db.transaction(() => ({
    stats: collectStats(db, { top: TOP }),
    distributions: readDistributions(db),
    samples: readSamples(db),
    near: readNearGroups(db),
    foreign: foreignCaptions(db),
  }))();
  Object.assign(content.stats.meta, versionsIn(data));
  const { head, middle, tail, more, wall } = content.samples;
  const large = [...wall, ...[...head, ...middle, ...tail].flatMap((query) => query.samples)];
  const small = [...content.near.largest, ...more].flatMap(({ samples }) => samples);
  const known = new Set(large.map(({ id }) => id));
  const thumbnails = await makeThumbnails(read, large, LARGE);
  for (const [id, thumbnail] of await makeThumbnails(
    read,
    small.filter(({ id }) => !known.has(id)),
    SMALL,
  ))
    thumbnails.set(id, thumbnail);
  const languages = tellLanguages(content.foreign);
  // The plotting library is loaded where a report is written and nowhere else.
  const { renderPage } = await import("./page.ts");
  const page = Buffer.from(renderPage({ ...content, thumbnails, languages }));
  const file = join(data, "report.html");
  await publish(file, page);
  return { file, bytes: page.length };
}

/** What the manifest knows of the machine that the data set does not hold itself. */
function versionsIn(data: string): Record<string, string> {
  const file = join(data, "manifest.json");
  if (!existsSync(file)) return {};
  const { node } = JSON.parse(readFileSync(file, "utf8")) as { node?: unknown };
  return typeof node === "string" ? { node } : {};
}

async function publish(file: string, content: Buffer): Promise<void> {
  const unfinished = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(unfinished, "w");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
