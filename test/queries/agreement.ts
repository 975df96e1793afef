import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { wordsOf } from "../../queries/terms.ts";
import { fixture, SAMPLE, unpack } from "./fixtures.ts";

/** Words as wikiextractor's text of {@link comparable} has them, a line each: what `npm run bench:dump` writes with --fixture. */
export const THEIR_COUNTS = fixture("wikiextractor-counts.tsv.gz");

/** Word counts of a text. */
export function countWords(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) for (const word of wordsOf(text, "fold")) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** wikiextractor's counts as they were written. */
export function theirCounts(): Map<string, number> {
  const lines = gunzipSync(readFileSync(THEIR_COUNTS)).toString("utf8").trim().split("\n");
  return new Map(lines.map((line): [string, number] => [line.split("\t")[0] ?? "", Number(line.split("\t")[1])]));
}

/** How far two counts agree: the cosine of the vectors, and those of their most frequent words that are not within 2%. */
export function compareCounts(mine: ReadonlyMap<string, number>, theirs: ReadonlyMap<string, number>) {
  let [dot, a, b] = [0, 0, 0];
  for (const word of new Set([...mine.keys(), ...theirs.keys()])) {
    const [x, y] = [mine.get(word) ?? 0, theirs.get(word) ?? 0];
    dot += x * y;
    a += x * x;
    b += y * y;
  }
  const top = [...theirs].sort((x, y) => y[1] - x[1] || (x[0] < y[0] ? -1 : 1)).slice(0, 10_000);
  const apart = top
    .map(([word, count]) => ({ word, mine: mine.get(word) ?? 0, theirs: count }))
    .filter((row) => Math.abs(row.mine - row.theirs) > 0.02 * row.theirs)
    .sort((x, y) => Math.abs(y.mine - y.theirs) - Math.abs(x.mine - x.theirs));
  return { cosine: dot / Math.sqrt(a * b), words: top.length, apart };
}

/** The sample without what the two treat differently, on purpose or by a fault of wikiextractor's (docs/query-list.md). */
export function comparable(): Buffer {
  const xml = withoutPictures(unpack(SAMPLE).toString("utf8"))
    // Ours leaves formulas and code out, theirs puts a placeholder.
    .replace(/&lt;(math|code)\b[\s\S]*?&lt;\/\1&gt;/g, " ")
    // Ours keeps small print and lists written as elements, and H<sub>2</sub>O in one piece; theirs does not.
    .replace(/&lt;\/?(?:small|sub|sup|ol|li|includeonly|onlyinclude)\b(?:(?!&gt;).)*&gt;/g, "")
    // Theirs makes italics quotation marks, so that ''K''a is two words.
    .replace(/(?<!')'{2,5}(?!')/g, "")
    // Theirs leaves nothing where a template or a break stood: 15{{nbsp}}September is one word.
    .replace(/(?<=[^\s{}])\{\{[^{}]*\}\}(?=[^\s{}])|&lt;br *\/?&gt;|&amp;(?:nbsp|ndash|mdash);/g, " ")
    // Theirs keeps the target of a link within an outside link's text.
    .replace(/(\[https?:[^[\]\n]*)\[\[(?:[^[\]|\n]*\|)?([^[\]\n]*)\]\](?=[^[\]\n]*\])/g, "$1$2")
    // Theirs keeps bare addresses.
    .replace(/(?<![[|=\w])https?:\/\/[^\s\]|}&]+/g, " ");
  return Buffer.from(withoutColons(xml));
}

/** Links to titles with a colon as their text: wikiextractor takes what stands before the colon for a namespace. */
function withoutColons(xml: string): string {
  const link =
    /\[\[(?!Category:|File:|Image:|[a-z]{2,3}:|[a-z]{2,3}-[a-z-]+:|simple:)([^[\]|:\n]{0,60}:[^[\]|\n]*)(?:\|([^[\]\n]*))?\]\]/g;
  return xml.replace(link, (_, title: string, text: string | undefined) => text ?? title);
}

/** The wikitext without [[File:...]], brackets counted. */
function withoutPictures(xml: string): string {
  const opening = /\[\[\s*(?:File|Image)\s*:/gi;
  let out = "";
  let from = 0;
  for (let match = opening.exec(xml); match; match = opening.exec(xml)) {
    out += xml.slice(from, match.index);
    let at = match.index;
    let depth = 0;
    do {
      if (xml.startsWith("[[", at)) depth++;
      else if (xml.startsWith("]]", at)) depth--;
      at += xml.startsWith("[[", at) || xml.startsWith("]]", at) ? 2 : 1;
    } while (depth > 0 && at < xml.length);
    from = at;
    opening.lastIndex = at;
  }
  return out + xml.slice(from);
}
