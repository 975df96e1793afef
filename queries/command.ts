import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../store/usage-error.ts";
import { type BuildOptions, type BuiltList, buildQueries } from "./build.ts";
import { EMBEDDED_COUNTS, readCounts } from "./counts.ts";
import { writeQueries } from "./list.ts";
import { embeddedWordNet, readSynsets } from "./wordnet.ts";

/** CLIP's length of the list and threshold for words (paper, section 2.2). */
export const CLIP_LIST: BuildOptions = { size: 500_000, minCount: 100 };

/** Where the words, counts and synsets come from; what is left out is taken from what is embedded. */
export interface ListInputs {
  counts?: string | undefined;
  wordnet?: string | undefined;
}

/** Where a workspace keeps its query list. */
export function queriesFile(data: string): string {
  return join(data, "queries.tsv");
}

/**
 * Builds the query list of a workspace and writes it to `file`.
 * @throws Error naming the input that cannot be read.
 */
export async function buildList(
  file: string,
  inputs: ListInputs,
  options: BuildOptions,
): Promise<BuiltList & { sha256: string }> {
  const counts = await readCounts(inputs.counts ?? EMBEDDED_COUNTS);
  const list = buildQueries(counts, readSynsets(inputs.wordnet ?? embeddedWordNet()), options);
  mkdirSync(join(file, ".."), { recursive: true });
  return { ...list, sha256: writeQueries(file, list.terms) };
}

/** What a list is made of, in plain words, and what is missing to CLIP's 500,000. */
export function describeList(list: BuiltList, options: BuildOptions): string {
  const n = (value: number) => value.toLocaleString("en");
  const lines = [
    `${n(list.terms.length)} terms: ${n(list.words)} words seen ${n(options.minCount)} times or more, ${n(list.lemmasAdded)} more from the lemmas of ${n(list.synsets)} WordNet synsets`,
  ];
  if (list.cut > 0) lines.push(`${n(list.cut)} terms were left out: --size is ${n(options.size)}`);
  else if (list.terms.length < options.size) {
    lines.push(
      `${n(options.size)} need a Wikipedia dump: its rarer words, high-PMI bigrams and page titles are not in any package.`,
      "Reading a dump (--dump enwiki-DATE-pages-articles-multistream.xml.bz2) is not built yet; until then --counts FILE takes any longer list of `word count`.",
    );
  }
  return lines.join("\n");
}

/** Options of `build-queries`. */
export interface BuildQueriesFlags extends ListInputs {
  data: string;
  size: number;
  minCount: number;
  out?: string;
  dump?: string;
}

/** `npm run build-queries`: builds the list and says what it is made of. */
export async function buildQueriesCommand(flags: BuildQueriesFlags): Promise<void> {
  if (flags.dump !== undefined) {
    throw new UsageError(
      "--dump: reading a Wikipedia dump is not built yet; --counts FILE takes a list of `word count` lines",
    );
  }
  const file = flags.out ?? queriesFile(flags.data);
  const list = await buildList(file, flags, flags);
  console.log(`${describeList(list, flags)}\nwritten to ${file} (sha256 ${list.sha256.slice(0, 12)})`);
}
