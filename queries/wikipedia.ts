import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { holdFolder } from "../store/database.ts";
import { Progress } from "../store/progress.ts";
import { UsageError } from "../store/usage-error.ts";
import { bzip2Chunks, isBzip2, plainChunks } from "./blocks.ts";
import { ByteTable, type SharedTable } from "./byte-table.ts";
import { readSiteInfo, type SiteInfo } from "./pages.ts";
import type { Counted, PairCountTask, Spilled, SpillTask } from "./pairs.ts";
import { doneStats, noStats, type Part, type PartStats, partFiles } from "./part.ts";
import { BestPairs, type Pair, type PairRule } from "./pmi.ts";
import type { Case } from "./terms.ts";
import { forEachWord } from "./word-file.ts";
import { runTasks, type Task } from "./workers.ts";

/** How a dump is counted. */
export interface DumpOptions {
  /** Folder for the results of finished parts and for spilled pairs. */
  cache: string;
  threads: number;
  /** Bytes that counting pairs may take, for all threads together. */
  memory: number;
  case: Case;
  /** The dump must be of this Wikipedia. */
  language: string;
  /** Words seen less often are not returned. */
  minCount: number;
  /** Words seen less often are in no pair. */
  minPairWord: number;
  pairs: PairRule;
  /** At most so many pairs are returned, the best. */
  maxPairs: number;
  quiet: boolean;
  stop?: AbortSignal | undefined;
}

/** What a dump holds. */
export interface DumpCounts {
  /** Words with at least `minCount` occurrences, the most frequent first. */
  words: Map<string, number>;
  /** Occurrences of any word, also of one too rare for `words`. */
  countOf: (word: string) => number;
  /** Words in all, rare ones too. */
  tokens: number;
  distinct: number;
  bigrams: Bigram[];
  /** Different pairs that were counted, and the highest PMI of one frequent enough. */
  distinctPairs: number;
  highestPmi: number;
  stats: PartStats;
  /** Parts that were read by an earlier run. */
  reused: number;
  parts: Part[];
  site: SiteInfo;
}

/** A pair of words with its counts. */
export interface Bigram {
  term: string;
  count: number;
  pmi: number;
  npmi: number;
}

/** Raised when the form of a part's results changes: those of older versions are then not used. */
const FORMAT = 2;
const PART_BYTES = { least: 4 << 20, most: 128 << 20 };
/** A bzip2 file holds 3 to 4 times its size. */
const PLAIN_FACTOR = 4;
/** Pairs a partition should hold, so that its table fits a processor's cache. */
const PARTITION_PAIRS = 300_000;

/**
 * The parts a file is read in: the same for any number of threads, so that a run with other threads goes on where the
 * last one stopped.
 * @throws Error naming the file when it cannot be a dump.
 */
export function planParts(file: string, cache: string, letters: Case): Part[] {
  const { size, mtimeMs } = statSync(file);
  const bzip2 = isBzip2(file);
  const factor = bzip2 ? 1 : PLAIN_FACTOR;
  const [head] = bzip2 ? bzip2Chunks(file, 0, 1, () => {}) : plainChunks(file, 0, 1 << 16);
  if (!head && bzip2) throw new Error(`${file}: its first bzip2 block is damaged; fetch the file again`);
  const text = head?.text ?? new Uint8Array(0);
  if ((text[0] === 0xff && text[1] === 0xfe) || (text[0] === 0xfe && text[1] === 0xff))
    throw new Error(`${file}: is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8`);
  if (!Buffer.from(text).includes("<page>") && !Buffer.from(text).includes("<mediawiki"))
    throw new Error(`${file}: neither a MediaWiki XML dump nor one packed with bzip2 (pages-articles.xml.bz2)`);
  const site = readSiteInfo(text);
  const key = createHash("sha256")
    .update(JSON.stringify([FORMAT, file, size, mtimeMs, letters]))
    .digest("hex");
  const folder = join(cache, `${basename(file)}-${key.slice(0, 12)}`);
  // As many as a power of two: two or four threads then end together.
  let count = 1;
  while (size / count > (count < 64 ? PART_BYTES.least : PART_BYTES.most) * factor) count *= 2;
  const step = Math.ceil(size / count);
  const parts: Part[] = [];
  for (let from = 0; from < size; from += step) {
    const name = String(parts.length).padStart(4, "0");
    parts.push({ file, bzip2, from, to: Math.min(size, from + step), folder, name, site, case: letters });
  }
  return parts;
}

