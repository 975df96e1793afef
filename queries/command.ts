import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { shareOf } from "../crawler/ranks/environment.ts";
import manifest from "../package.json" with { type: "json" };
import { openDatabase } from "../store/database.ts";
import { UsageError } from "../store/usage-error.ts";
import { BIGRAM_SHARE, type BuildOptions, type BuiltList, buildQueries } from "./build.ts";
import { EMBEDDED_COUNTS, readCounts } from "./counts.ts";
import { describeDump, describeList, describeTitles } from "./describe.ts";
import { DumpServer, gigabytes, missingBytes } from "./download.ts";
import { dumpFiles, expandFiles, isUrl, MIRROR } from "./inputs.ts";
import { exportJson, publish, writeQueries } from "./list.ts";
import { ENGLISH_NAMESPACES } from "./pages.ts";
import { readTitles, type Titles } from "./pageviews.ts";
import { partFiles } from "./part.ts";
import { checkLanguage, PROFILES } from "./profiles.ts";
import { storeQueries } from "./store.ts";
import type { Case } from "./terms.ts";
import { countDump, countShare, type DumpCounts } from "./wikipedia.ts";
import { embeddedWordNet, readSynsets, type Synset } from "./wordnet.ts";

export { describeList } from "./describe.ts";

/** CLIP's length of the list and threshold for words (paper, section 2.2). */
export const CLIP_LIST: BuildOptions = { size: 500_000, minCount: 100 };

/** Where a workspace keeps its query list. */
export function queriesFile(data: string): string {
  return join(data, "queries.tsv");
}

/**
 * Builds the query list of a workspace from ready counts and WordNet, without a dump, and writes it to `file`.
 * @throws Error naming the input that cannot be read.
 */
export async function buildList(
  file: string,
  inputs: { counts?: string | undefined; wordnet?: string | undefined },
  options: BuildOptions,
): Promise<BuiltList & { sha256: string }> {
  const words = await readCounts(inputs.counts ?? EMBEDDED_COUNTS);
  const list = buildQueries({ words, synsets: readSynsets(inputs.wordnet ?? embeddedWordNet()) }, options);
  mkdirSync(dirname(file), { recursive: true });
  return { ...list, sha256: writeQueries(file, list.terms) };
}

/** Options of `build-queries`, as the command line gives them. */
export interface BuildQueriesFlags {
  data: string;
  quiet: boolean;
  size: number;
  minCount: number;
  out?: string;
  counts?: string;
  dump?: string[];
  pageviews?: string[];
  wordnet?: string;
  profile: "clip" | "metaclip";
  case: Case;
  lang: string;
  bigramShare?: number;
  rankBy?: "pmi" | "npmi";
  rank?: number;
  world?: number;
  minPmi?: number;
  minPairCount?: number;
  minViews?: number;
  memory: number;
  threads?: number;
  cache?: string;
  export?: "json";
  download?: string | true;
  pageviewHours?: string[];
  mirror: string;
  userAgent?: string;
  yes: boolean;
}

