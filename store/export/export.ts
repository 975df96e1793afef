import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Database } from "../database.ts";
import { UsageError } from "../usage-error.ts";
import type { ExportSource } from "./source.ts";

type Writer = (source: ExportSource) => Promise<number> | number;

/** The forms a data set can leave in, each with what loads the function that writes it and returns how many samples it wrote. */
const FORMATS = {
  hf: async () => (await import("./hf.ts")).writeHuggingFace,
  parquet: async () => (await import("./parquet.ts")).writeParquet,
  img2dataset: async () => (await import("./parquet.ts")).writeUrlList,
  coco: async () => (await import("./coco.ts")).writeCoco,
  fiftyone: async () => (await import("./fiftyone.ts")).writeFiftyone,
} as const satisfies Record<string, () => Promise<Writer>>;

/** Name of a form: `hf`, `parquet`, `img2dataset`, `coco`, `fiftyone`. */
export type ExportFormat = keyof typeof FORMATS;
export const EXPORT_FORMATS = Object.keys(FORMATS) as ExportFormat[];

/** Its presence says that a folder is an export, which the next one may replace. */
const MARK = "webimagetext-export.json";

/**
 * Writes the data set in another form into a folder, which stands there whole or not at all.
 * @returns how many samples were written.
 * @throws UsageError when the folder holds something else; Error when there is no data set yet.
 */
export async function exportTo(
  format: ExportFormat,
  db: Database,
  data: string,
  folder: string,
  progress: (samples: number) => void,
): Promise<number> {
  if (existsSync(folder) && readdirSync(folder).length > 0 && !existsSync(join(folder, MARK)))
    throw new UsageError(`--out ${folder} holds something that is no export: name another folder, or empty it`);
  if (!db.prepare("SELECT 1 FROM pair WHERE state = 'kept' LIMIT 1").get())
    throw new Error(`${data} holds no finished shards yet: run \`npm run crawl\` first`);
  const next = `${folder}.${process.pid}.tmp`;
  mkdirSync(dirname(folder), { recursive: true });
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next);
  try {
    const write = await FORMATS[format]();
    const samples = await write({ db, data, folder: next, progress });
    writeFileSync(join(next, MARK), `${JSON.stringify({ format, samples })}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(next, folder);
    return samples;
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}