/**
 * Counts words and pairs of one or more files of a dump. Counts are exact and the same for any number of threads. Parts
 * that an earlier run finished are not read again.
 * @throws Error naming the file when it is no dump.
 */
export async function countDump(files: readonly string[], options: DumpOptions): Promise<DumpCounts> {
  const { parts, first } = partsOf(files, options);
  holdFolder(options.cache, "--cache");
  removeUnfinished(parts);
  const { stats, reused } = await readParts(parts, options);
  const vocabulary = mergeWords(parts, options);
  const words = new Map<string, number>();
  const { all, order } = vocabulary;
  for (const id of order) {
    const count = all.counts[id] as number;
    if (count >= options.minCount) words.set(all.text(id), count);
  }
  const pairs = await countAllPairs(parts, vocabulary, stats.tokens, options);
  const bigrams = pairs.best.map(({ first, second, count, pmi, npmi }) => ({
    term: `${all.text(order[first] as number)} ${all.text(order[second] as number)}`,
    count,
    pmi,
    npmi,
  }));
  return {
    words,
    countOf: (word) => all.counts[all.findText(word)] ?? 0,
    tokens: stats.tokens,
    distinct: all.size,
    bigrams,
    distinctPairs: pairs.distinct,
    highestPmi: pairs.highest,
    stats,
    reused,
    parts,
    site: first.site,
  };
}

/**
 * A rank's share of {@link countDump}: reads its parts and leaves their results in the cache, where the count of the whole
 * finds them. The ranks may be on many machines that share the cache; each part is one rank's.
 */
export async function countShare(
  files: readonly string[],
  share: { rank: number; world: number },
  options: Pick<DumpOptions, "cache" | "case" | "language" | "threads" | "quiet" | "stop">,
): Promise<{ stats: PartStats; parts: number; reused: number }> {
  const parts = partsOf(files, options).parts.filter((_, i) => i % share.world === share.rank);
  return { ...(await readParts(parts, options)), parts: parts.length };
}

/** @throws Error naming the file that is no dump, or none of this language. */
function partsOf(
  files: readonly string[],
  options: Pick<DumpOptions, "cache" | "case" | "language">,
): { parts: Part[]; first: Part } {
  const parts = files.flatMap((file) => planParts(file, options.cache, options.case));
  const [first] = parts;
  if (!first) throw new Error(`${files.join(", ")}: empty; expected a MediaWiki XML dump`);
  for (const { file, site } of parts) {
    if (site.language !== undefined && site.language !== options.language)
      throw new UsageError(`${file}: is a dump in ${site.language}; say --lang ${site.language}`);
  }
  return { parts, first };
}

/** What killed runs left; nobody else is at these parts while the cache is held. */
function removeUnfinished(parts: readonly Part[]): void {
  for (const folder of new Set(parts.map((part) => part.folder))) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder)) if (name.endsWith(".tmp")) rmSync(join(folder, name), { force: true });
  }
}

/** Reads the parts that are not done yet and adds up what was found in all. */
async function readParts(parts: readonly Part[], options: Pick<DumpOptions, "threads" | "quiet" | "stop">) {
  const sum = noStats();
  const found = parts.map(doneStats);
  const missing = parts.filter((_, index) => found[index] === undefined);
  for (const part of missing) mkdirSync(part.folder, { recursive: true });
  const total = parts.reduce((bytes, part) => bytes + part.to - part.from, 0);
  let read = total - missing.reduce((bytes, part) => bytes + part.to - part.from, 0);
  const progress = new Progress("dump", options.quiet);
  const tasks = missing.map((part): Task => ({ kind: "part", part }));
  await runTasks<PartStats>(
    tasks,
    options.threads,
    (stats, index) => {
      const part = missing[index];
      if (!part) return;
      found[parts.indexOf(part)] = stats;
      read += part.to - part.from;
      progress.update(Math.round(read / 1e6), Math.round(total / 1e6), "MB");
    },
    options.stop,
  );
  for (const stats of found) {
    if (!stats) continue;
    for (const key of ["xml", "articles", "redirects", "others", "broken", "tokens"] as const) sum[key] += stats[key];
    sum.damages.push(...stats.damages);
  }
  progress.done(`${Math.round(sum.xml / 1e6).toLocaleString("en")} MB of XML, ${parts.length} parts`);
  return { stats: sum, reused: parts.length - missing.length };
}

