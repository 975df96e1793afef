import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { parseResize, type StoredFormat } from "../filters/image/resize.ts";
import { profileNamed } from "../filters/profiles.ts";
import type { MatchMode } from "../filters/words.ts";
import manifest from "../package.json" with { type: "json" };
import { type Database, databaseFile, getMeta, setMeta } from "../store/database.ts";
import { normaliseUrl } from "../store/pair-id.ts";
import { writeReport } from "../store/report/report.ts";
import { collectStats, formatSummary } from "../store/stats.ts";
import { UsageError } from "../store/usage-error.ts";
import { type CrawlOptions, crawl, runDiscover, runSelect, runSelectAndDownload, type Sources } from "./crawl.ts";
import type { JudgeSettings } from "./judges.ts";
import { formatMatchStats, matchStats } from "./match-stats.ts";
import { AGENT, checkNetOptions, Net, type NetOptions } from "./net.ts";
import { checkRetry, retry } from "./retry.ts";
import { type RunningSampleWeb, startSampleWeb } from "./sample-web.ts";
import { type BulkSources, checkBulk, hasBulk } from "./sources/bulk.ts";
import { Stop } from "./stop.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

/** What decides the bytes of a data set beside its input. A workspace keeps them: to leave one out means "as before". */
export interface Settings {
  cap: number;
  seed: number;
  /** As on the command line, see filters/image/resize.ts. */
  resize: string;
  format: StoredFormat;
  quality: number;
  shardSize: number;
  /** How captions are judged, and the choice made; `auto` is as the profile has it. */
  profile: string;
  lang: string;
  match: MatchMode | "auto";
  balance: "exact" | "metaclip" | "auto";
  captionsPerImage: number;
  /** What signals against training lead to. */
  optOut: "obey" | "record";
}

/** The settings of a new workspace. */
export const FIRST: Settings = {
  cap: 20_000,
  seed: 0,
  resize: "256",
  format: "jpg",
  quality: 90,
  shardSize: 10_000,
  profile: "clip",
  lang: "en",
  match: "auto",
  balance: "auto",
  captionsPerImage: 1,
  optOut: "obey",
};

/** Options of crawl, discover, select and download, as the command line gives them. */
export interface CrawlFlags extends Partial<Settings> {
  data: string;
  quiet: boolean;
  json: boolean;
  seeds?: string[];
  seedsFile?: string;
  urls?: string[];
  urlCol?: string;
  captionCol?: string;
  saveCols?: string[];
  wat?: string[];
  warc?: string[];
  cdx?: string[];
  archiveBase?: string;
  search?: string[];
  folder?: string[];
  shardsIn?: string[];
  sampleWeb?: boolean;
  depth: number;
  maxPages: number;
  maxPagesPerSite?: number;
  dns?: string[];
  userAgent?: string;
  allowPrivate: string[];
  resolve: string[];
  hostLimits?: string;
  timeBudget?: number;
  retry?: string[];
}

/** How captions are judged under these settings. */
export function judgeSettings(settings: Pick<Settings, "profile" | "lang" | "match" | "optOut">): JudgeSettings {
  const { profile, lang, match, optOut } = settings;
  return { profile, lang, match: match === "auto" ? (profileNamed(profile).match ?? "fold") : match, optOut };
}

/** The settings a workspace was last used with. */
export function keptSettings(db: Database): Settings {
  return { ...FIRST, ...JSON.parse(getMeta(db, "settings") ?? "{}") };
}

/** What a run was told about its sources and the net: kept in the workspace for the run that takes it up again. */
interface Remembered {
  sources: Sources;
  net: NetOptions;
  sampleWeb: boolean;
}

