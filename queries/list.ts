import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Term, TermSource } from "../store/types.ts";

const SOURCES: readonly string[] = ["unigram", "bigram", "title", "synset"] satisfies TermSource[];

/** Terms in the order of the list: by code units, so that every machine and locale sorts alike. */
export function sortTerms(terms: Term[]): Term[] {
  return terms.sort((a, b) => (a.term < b.term ? -1 : a.term > b.term ? 1 : 0));
}

/** Rows that are put together at once. */
const ROWS = 10_000;
const joined = new WeakMap<readonly TermSource[], string>();

/** All sources of a term, a comma between; terms of one list share few arrays, so they are joined once. */
export function sourcesOf({ source, sources }: Term): string {
  if (sources === undefined) return source;
  let text = joined.get(sources);
  if (text === undefined) {
    text = sources.join(",");
    joined.set(sources, text);
  }
  return text;
}

const HEADER = "term\tsource\tcount\tscore\tsources\tviews";

/** Writes queries.tsv (term, source, count, score, all sources, views) whole or not at all; returns its SHA-256. */
export function writeQueries(file: string, terms: readonly Term[]): string {
  const hash = createHash("sha256");
  const temporary = `${file}.${process.pid}.tmp`;
  const fd = openSync(temporary, "w");
  try {
    const write = (text: string) => {
      hash.update(text);
      writeFileSync(fd, text);
    };
    write(`${HEADER}\n`);
    for (let from = 0; from < terms.length; from += ROWS) {
      let rows = "";
      for (const t of terms.slice(from, from + ROWS))
        rows += `${t.term}\t${t.source}\t${t.count}\t${t.score}\t${sourcesOf(t)}\t${t.views ?? 0}\n`;
      write(rows);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, file);
  return hash.digest("hex");
}

/** Writes the bare terms as a JSON array of strings: the form of MetaCLIP's metadata.json, which other tools read. */
export function exportJson(file: string, terms: readonly Term[]): void {
  publish(file, `[\n${terms.map(({ term }) => JSON.stringify(term)).join(",\n")}\n]\n`);
}

/** A file appears under its name only when it is complete. */
export function publish(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { flush: true });
  renameSync(temporary, file);
}

/** A query list with its checksum; a query's id is its index in `terms`. */
export interface QueryList {
  terms: Term[];
  sha256: string;
}

/**
 * Reads queries.tsv; lists of your own may leave out the last two columns.
 * @throws Error naming file and line; when the file is missing, with the command that makes it.
 */
export function readQueries(file: string): QueryList {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new Error(`${file} is not there: run \`npm run build-queries\` first`);
  }
  const lines = text.split("\n");
  if (lines[0] !== HEADER && lines[0] !== "term\tsource\tcount\tscore") {
    throw new Error(`${file}:1: expected the header "term source count score"; run \`npm run build-queries\` again`);
  }
  const terms: Term[] = [];
  // Few sets of sources are in use: half a million arrays would take 60 MB.
  const sets = new Map<string, TermSource[]>();
  const sharedSet = (names: string) => {
    const known = sets.get(names);
    if (known) return known;
    const set = names.split(",") as TermSource[];
    sets.set(names, set);
    return set;
  };
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i];
    if (!line) continue;
    const [term, source, count, score, sources = source, views = "0"] = line.split("\t");
    if (!term || !source || !SOURCES.includes(source) || !count || !score) {
      throw new Error(`${file}:${i + 1}: expected "term source count score" between tabs`);
    }
    terms.push({
      term,
      source: source as TermSource,
      count: Number(count),
      score: Number(score),
      sources: sharedSet(sources ?? source),
      views: Number(views),
    });
  }
  if (terms.length === 0) throw new Error(`${file}: the list is empty; run \`npm run build-queries\` again`);
  return { terms, sha256: createHash("sha256").update(text).digest("hex") };
}
