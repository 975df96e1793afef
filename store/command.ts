import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startBrowser } from "./browse/server.ts";
import { closeDatabase, openDatabase, openForReading } from "./database.ts";
import { type ExportFormat, exportTo } from "./export/export.ts";
import { Progress } from "./progress.ts";
import { parseRemoval, type Removal, type RemovalCounts, readRemovals, removePairs } from "./remove.ts";
import { writeReport } from "./report/report.ts";
import { counted } from "./report/text.ts";
import { collectQuery, collectStats, formatQuery, formatStats } from "./stats.ts";
import { UsageError } from "./usage-error.ts";
import { formatFindings, verify } from "./verify.ts";
import { watch } from "./watch.ts";

/** `npm run stats`: what is in the database, also while a crawl writes it. */
export async function statsCommand(flags: {
  data: string;
  top: number;
  json: boolean;
  query?: string;
  watch?: number | true;
}): Promise<void> {
  if (flags.watch !== undefined) await watch(flags.data, flags.watch === true ? 2 : flags.watch, flags.json);
  const db = openForReading(flags.data);
  if (flags.query !== undefined)
    console.log(flags.json ? JSON.stringify(collectQuery(db, flags.query), null, 2) : formatQuery(db, flags.query));
  else {
    const stats = collectStats(db, { top: flags.top });
    console.log(flags.json ? JSON.stringify(stats, null, 2) : formatStats(stats));
  }
}

/** `npm run report`: writes the report anew. */
export async function reportCommand(flags: { data: string }): Promise<void> {
  const { file, bytes } = await writeReport(openForReading(flags.data), flags.data);
  console.log(`${file} (${(bytes / 1e6).toFixed(1)} MB)`);
}

/** `npm run verify`: exit code 1 when something is damaged. */
export async function verifyCommand(flags: {
  data: string;
  quiet: boolean;
  decode: boolean;
  json: boolean;
}): Promise<void> {
  const progress = new Progress("verify", flags.quiet);
  const findings = await verify(openForReading(flags.data), flags.data, {
    decode: flags.decode,
    progress: (samples, total) => progress.update(samples, total, "samples"),
  });
  const { problems, unfinished, total } = findings;
  console.log(
    flags.json
      ? JSON.stringify({
          ok: total === 0,
          problems: total,
          checked: Object.fromEntries(findings.checked),
          first: problems,
          unfinished,
        })
      : formatFindings(findings),
  );
  if (total > 0) process.exitCode = 1;
}

/** Options of `npm run remove`. */
export interface RemoveFlags {
  data: string;
  quiet: boolean;
  json: boolean;
  dryRun: boolean;
  url: string[];
  host: string[];
  pair: string[];
  file: string[];
}

/** `npm run remove`: takes pairs down for good. */
export async function removeCommand(flags: RemoveFlags): Promise<void> {
  let removals: Removal[] = [];
  for (const kind of ["url", "host", "pair"] as const)
    for (const text of flags[kind]) removals.push(parseRemoval(text, `--${kind}`, kind));
  for (const file of flags.file) removals = removals.concat(await readRemovals(file));
  if (removals.length === 0)
    throw new UsageError("nothing to remove: give --url, --host, --pair, or --file with one of these a line");
  openForReading(flags.data).close();
  const db = openDatabase(flags.data);
  const progress = new Progress("remove", flags.quiet);
  const counts = await removePairs(db, flags.data, removals, {
    dryRun: flags.dryRun,
    progress: (samples) => progress.update(samples, undefined, "samples written anew"),
  });
  if (!flags.dryRun && existsSync(join(flags.data, "report.html"))) await writeReport(db, flags.data);
  closeDatabase(db);
  if (flags.json) console.log(JSON.stringify({ removals: removals.length, ...counts }));
  else console.log(removalText(removals.length, counts, flags.dryRun));
}

function removalText(removals: number, { pairs, samples, ahead, shards }: RemovalCounts, dryRun: boolean): string {
  const done = dryRun ? "would be removed" : "removed";
  const lines = [
    `${counted(removals, "removal")}: ${counted(pairs, "pair")} ${done}, ${counted(samples, "sample")} of them in shards`,
  ];
  if (ahead.length > 0) lines.push(`${counted(ahead.length, "removal")} of nothing found so far, kept for later runs`);
  else if (pairs === 0 && shards === undefined)
    lines.push("nothing new to remove; whatever a later run finds of it stays out");
  if (dryRun || (pairs === 0 && shards === undefined)) return lines.join("\n");
  if (shards !== undefined)
    lines.push(`${counted(shards, "shard")} written without them, statistics and report brought up to date`);
  lines.push(
    "`npm run crawl` fills their place under the cap; copies made before (exports, checkpoints) still hold them",
  );
  return lines.join("\n");
}

/** `npm run export`: the data set in another form. */
export async function exportCommand(flags: {
  data: string;
  quiet: boolean;
  to: ExportFormat;
  out?: string;
}): Promise<void> {
  const db = openForReading(flags.data);
  const total = db.prepare<[], number>("SELECT count(*) FROM pair WHERE state = 'kept'").pluck().get() ?? 0;
  const folder = flags.out ?? join(flags.data, "export", flags.to);
  const progress = new Progress("export", flags.quiet);
  const samples = await exportTo(flags.to, db, flags.data, folder, (done) => progress.update(done, total, "pairs"));
  console.log(`${folder} (${counted(samples, "pair")})`);
}

/** `npm run browse`: serves the pages until it is stopped. */
export async function browseCommand(flags: { data: string; port: number }): Promise<void> {
  const browser = await startBrowser(flags.data, flags.port);
  console.log(`${browser.address}  (Ctrl-C ends it)`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await browser.close();
}
