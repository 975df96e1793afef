import type { Database } from "../../store/database.ts";
import { UsageError } from "../../store/usage-error.ts";
import type { CaptionJudges } from "../judges.ts";
import type { Net } from "../net.ts";
import { archiveName, COMMON_CRAWL, readCdx } from "./cdx.ts";
import { checkFolder, readFolder } from "./folder.ts";
import { expandNames, inputOf, isPattern, linesOf, ownsItem, pathOf } from "./input.ts";
import type { SearchApi } from "./search/api.ts";
import { commons } from "./search/commons.ts";
import { flickr } from "./search/flickr.ts";
import { openverse } from "./search/openverse.ts";
import { searchByQuery } from "./search/search.ts";
import { readShard } from "./shards.ts";
import type { Batch } from "./source.ts";
import { readUrlList } from "./url-list.ts";
import { readWarc } from "./warc.ts";
import { readWat } from "./wat.ts";

/** Sources beside pages of the live web; each option may name several. */
export interface BulkSources {
  /** Lists of addresses and captions. */
  urls?: string[] | undefined;
  urlColumn?: string | undefined;
  captionColumn?: string | undefined;
  saveColumns?: string[] | undefined;
  /** Common Crawl's WAT files, WARC files, indexes of records; the first two also as lists of paths. */
  wat?: string[] | undefined;
  warc?: string[] | undefined;
  cdx?: string[] | undefined;
  /** Folder or address that paths in lists and indexes are relative to. */
  archiveBase?: string | undefined;
  /** NAME or NAME=ADDRESS of searches that are asked query by query. */
  search?: string[] | undefined;
  folders?: string[] | undefined;
  /** WebDataset shards. */
  shards?: string[] | undefined;
}

/** The sources that are files, which patterns may name, and their options. */
const FILES = [
  ["urls", "--urls"],
  ["wat", "--wat"],
  ["warc", "--warc"],
  ["cdx", "--cdx"],
  ["shards", "--shards-in"],
] as const;
type FileSources = Pick<BulkSources, (typeof FILES)[number][0]>;

/** What the sources need of the run. */
export interface BulkContext {
  cap: number;
  /** Loaded when a search needs them. */
  judges: () => Promise<CaptionJudges>;
  stop: AbortSignal;
  /** This process's share of the inputs. */
  rank?: number | undefined;
  world?: number | undefined;
}

/** A source, and whether it can be read on before its batches are written. */
export interface BulkSource {
  batches: AsyncGenerator<Batch>;
  readAhead: boolean;
}

/** The options that name bulk sources, whether any was given. */
export function hasBulk(sources: BulkSources): boolean {
  const { urls, wat, warc, cdx, search, folders, shards } = sources;
  return [urls, wat, warc, cdx, search, folders, shards].some((names) => names !== undefined && names.length > 0);
}

/**
 * Checks what can be checked before anything is touched.
 * @throws UsageError naming the option and what is wrong with it.
 */
export function checkBulk(sources: BulkSources): void {
  for (const search of sources.search ?? []) searchApi(search);
  for (const [source, option] of FILES) expandNames(sources[source] ?? [], option);
  for (const folder of sources.folders ?? []) checkFolder(folder);
  for (const shard of sources.shards ?? [])
    if (/^\w+:\/\//.test(shard)) throw new UsageError(`--shards-in ${shard}: download the shards and name the copies`);
}

/** The sources that patterns name, as the files that these fit now. */
export function fittingFiles(sources: BulkSources): FileSources {
  const found: FileSources = {};
  for (const [source, option] of FILES) {
    const names = sources[source] ?? [];
    if (names.some(isPattern)) found[source] = expandNames(names, option);
  }
  return found;
}

/**
 * All bulk sources in the order lists, archives, collections, searches: searches fill what the others left empty. Inputs
 * are dealt to ranks one by one; searches belong to rank 0.
 */
export function bulkSources(db: Database, net: Net, sources: BulkSources, context: BulkContext): BulkSource[] {
  const { http } = net;
  const { stop, rank = 0, world = 1 } = context;
  const base = sources.archiveBase ?? COMMON_CRAWL;
  const { urlColumn, captionColumn, saveColumns } = sources;
  const mine = (names: readonly string[]) => names.filter((_, i) => ownsItem(i, rank, world));
  const lists = mine(expandNames(sources.urls ?? [], "--urls"));
  const shards = mine(expandNames(sources.shards ?? [], "--shards-in"));
  const archives = (names: string[] | undefined, option: string, read: typeof readWat) =>
    eachArchive(net, expandNames(names ?? [], option), base, context, (name) => read(db, http, name, net.agent, stop));
  const read = [
    ...lists.map((file) => readUrlList(db, http, { file, urlColumn, captionColumn, saveColumns }, stop)),
    archives(sources.wat, "--wat", readWat),
    archives(sources.warc, "--warc", readWarc),
    ...mine(expandNames(sources.cdx ?? [], "--cdx")).map((file) => readCdx(db, http, file, base, net.agent, stop)),
    ...mine(sources.folders ?? []).map((folder) => readFolder(db, folder, stop)),
    ...shards.map((shard) => readShard(db, http, shard, stop)),
  ].map((batches) => ({ batches, readAhead: true }));
  // A search looks in the database for what it found before.
  const searches = (rank === 0 ? (sources.search ?? []) : []).map((name) => search(db, net, name, context));
  return [...read, ...searches.map((batches) => ({ batches, readAhead: false }))];
}

/** Archives one after the other; a list of paths stands for the archives it names. */
async function* eachArchive(
  net: Net,
  names: readonly string[],
  base: string,
  { stop, rank = 0, world = 1 }: BulkContext,
  read: (name: string) => AsyncGenerator<Batch>,
): AsyncGenerator<Batch> {
  let index = 0;
  for (const name of names) {
    const list = /\.(?:paths|txt)(?:\.gz)?$/.test(pathOf(name));
    for await (const path of list ? linesOf(inputOf(name, net.http)) : [name]) {
      if (path.trim() === "") continue;
      if (ownsItem(index++, rank, world)) yield* read(list ? archiveName(path.trim(), base) : path);
      if (stop.aborted) return;
    }
  }
}

async function* search(db: Database, net: Net, name: string, context: BulkContext): AsyncGenerator<Batch> {
  const { cap, stop } = context;
  yield* searchByQuery(db, net, searchApi(name), { cap, judges: await context.judges() }, stop);
}

/** The search that `--search` names. */
function searchApi(option: string): SearchApi {
  const [, name = "", address] = /^([^=]*)(?:=(.*))?$/.exec(option) ?? [];
  if (address !== undefined && !/^https?:\/\//.test(address))
    throw new UsageError(`--search ${option}: expected an http(s) address behind the =`);
  if (name === "commons") return commons(address);
  if (name === "openverse") return openverse(address);
  if (name === "flickr") return flickr(process.env["FLICKR_API_KEY"], address);
  throw new UsageError(`--search ${option}: expected commons, flickr or openverse`);
}
