import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { parseResize, type StoredFormat } from "../filters/image/resize.ts";
import { profileNamed } from "../filters/profiles.ts";
import type { MatchMode } from "../filters/words.ts";
import manifest from "../package.json" with { type: "json" };
import { normaliseUrl } from "../store/pair-id.ts";
import { UsageError } from "../store/usage-error.ts";
import type { CrawlOptions, Sources } from "./crawl.ts";
import type { JudgeSettings } from "./judges.ts";
import { AGENT, checkNetOptions, type NetOptions } from "./net.ts";
import { type BulkSources, checkBulk, hasBulk } from "./sources/bulk.ts";

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

/** What a run was told about its sources and the net: kept for the run that takes it up again. */
export interface Told {
  sources: Sources;
  net: NetOptions;
  sampleWeb: boolean;
}

/** The options of a crawl under these settings. */
export function crawlOptions(
  settings: Settings,
  { sources, net }: Pick<Told, "sources" | "net">,
  run: { quiet: boolean; stop: AbortSignal },
): CrawlOptions {
  const resize = parseResize(settings.resize);
  if (!resize) throw new UsageError(`--resize ${settings.resize}: see --help for the modes`);
  const profile = profileNamed(settings.profile);
  return {
    ...settings,
    resize,
    profile,
    judging: judgeSettings(settings),
    balance: settings.balance === "auto" ? (profile.balance ?? "exact") : settings.balance,
    maxPictures: profile.captions.maxPictures,
    ...run,
    sources,
    net: { ...net, optOut: settings.optOut },
  };
}

/** The sources on the command line, checked before anything is touched; undefined without any. */
export function whatWasTold(flags: CrawlFlags): Told | undefined {
  const { sampleWeb = false } = flags;
  const bulk = bulkOf(flags);
  checkBulk(bulk);
  const seeds = [...(flags.seeds ?? []), ...(flags.seedsFile === undefined ? [] : seedsIn(flags.seedsFile))];
  for (const seed of seeds) {
    if (!normaliseUrl(seed))
      throw new UsageError(`--seeds ${seed}: expected an address that begins with http:// or https://`);
  }
  if (seeds.length === 0 && !hasBulk(bulk) && !sampleWeb) return undefined;
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