/** `npm run build-queries`: builds the list and says what it is made of. */
export async function buildQueriesCommand(flags: BuildQueriesFlags): Promise<void> {
  checkLanguage(flags.lang);
  if (flags.counts !== undefined && (flags.dump || flags.download))
    throw new UsageError("--counts and --dump both give the words: use one of them");
  if (flags.lang !== "en" && flags.counts === undefined && !flags.dump && !flags.download)
    throw new UsageError(`--lang ${flags.lang}: the embedded words are English; add --dump, --download or --counts`);
  const say = (text: string) => void (flags.quiet || console.log(text));
  const cache = flags.cache ?? join(flags.data, "cache");
  const fetched = await fetchInputs(flags, cache);
  const dumps = fetched.dump.length > 0 ? dumpFiles(fetched.dump) : [];
  const hours = fetched.pageviews.length > 0 ? expandFiles("--pageviews", fetched.pageviews) : [];
  const share = shareIn(flags);
  if (share) return say(await countOwnShare(dumps, share, cache, flags));
  // Held before the long work: a crawl must not lose its list while it runs, and one that runs should be told now.
  const db = flags.out === undefined ? openDatabase(flags.data) : undefined;
  const profile = PROFILES[flags.profile];

  const dump = dumps.length > 0 ? await readDump(dumps, cache, flags) : undefined;
  if (dump) say(describeDump(dump));
  const views = { ...profile.views, minViews: flags.minViews ?? profile.views.minViews };
  const titles = hours.length > 0 ? await readViews(hours, dump, views, flags) : undefined;
  if (titles) say(describeTitles(titles, views.minViews));

  const words = dump?.words ?? (await readCounts(flags.counts ?? EMBEDDED_COUNTS));
  const options: Required<BuildOptions> = {
    size: flags.size,
    minCount: flags.minCount,
    bigramShare: flags.bigramShare ?? BIGRAM_SHARE,
    case: flags.case,
    rank: flags.rankBy ?? profile.pairs.rank,
  };
  const list = buildQueries(
    {
      words,
      synsets: synsetsFor(flags),
      ...(dump && { bigrams: dump.bigrams, countOf: dump.countOf }),
      ...(titles && { titles: titles.terms }),
    },
    options,
  );
  const file = flags.out ?? queriesFile(flags.data);
  mkdirSync(dirname(resolve(file)), { recursive: true });
  const sha256 = writeQueries(file, list.terms);
  publish(
    `${file.replace(/\.tsv$/, "")}.provenance.json`,
    `${JSON.stringify(provenance(flags, options, views, { dumps, hours, dump, titles, list, sha256 }), null, 2)}\n`,
  );
  if (db) storeQueries(db, { terms: list.terms, sha256 });
  say(describeList(list, flags, { dump: dump !== undefined, pageviews: titles !== undefined }));
  say(`written to ${file} (sha256 ${sha256.slice(0, 12)})`);
  if (flags.export === "json") {
    const exported = `${file.replace(/\.tsv$/, "")}.json`;
    exportJson(exported, list.terms);
    say(`and as a JSON array to ${exported}`);
  }
}

/** Which ranks' share of the dump is to be counted, if not all; either half may come from an array engine. */
function shareIn({ rank, world }: BuildQueriesFlags): { rank: number; world: number } | undefined {
  if (rank === undefined && world === undefined) return undefined;
  if (rank === undefined) {
    const share = shareOf(process.env, world);
    if (!share) throw new UsageError("--rank is missing, and no array engine says it (SLURM_ARRAY_TASK_ID, ...)");
    return { rank: share.index, world: share.stride };
  }
  if (world === undefined) throw new UsageError("--world is missing: how many ranks there are");
  if (rank >= world) throw new UsageError(`--rank ${rank}: with --world ${world} the last one is ${world - 1}`);
  return { rank, world };
}

/** One rank's part of the work; the same command without --rank and --world makes the list of what all ranks counted. */
async function countOwnShare(
  dumps: readonly string[],
  share: { rank: number; world: number },
  cache: string,
  flags: BuildQueriesFlags,
): Promise<string> {
  if (dumps.length === 0) throw new UsageError("--rank is for counting a dump: give --dump");
  mkdirSync(cache, { recursive: true });
  const { parts, reused, stats } = await countShare(dumps, share, {
    cache,
    case: flags.case,
    language: flags.lang,
    threads: flags.threads ?? availableParallelism(),
    quiet: flags.quiet,
  });
  return `rank ${share.rank} of ${share.world}: ${parts} parts counted${reused > 0 ? `, ${reused} of them before` : ""}, ${stats.articles.toLocaleString("en")} articles`;
}

/** WordNet is English: other languages have it only when they are given one. */
function synsetsFor(flags: BuildQueriesFlags): Synset[] {
  if (flags.wordnet === undefined && flags.lang !== "en") return [];
  return readSynsets(flags.wordnet ?? embeddedWordNet(), flags.case);
}

async function readDump(files: string[], cache: string, flags: BuildQueriesFlags): Promise<DumpCounts> {
  const { pairs, minPairWord } = PROFILES[flags.profile];
  mkdirSync(cache, { recursive: true });
  const dump = await countDump(files, {
    cache,
    threads: flags.threads ?? availableParallelism(),
    memory: flags.memory * 1e6,
    case: flags.case,
    language: flags.lang,
    minCount: flags.minCount,
    minPairWord: minPairWord ?? flags.minCount,
    pairs: {
      minCount: flags.minPairCount ?? pairs.minCount ?? flags.minCount,
      minPmi: flags.minPmi ?? pairs.minPmi,
      rank: flags.rankBy ?? pairs.rank,
    },
    maxPairs: flags.size,
    quiet: flags.quiet,
  });
  return dump;
}

