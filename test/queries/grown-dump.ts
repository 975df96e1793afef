import { Pages } from "../../queries/pages.ts";
import { Prose } from "../../queries/wikitext.ts";
import { SAMPLE, unpack } from "./fixtures.ts";

/** Words as frequent as these keep their form in every copy, as "the" does in every article. */
const COMMON = 400;

/** A dump that is larger than the sample and has a larger vocabulary. */
export interface GrownDump {
  xml: Buffer;
  /** Titles of the short pages, and of redirects to some of them. */
  titles: string[];
  redirects: [string, string][];
}

/**
 * The sample's pages as they are, then copies of their prose in which all but the commonest words have an ending of the
 * copy's own and paragraphs stand in another order, then short pages with titles of two words. Real sentences, so real
 * frequencies within a copy; figures that rest on it say so.
 */
export function growDump(copies: number, shortPages: number): GrownDump {
  const sample = unpack(SAMPLE);
  const articles = proseOf(sample);
  const common = commonWords(articles);
  const pieces: string[] = [sample.toString("utf8").replace(/<\/mediawiki>\s*$/, "")];
  for (let copy = 1; copy <= copies; copy++) {
    const ending = `q${String.fromCharCode(97 + (copy % 26))}${copy >= 26 ? Math.floor(copy / 26) : ""}`;
    for (const { title, text } of articles) {
      const paragraphs = text.split("\n").filter((paragraph) => paragraph.trim() !== "");
      const turned = [...paragraphs.slice(copy % paragraphs.length), ...paragraphs.slice(0, copy % paragraphs.length)];
      const words = turned
        .join("\n\n")
        .replace(/\p{L}+/gu, (word) => (common.has(word.toLowerCase()) ? word : word + ending));
      pieces.push(page(`${title} ${ending}`, words));
    }
  }
  const names = [...new Set(articles.flatMap(({ text }) => text.match(/\b[A-Z][a-z]{4,9}\b/g) ?? []))].sort();
  const titles: string[] = [];
  const redirects: [string, string][] = [];
  for (let i = 0; i < shortPages; i++) {
    const first = names[i % names.length] ?? "";
    const second = names[(i * 7 + Math.floor(i / names.length) * 13 + 1) % names.length] ?? "";
    const title = `${first} ${second}${i % 10 === 0 ? " (place)" : ""}`;
    titles.push(title);
    pieces.push(page(title, `'''${first} ${second}''' is a [[place]].`));
    if (i % 20 === 0) {
      redirects.push([`${second} of ${first}`, title]);
      pieces.push(page(`${second} of ${first}`, `#REDIRECT [[${title}]]`, title));
    }
  }
  pieces.push("</mediawiki>\n");
  return { xml: Buffer.from(pieces.join("")), titles, redirects };
}

function page(title: string, text: string, redirect?: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const forward = redirect === undefined ? "" : `    <redirect title="${redirect}" />\n`;
  return `  <page>\n    <title>${title}</title>\n    <ns>0</ns>\n${forward}    <revision>\n      <model>wikitext</model>\n      <text xml:space="preserve">${escaped}</text>\n    </revision>\n  </page>\n`;
}

/** Title and prose of every article of a dump. */
export function proseOf(xml: Buffer): { title: string; text: string }[] {
  const pages = new Pages();
  const prose = new Prose({ files: [], categories: [] });
  const found: { title: string; text: string }[] = [];
  for (const { namespace, redirect, title, start, end } of pages.read([{ text: xml, beyond: false }])) {
    if (namespace !== 0 || redirect !== undefined) continue;
    prose.read(pages.bytes, start, end);
    found.push({ title, text: Buffer.from(prose.text.bytes.subarray(0, prose.length)).toString("utf8") });
  }
  return found;
}

function commonWords(articles: readonly { text: string }[]): Set<string> {
  const counts = new Map<string, number>();
  for (const { text } of articles)
    for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  return new Set(
    [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, COMMON)
      .map(([word]) => word),
  );
}
