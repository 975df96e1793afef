import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { pmi } from "../../queries/pmi.ts";
import { termKey, wordsOf } from "../../queries/terms.ts";
import { embeddedWordNet, readSynsets } from "../../queries/wordnet.ts";
import { proseOf } from "./grown-dump.ts";

const JOINTS = " \t\u00a0\u2009\u200a\u202f\u2010\u2011\u00ad'\u2019-";
const joins = new Map<string, boolean>();

/** A text cut at every character that neither belongs to words nor joins two of them. */
function segments(text: string): string[] {
  let kept = "";
  for (const character of text) {
    let known = joins.get(character);
    if (known === undefined) {
      known = JOINTS.includes(character) || wordsOf(character, "fold").length > 0;
      joins.set(character, known);
    }
    kept += known ? character : "\n";
  }
  return kept.split("\n").filter((segment) => segment.trim() !== "");
}

/** The query list made the obvious way: strings, Maps, no parts, no threads. A row a term: term, source, count, score, sources, views. */
export async function slowList(
  xml: Buffer,
  hours: readonly string[],
  size: number,
  minCount: number,
): Promise<string[]> {
  const texts = proseOf(xml).flatMap(({ text }) => segments(text).map((segment) => wordsOf(segment, "fold")));
  const words = new Map<string, number>();
  let total = 0;
  for (const text of texts) {
    for (const word of text) {
      words.set(word, (words.get(word) ?? 0) + 1);
      total++;
    }
  }
  const frequent = [...words].filter(([word, count]) => count >= minCount && /[\p{L}\p{N}]/u.test(word));
  frequent.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));

  const pairs = new Map<string, number>();
  const often = new Set(frequent.map(([word]) => word));
  for (const text of texts) {
    for (const [index, word] of text.entries()) {
      const pair = `${text[index - 1]} ${word}`;
      if (index > 0 && often.has(text[index - 1] ?? "") && often.has(word)) pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    }
  }
  const rank = new Map(frequent.map(([word], index) => [word, index]));
  const bigrams = [...pairs].flatMap(([term, count]) => {
    const [first = "", second = ""] = term.split(" ");
    const value = pmi(count, words.get(first) ?? 0, words.get(second) ?? 0, total);
    return count >= minCount && value >= 0 ? [{ term, count, value, first, second }] : [];
  });
  bigrams.sort(
    (a, b) =>
      b.value - a.value ||
      b.count - a.count ||
      (rank.get(a.first) ?? 0) - (rank.get(b.first) ?? 0) ||
      (rank.get(a.second) ?? 0) - (rank.get(b.second) ?? 0),
  );
  bigrams.length = Math.min(bigrams.length, size);

  const titles = await slowTitles(xml, hours);
  const synsets = readSynsets(embeddedWordNet());
  const known = new Set(synsets.flatMap(({ lemmas }) => lemmas.map((lemma) => termKey(lemma, "fold"))));
  const bigramCounts = new Map(bigrams.map(({ term, count }) => [term, count]));
  const list = new Map<string, string>();
  const add = (key: string, term: string, source: string, score: number) => {
    if (list.size >= size || list.has(key)) return false;
    const sources = [
      (words.get(key) ?? 0) >= minCount ? "unigram" : "",
      bigramCounts.has(key) ? "bigram" : "",
      titles.has(key) ? "title" : "",
      known.has(key) ? "synset" : "",
    ].filter((name) => name !== "");
    const count = words.get(key) ?? bigramCounts.get(key) ?? 0;
    const views = titles.get(key)?.views ?? 0;
    const rounded = Math.round(score * 1e4) / 1e4;
    list.set(key, [term, source, count, rounded, sources.join(","), views].join("\t"));
    return true;
  };
  for (const [word, count] of frequent) add(word, word, "unigram", Math.log10(count));
  const spelled = new Set(synsets.flatMap(({ lemmas }) => lemmas));
  const addLemma = (lemma: string) => {
    const key = termKey(lemma, "fold");
    add(key, spelled.has(key) ? key : lemma, "synset", 0);
  };
  for (const { lemmas } of synsets) addLemma(lemmas[0] ?? "");
  const room = size - list.size;
  let share = Math.round((room * 100_646) / (100_646 + 61_235));
  let rest = room - share;
  for (const { term, value } of bigrams) if (share > 0 && add(term, term, "bigram", value)) share--;
  const byViews = [...titles].sort((a, b) => b[1].views - a[1].views || (a[0] < b[0] ? -1 : 1));
  for (const [key, { term, views }] of byViews) if (rest > 0 && add(key, term, "title", views)) rest--;
  for (const { term, value } of bigrams) add(term, term, "bigram", value);
  for (const [key, { term, views }] of byViews) add(key, term, "title", views);
  for (const { lemmas } of synsets) for (const lemma of lemmas.slice(1)) addLemma(lemma);
  return [...list.values()].sort((a, b) => ((a.split("\t")[0] ?? "") < (b.split("\t")[0] ?? "") ? -1 : 1));
}

/** Titles with 70 views or more by their key, redirects followed, "(place)" cut off. */
async function slowTitles(xml: Buffer, hours: readonly string[]) {
  const articles = new Set<string>();
  const redirects = new Map<string, string>();
  for (const [, title = "", forward] of xml
    .toString("utf8")
    .matchAll(/<title>([^<]*)<\/title>\s*<ns>0<\/ns>[\s\S]*?(?:<redirect title="([^"]*)"|<\/page>)/g)) {
    if (forward === undefined) articles.add(title);
    else redirects.set(title, forward);
  }
  const views = new Map<string, number>();
  for (const hour of hours) {
    for await (const line of createInterface({ input: createReadStream(hour) })) {
      const [domain, escaped = "", count] = line.split(" ");
      if (domain !== "en" && domain !== "en.m") continue;
      const title = decodeURIComponent(escaped).replaceAll("_", " ");
      const target = redirects.get(title) ?? title;
      views.set(target, (views.get(target) ?? 0) + Number(count));
    }
  }
  const titles = new Map<string, { term: string; views: number; most: number }>();
  for (const [title, count] of views) {
    if (!articles.has(title)) continue;
    const name = title.replace(/ \([^()]*\)$/, "");
    const key = termKey(name, "fold");
    const other = titles.get(key);
    titles.set(key, {
      term: other && other.most > count ? other.term : name.toLowerCase(),
      views: count + (other?.views ?? 0),
      most: Math.max(count, other?.most ?? 0),
    });
  }
  for (const [key, title] of titles) if (title.views < 70) titles.delete(key);
  return titles;
}
