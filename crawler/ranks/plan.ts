import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import { termHash } from "../../filters/priority.ts";
import type { MatchMode } from "../../filters/words.ts";
import manifest from "../../package.json" with { type: "json" };
import { readQueries } from "../../queries/list.ts";
import type { Objects } from "../../store/objects.ts";
import { UsageError } from "../../store/usage-error.ts";
import {
  type CrawlFlags,
  crawlOptions,
  FIRST,
  judgeSettings,
  type Settings,
  type Told,
  whatWasTold,
} from "../flags.ts";
import { matcherTable } from "../judges.ts";
import { SAMPLE_WEB_DEPTH, startSampleWebOn } from "../sample-web.ts";
import { fittingFiles } from "../sources/bulk.ts";
import { PLAN } from "./names.ts";

/** What a build by ranks is: fixed when it begins, the same for all ranks on all machines. */
export interface Plan {
  /** Of the program that began it. */
  version: string;
  /** Ranks of each stage that is divided. */
  world: number;
  settings: Settings;
  sources: Told["sources"];
  /** The files that patterns among them fitted then: ranks find theirs by counting. Plans of earlier versions have none. */
  files?: ReturnType<typeof fittingFiles>;
  /** `hostLimits` is the text of the file here: other machines need not have it. */
  net: Told["net"];
  /** Port of the sample web on the machine of the driver, when that is what is crawled. */
  sampleWebPort?: number;
  /** SHA-256 of queries.tsv, and its length. */
  queries: { sha256: string; terms: number };
  /** What must not be taken in, see `npm run remove`. */
  removed: { kind: string; value: string; at: string }[];
}

const HASHES = "cluster/hashes.bin";
/** The query list. */
export const QUERIES = "queries.tsv";
/** Its tables for the matcher, of the mode that the settings say. */
export const MATCHER = "cluster/matcher.bin";

/** A plan, and the web that must run while it is carried out. */
export interface PreparedPlan {
  plan: Plan;
  web?: { close: () => void };
}

/** The plan of the build in this store, if one was begun. */
export async function readPlan(store: Objects): Promise<Plan | undefined> {
  const bytes = await store.getIfPresent(PLAN);
  return bytes && JSON.parse(bytes.toString("utf8"));
}

/** The {@link termHash} of every query, by id. */
export async function readHashes(store: Objects): Promise<Int32Array> {
  const bytes = await store.get(HASHES);
  return new Int32Array(new Uint8Array(bytes).buffer);
}

/**
 * The plan for these options: the one that is there, when they do not contradict it, or a new one, which is published with
 * the query list. With the sample web that web is started.
 * @param ranks the world; may be left out where there is a plan.
 * @throws UsageError naming the option that is wrong, or is not as the plan has it.
 */
export async function preparePlan(
  store: Objects,
  flags: CrawlFlags,
  ranks: number | undefined,
  say: (text: string) => void = () => {},
): Promise<PreparedPlan> {
  const told = whatWasTold(flags);
  // Checked before anything is touched.
  if (told) crawlOptions({ ...FIRST, ...settingsIn(flags) }, told, { quiet: true, stop: AbortSignal.abort() });
  const before = await readPlan(store);
  if (before) {
    compare(before, flags, told, ranks);
    return withWeb(before);
  }
  if (!told)
    throw new UsageError(`${store.location} holds no build by ranks yet: give its sources, e.g. --wat wat.paths.gz`);
  if (ranks === undefined) throw new UsageError("--ranks is missing: how many parts each stage is cut into");
  const removed = removalsIn(store.location);
  const plan: Plan = {
    version: manifest.version,
    world: ranks,
    settings: { ...FIRST, ...settingsIn(flags) },
    sources: told.sources,
    files: fittingFiles(told.sources),
    net: withLimits(told.net),
    queries: await publishQueries(store, judgeSettings({ ...FIRST, ...settingsIn(flags) }).match, say),
    removed,
  };
  if (!told.sampleWeb) return { plan: await publishPlan(store, plan) };
  const web = await startSampleWebOn(undefined);
  plan.sampleWebPort = web.port;
  plan.sources = { ...told.sources, seeds: web.seeds, depth: Math.max(told.sources.depth, SAMPLE_WEB_DEPTH) };
  plan.net = { ...told.net, resolve: web.resolve, hostLimits: web.hostLimits, allowPrivate: ["127.0.0.0/8"] };
  return { plan: await publishPlan(store, plan), web };
}

