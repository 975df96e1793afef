import { existsSync } from "node:fs";
import { type Database, databaseFile, getMeta, setMeta } from "../store/database.ts";
import { readPages } from "../store/page-counts.ts";
import { writeReport } from "../store/report/report.ts";
import { collectStats, formatSummary } from "../store/stats.ts";
import { UsageError } from "../store/usage-error.ts";
import { type CrawlOptions, crawl, runDiscover, runSelect, runSelectAndDownload } from "./crawl.ts";
import { type CrawlFlags, crawlOptions, FIRST, type Settings, type Told, whatWasTold } from "./flags.ts";
import { keepHeapsSmall } from "./heap.ts";
import { formatMatchStats, matchStats } from "./match-stats.ts";
import { Net } from "./net.ts";
import { checkRetry, retry } from "./retry.ts";
import { type RunningSampleWeb, SAMPLE_WEB_DEPTH, startSampleWeb } from "./sample-web.ts";
import { Stop } from "./stop.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

/** The settings a workspace was last used with. */
export function keptSettings(db: Database): Settings {
  return { ...FIRST, ...JSON.parse(getMeta(db, "settings") ?? "{}") };
}

/** `npm run crawl` and its parts. */
export async function crawlCommand(
  stage: "crawl" | "discover" | "select" | "download",
  flags: CrawlFlags,
): Promise<void> {
  const told = whatWasTold(flags);
  if (!told && !existsSync(databaseFile(flags.data))) throw nothingToDo(flags.data, stage);
  const again = checkRetry(flags.retry ?? []);
  const stop = new Stop(flags.timeBudget);
  const say = (text: string) => void (flags.quiet || process.stderr.write(`${text}\n`));
  keepHeapsSmall();
  const workspace = await openWorkspace(flags.data, say, stage === "select" || stage === "download");
  let web: RunningSampleWeb | undefined;
  try {
    const { sources, net, sampleWeb } = told ?? remembered(workspace, stage);
    if (told) setMeta(workspace.db, "sources", JSON.stringify(told));
    if (sampleWeb) {
      web = await startSampleWeb(workspace.db, flags.data);
      sources.seeds = web.seeds;
      sources.depth = Math.max(sources.depth, SAMPLE_WEB_DEPTH);
      Object.assign(net, { resolve: web.resolve, hostLimits: web.hostLimits, allowPrivate: ["127.0.0.0/8"] });
    }
    const chosen = settings(workspace, flags);
    const options = crawlOptions(chosen, { sources, net }, { quiet: flags.quiet, stop: stop.signal });
    if (again.length > 0) say(`trying again: ${retry(workspace.db, again)}`);
    await runStage(stage, workspace, options, flags);
  } finally {
    web?.close();
  }
  if (stop.timeIsUp)
    say(`the time budget is used up; ${leftOver(workspace)} left over: run the same command again to go on`);
  process.exit(stop.exitCode);
}

async function runStage(stage: string, workspace: Workspace, options: CrawlOptions, flags: CrawlFlags): Promise<void> {
  const { db, data } = workspace;
  if (stage === "select") {
    runSelect(workspace, options);
  } else if (stage === "crawl") {
    const changed = await crawl(workspace, options);
    if (!options.stop.aborted) await writeReport(db, data);
    const why = flags.retry?.length ? "nothing of what was tried again came into the set" : "nothing to do";
    if (!changed && !flags.json) {
      const pages = readPages(db).waiting > 0 ? "every page that the limits on pages allow" : "every page";
      console.log(`${why}: ${pages}, list and picture is done, and the shards are up to date\n`);
    }
  } else {
    const net = new Net(db, options.net, options.stop);
    try {
      if (stage === "discover") await runDiscover(workspace, options, net);
      else await runSelectAndDownload(workspace, options, net);
    } finally {
      await net.close();
    }
  }
  const stats = collectStats(db, { top: 10 });
  console.log(flags.json ? JSON.stringify(stats) : formatSummary(stats, data));
  if (stage === "discover" && !flags.json)
    console.log(`\n${formatMatchStats(matchStats(db, options.cap), options.cap)}`);
}

/** This run's settings: what it was told, else what the run before had, else the defaults. */
function settings({ db }: Workspace, flags: CrawlFlags): Settings {
  const chosen = keptSettings(db);
  const before = { ...chosen, resize: String(chosen.resize) };
  Object.assign(chosen, before);
  for (const name of Object.keys(FIRST) as (keyof Settings)[])
    if (flags[name] !== undefined) Object.assign(chosen, { [name]: flags[name] });
  const made = db.prepare<[], { n: number }>("SELECT count(*) AS n FROM pair WHERE file IS NOT NULL").get()?.n ?? 0;
  for (const name of ["resize", "format", "quality"] as const) {
    if (made > 0 && chosen[name] !== before[name])
      throw new UsageError(
        `--${name} ${chosen[name]}: the ${made.toLocaleString("en")} pictures here were made with ${before[name]}; use another --data`,
      );
  }
  setMeta(db, "settings", JSON.stringify(chosen));
  return chosen;
}

/** The sources of the run before, so that a run that was cut goes on without being told again. */
function remembered({ db, data }: Workspace, stage: string): Told {
  const before = getMeta(db, "sources");
  if (before === undefined) throw nothingToDo(data, stage);
  return JSON.parse(before);
}

function nothingToDo(data: string, stage: string): UsageError {
  if (stage === "select" || stage === "download") {
    return new UsageError(`${data} holds no pairs yet: run \`npm run crawl\` or \`npm run discover\` first`);
  }
  return new UsageError(
    "nothing to crawl: give --seeds URL..., --urls FILE..., another source (docs/sources.md), or --sample-web for a try on this machine",
  );
}

function leftOver({ db }: Workspace): string {
  const pages = db.prepare<[], { n: number }>("SELECT count(*) AS n FROM page WHERE state = 'waiting'").get()?.n ?? 0;
  const pictures =
    db
      .prepare<[], { n: number }>(
        "SELECT count(*) AS n FROM pair WHERE state = 'candidate' OR (state = 'chosen' AND file IS NULL)",
      )
      .get()?.n ?? 0;
  return `${pages.toLocaleString("en")} pages and ${pictures.toLocaleString("en")} pictures are`;
}