function readViews(
  hours: string[],
  dump: DumpCounts | undefined,
  views: (typeof PROFILES)["clip"]["views"],
  flags: BuildQueriesFlags,
): Promise<Titles> {
  const site = dump?.site ?? {
    namespaces: ENGLISH_NAMESPACES,
    mainPage: flags.lang === "en" ? "Main Page" : undefined,
  };
  const titleFiles = (dump?.parts ?? []).map((part) => partFiles(part).titles);
  return readTitles(hours, titleFiles, site, { ...views, language: flags.lang, case: flags.case }, flags.quiet);
}

/** What is to be fetched is fetched into the cache; returns names of local files. */
async function fetchInputs(flags: BuildQueriesFlags, cache: string): Promise<{ dump: string[]; pageviews: string[] }> {
  const dump = (flags.dump ?? []).filter((name) => !isUrl(name));
  const urls = (flags.dump ?? []).filter(isUrl);
  const pageviews = [...(flags.pageviews ?? [])];
  if (!flags.download && urls.length === 0) return { dump, pageviews };
  const date = flags.download === true ? undefined : flags.download;
  if (date !== undefined && !/^\d{8}$/.test(date)) throw new UsageError(`--download ${date}: expected YYYYMMDD`);
  const server = new DumpServer(flags.mirror, userAgent(flags, [flags.download ? flags.mirror : "", ...urls]));
  try {
    const files = await Promise.all(urls.map((url) => server.file(url, cache)));
    dump.push(...files.map(({ path }) => path));
    if (flags.download) {
      const wiki = `${flags.lang.replaceAll("-", "_")}wiki`;
      const hours = flags.pageviewHours?.[0] === "none" ? [] : flags.pageviewHours;
      const plan = await server.plan(wiki, date, hours, cache);
      files.push(...plan.dump, ...plan.pageviews);
      dump.push(...plan.dump.map(({ path }) => path));
      pageviews.push(...plan.pageviews.map(({ path }) => path));
    }
    const bytes = missingBytes(files, cache);
    if (bytes > 0) {
      await agree(`${gigabytes(bytes)} in ${files.length} files are to be fetched into ${cache}`, flags.yes);
      await server.fetch(files, flags.quiet);
    }
  } finally {
    await server.close();
  }
  return { dump, pageviews };
}

async function agree(what: string, yes: boolean): Promise<void> {
  if (yes) return void console.error(what);
  if (!process.stdin.isTTY) throw new UsageError(`${what}: add --yes to agree`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${what}. Go on? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError("nothing was fetched");
}

/** Wikimedia asks every program to say who runs it. */
function userAgent(flags: BuildQueriesFlags, urls: string[]): string {
  const name = `${manifest.name}/${manifest.version}`;
  if (flags.userAgent !== undefined) {
    if (!/^[\x20-\x7e]+$/.test(flags.userAgent)) throw new UsageError("--user-agent: expected printable ASCII");
    return flags.userAgent;
  }
  const local = urls.every((url) => url === "" || /^(localhost|127\.|\[::1\])/.test(new URL(url).host));
  if (local) return name;
  throw new UsageError(
    `--user-agent is missing: ${new URL(MIRROR).host} asks who is there, e.g. --user-agent '${name} (you@example.org)'`,
  );
}

/** All that decided the list, beside it in queries.provenance.json: enough to build it again. */
function provenance(
  flags: BuildQueriesFlags,
  options: Required<BuildOptions>,
  views: object,
  made: {
    dumps: string[];
    hours: string[];
    dump: DumpCounts | undefined;
    titles: Titles | undefined;
    list: BuiltList;
    sha256: string;
  },
) {
  const { dump, titles } = made;
  return {
    version: manifest.version,
    sha256: made.sha256,
    terms: made.list.terms.length,
    options: { ...options, profile: flags.profile, lang: flags.lang, counts: flags.counts ?? null },
    dump: dump && {
      files: made.dumps.map((file) => basename(file)),
      ...dump.stats,
      distinctWords: dump.distinct,
      distinctPairs: dump.distinctPairs,
    },
    pageviews: titles && { hours: made.hours.map((file) => basename(file)), days: titles.days, ...views },
    composition: made.list.composition,
  };
}