/** `npm run crawl` and its parts. */
export async function crawlCommand(
  stage: "crawl" | "discover" | "select" | "download",
  flags: CrawlFlags,
): Promise<void> {
  const told = whatWasTold(flags, stage);
  const again = checkRetry(flags.retry ?? []);
  const stop = new Stop(flags.timeBudget);
  const say = (text: string) => void (flags.quiet || process.stderr.write(`${text}\n`));
  const workspace = await openWorkspace(flags.data, say, stage === "select" || stage === "download");
  let web: RunningSampleWeb | undefined;
  try {
    const { sources, net, sampleWeb } = told ?? remembered(workspace, stage);
    if (told) setMeta(workspace.db, "sources", JSON.stringify(told));
    if (sampleWeb) {
      web = await startSampleWeb(workspace.db, flags.data);
      sources.seeds = web.seeds;
      // Its pages hang on one another like beads.
      sources.depth = Math.max(sources.depth, 1_000);
      Object.assign(net, { resolve: web.resolve, hostLimits: web.hostLimits, allowPrivate: ["127.0.0.0/8"] });
    }
    const chosen = settings(workspace, flags);
    const resize = parseResize(chosen.resize);
    if (!resize) throw new UsageError(`--resize ${chosen.resize}: see --help for the modes`);
    const profile = profileNamed(chosen.profile);
    const options: CrawlOptions = {
      ...chosen,
      resize,
      profile,
      judging: judgeSettings(chosen),
      balance: chosen.balance === "auto" ? (profile.balance ?? "exact") : chosen.balance,
      maxPictures: profile.captions.maxPictures,
      quiet: flags.quiet,
      sources,
      net: { ...net, optOut: chosen.optOut },
      stop: stop.signal,
    };
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
    if (!changed && !flags.json)
      console.log("nothing to do: every page, list and picture is done, and the shards are up to date\n");
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

/** The sources on the command line, checked before anything is touched; undefined without any. */
function whatWasTold(flags: CrawlFlags, stage: string): Remembered | undefined {
  const { sampleWeb = false } = flags;
  const bulk = bulkOf(flags);
  checkBulk(bulk);
  const seeds = [...(flags.seeds ?? []), ...(flags.seedsFile === undefined ? [] : seedsIn(flags.seedsFile))];
  for (const seed of seeds) {
    if (!normaliseUrl(seed))
      throw new UsageError(`--seeds ${seed}: expected an address that begins with http:// or https://`);
  }
  if (seeds.length === 0 && !hasBulk(bulk) && !sampleWeb) {
    if (!existsSync(databaseFile(flags.data))) throw nothingToDo(flags.data, stage);
    return undefined;
  }
  const { dns, maxPagesPerSite, depth, maxPages, allowPrivate, resolve, hostLimits } = flags;
  const net: NetOptions = {
    userAgent: userAgent(flags, seeds, sampleWeb),
    allowPrivate,
    resolve,
    hostLimits,
    dns,
  };
  try {
    checkNetOptions(net);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return {
    sampleWeb,
    sources: { seeds, depth, maxPages, maxPagesPerSite, ...bulk },
    net,
  };
}

function bulkOf(flags: CrawlFlags): BulkSources {
  const { urls, urlCol: urlColumn, captionCol: captionColumn, wat, warc, cdx, archiveBase, search } = flags;
  const saveColumns = flags.saveCols?.flatMap((names) => names.split(",")).filter((name) => name !== "");
  const { folder: folders, shardsIn: shards } = flags;
  return { urls, urlColumn, captionColumn, saveColumns, wat, warc, cdx, archiveBase, search, folders, shards };
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
function remembered({ db, data }: Workspace, stage: string): Remembered {
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

/** Strangers' servers are told who asks and how to reach them (RFC 9309, 2.2.1); on this machine nobody needs to know. */
function userAgent(flags: CrawlFlags, seeds: readonly string[], sampleWeb: boolean): string {
  if (flags.userAgent !== undefined) {
    if (!/^[\x20-\x7e]+$/.test(flags.userAgent)) throw new UsageError("--user-agent: expected printable ASCII");
    return flags.userAgent;
  }
  const mapped = new Set(flags.resolve.map((entry) => entry.split(":")[0]));
  const local = (address: string) => {
    const host = URL.parse(address)?.hostname.replace(/^\[|\]$/g, "") ?? "";
    return mapped.has(host) || host === "localhost" || isIP(host) !== 0;
  };
  const onlyOwn = seeds.length === 0 && !hasBulk({ ...bulkOf(flags), folders: [], shards: [] });
  if (sampleWeb || onlyOwn || flags.allowPrivate.length > 0 || (seeds.length > 0 && seeds.every(local)))
    return `webimagetext/${manifest.version} (on this machine)`;
  throw new UsageError(
    `--user-agent is missing: sites are told who crawls them, e.g. --user-agent '${AGENT}/${manifest.version} (+https://example.org/crawl; you@example.org)'`,
  );
}

function seedsIn(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
  } catch (error) {
    throw new UsageError(`--seeds-file ${file}: ${(error as Error).message}`);
  }
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