async function withWeb(plan: Plan): Promise<PreparedPlan> {
  return plan.sampleWebPort === undefined ? { plan } : { plan, web: await startSampleWebOn(plan.sampleWebPort) };
}

async function publishPlan(store: Objects, plan: Plan): Promise<Plan> {
  if (!(await store.putIfAbsent(PLAN, Buffer.from(`${JSON.stringify(plan, null, 2)}\n`))))
    throw new Error(`${store.url(PLAN)}: another process has just begun a build here; run the same command again`);
  return plan;
}

/** The settings that were told. */
function settingsIn(flags: CrawlFlags): Partial<Settings> {
  const names = (Object.keys(FIRST) as (keyof Settings)[]).filter((name) => flags[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, flags[name]]));
}

function withLimits(net: Told["net"]): Told["net"] {
  return net.hostLimits === undefined ? net : { ...net, hostLimits: readFileSync(net.hostLimits, "utf8") };
}

/** @throws UsageError naming the first option that is not as the plan has it. */
function compare(plan: Plan, flags: CrawlFlags, told: Told | undefined, ranks: number | undefined): void {
  const differ = (name: string, now: unknown, then: unknown) => {
    const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UsageError(
      `${option} ${JSON.stringify(now)}: the build here was begun with ${JSON.stringify(then)}; leave it out, or use another --data`,
    );
  };
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  if (ranks !== undefined && ranks !== plan.world) differ("ranks", ranks, plan.world);
  for (const [name, value] of Object.entries(settingsIn(flags))) {
    const then = plan.settings[name as keyof Settings];
    if (!same(String(value), String(then))) differ(name, value, then);
  }
  if (!told) return;
  if (told.sampleWeb !== (plan.sampleWebPort !== undefined)) differ("sampleWeb", told.sampleWeb, !told.sampleWeb);
  if (told.sampleWeb) return;
  for (const [name, value] of Object.entries(told.sources)) {
    const then = plan.sources[name as keyof Told["sources"]];
    if (!same(value, then)) differ(OPTION[name] ?? name, value, then);
  }
  for (const [name, value] of Object.entries(withLimits(told.net))) {
    const then = plan.net[name as keyof Told["net"]];
    if (!same(value, then)) differ(name, value, then);
  }
}

/** Names of sources that the command line calls otherwise. */
const OPTION: Record<string, string> = {
  urlColumn: "url-col",
  captionColumn: "caption-col",
  saveColumns: "save-cols",
  folders: "folder",
  shards: "shards-in",
};

/** Publishes the query list, the embedded one where there is none, the hashes of its terms and the tables of its matcher. */
async function publishQueries(store: Objects, mode: MatchMode, say: (text: string) => void): Promise<Plan["queries"]> {
  const folder = mkdtempSync(join(tmpdir(), "webimagetext-plan-"));
  try {
    const file = join(folder, QUERIES);
    if (await store.stat(QUERIES)) {
      await store.fetch(QUERIES, file, { readOnly: true });
    } else {
      const { buildList, CLIP_LIST } = await import("../../queries/command.ts");
      const { terms } = await buildList(file, {}, CLIP_LIST);
      say(`made the embedded query list of ${terms.length.toLocaleString("en")} terms`);
      await store.putIfAbsent(QUERIES, readFileSync(file));
    }
    const queries = readQueries(file);
    const hashes = Int32Array.from(queries.terms, ({ term }) => termHash(term));
    await store.put(HASHES, Buffer.from(hashes.buffer));
    matcherTable(folder, queries, mode);
    await store.put(MATCHER, { file: join(folder, "cache", `matcher-${mode}.bin`) });
    return { sha256: queries.sha256, terms: queries.terms.length };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was taken down in a workspace that holds nothing else yet. */
function removalsIn(data: string): Plan["removed"] {
  const file = join(data, "wit.sqlite");
  if (/^\w+:\/\//.test(data) || !existsSync(file)) return [];
  const db = new SQLite(file, { readonly: true });
  try {
    if (db.prepare("SELECT 1 FROM pair LIMIT 1").get())
      throw new UsageError(`--data ${data} holds a data set that was not built by ranks: use another folder`);
    return db.prepare<[], Plan["removed"][number]>("SELECT kind, value, at FROM removed ORDER BY kind, value").all();
  } finally {
    db.close();
  }
}