/** All words of a dump by their id in `all`; the frequent enough have a rank, the same in every run. */
interface Vocabulary {
  /** Every word, however rare; in memory that all threads see. */
  all: ByteTable;
  shared: SharedTable;
  /** The id of each rank, the most frequent word first. */
  order: Uint32Array;
  /** For an id: its rank + 1, or 0 when it is too rare for pairs. */
  ranks: Uint32Array;
}

function mergeWords(parts: readonly Part[], options: DumpOptions): Vocabulary {
  const progress = new Progress("words", options.quiet);
  const merged = new ByteTable();
  for (const [index, part] of parts.entries()) {
    forEachWord(partFiles(part).words, (keys, start, end, count) => {
      if (count === 0) return;
      const id = merged.idOf(keys, start, end);
      merged.counts[id] = (merged.counts[id] as number) + count;
    });
    progress.update(index + 1, parts.length, "parts");
    options.stop?.throwIfAborted();
  }
  const shared = merged.share();
  const all = ByteTable.from(shared);
  const { counts, size } = all;
  const least = Math.min(options.minCount, options.minPairWord);
  let kept = 0;
  for (let id = 0; id < size; id++) if ((counts[id] as number) >= least) kept++;
  const order = new Uint32Array(kept);
  for (let id = 0, at = 0; id < size; id++) if ((counts[id] as number) >= least) order[at++] = id;
  order.sort((a, b) => (counts[b] as number) - (counts[a] as number) || all.compare(a, b));
  const ranks = new Uint32Array(new SharedArrayBuffer(size * 4));
  for (const [rank, id] of order.entries()) ranks[id] = (counts[id] as number) >= options.minPairWord ? rank + 1 : 0;
  progress.done(`${size.toLocaleString("en")} different ones, ${kept.toLocaleString("en")} frequent enough`);
  return { all, shared, order, ranks };
}

async function countAllPairs(parts: readonly Part[], vocabulary: Vocabulary, total: number, options: DumpOptions) {
  const progress = new Progress("pairs", options.quiet);
  const { partitions, buffer } = partitioning(total, options);
  const folder = join(options.cache, "pairs");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const best = new BestPairs(options.maxPairs, options.pairs.rank);
  const result = { distinct: 0, highest: Number.NEGATIVE_INFINITY };
  try {
    const spills = parts.map(
      (part, index): SpillTask => ({
        ...partFiles(part),
        table: vocabulary.shared,
        ranks: vocabulary.ranks,
        partitions,
        buffer,
        spill: join(folder, `${index}.spill`),
      }),
    );
    const spilled: Spilled[] = [];
    let pairs = 0;
    await runTasks<Spilled>(
      spills.map((spill): Task => ({ kind: "spill", spill })),
      options.threads,
      (answer, index) => {
        spilled[index] = answer;
        pairs += answer.pairs;
        progress.update(pairs, undefined, "dealt out");
      },
      options.stop,
    );
    const { all, order } = vocabulary;
    const counts = new Float64Array(new SharedArrayBuffer(order.length * 8));
    for (const [rank, id] of order.entries()) counts[rank] = all.counts[id] as number;
    const tasks = Array.from({ length: partitions }, (_, partition): Task => {
      const sources = spills.map(({ spill }, index) => ({
        file: spill,
        chunks: spilled[index]?.chunks[partition] ?? [],
      }));
      const count: PairCountTask = { sources, counts, total, rule: options.pairs };
      return { kind: "count", count };
    });
    await runTasks<Counted>(
      tasks,
      options.threads,
      (answer) => {
        best.add(answer.kept);
        result.distinct += answer.distinct;
        result.highest = Math.max(result.highest, answer.highest);
        progress.update(result.distinct, undefined, "different");
      },
      options.stop,
    );
    progress.done(`${pairs.toLocaleString("en")} pairs, ${result.distinct.toLocaleString("en")} different`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const taken: Pair[] = best.take();
  return { ...result, best: taken };
}

/** How many partitions, and pairs a buffer, for so many words and so much memory. */
export function partitioning(tokens: number, options: Pick<DumpOptions, "memory" | "threads">) {
  const perThread = options.memory / options.threads;
  // Half of the pairs may be different ones; a slot has 12 bytes, a growing table twice the slots and its old half.
  const bytesAPair = 0.5 * 12 * 4 * 1.5;
  const wanted = Math.max(tokens / PARTITION_PAIRS, (tokens * bytesAPair) / (perThread / 2));
  let partitions = 16;
  while (partitions < wanted && partitions < 4096) partitions *= 2;
  const buffer = Math.min(4096, Math.max(64, Math.floor(perThread / 4 / partitions / 8)));
  return { partitions, buffer };
}
