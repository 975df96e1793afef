import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { openFile } from "../store/lines.ts";
import { Progress } from "../store/progress.ts";
import { ByteTable, keyBytes, SLACK } from "./byte-table.ts";
import { decodeTitle, type SiteInfo } from "./pages.ts";
import { type Case, isTerm, spell, termKey } from "./terms.ts";

/** How page views become titles. */
export interface ViewRule {
  /** Language code of the Wikipedia: `en` counts the lines of `en` and, unless desktop only, `en.m`. */
  language: string;
  desktopOnly: boolean;
  /** A line of an hour with fewer views is passed over. */
  minHourly: number;
  /** Titles with fewer views in all hours together are left out. */
  minViews: number;
  /** MetaCLIP left out every title with a colon; else only those with a namespace in front. */
  noColons: boolean;
  /** Cut "(film)" and the like off: no caption says it. */
  cutQualifiers: boolean;
  case: Case;
}

/** A title that was read often enough, as a term. */
export interface TitleTerm {
  /** As it goes on the list. */
  term: string;
  views: number;
}

/** Titles by {@link termKey}, and what was read. */
export interface Titles {
  terms: Map<string, TitleTerm>;
  hours: number;
  days: string[];
  lines: number;
  /** Lines that are not of the format, or whose escapes are malformed. */
  malformed: number;
  views: number;
  /** Views that came through redirects. */
  redirected: number;
  /** Titles that are no article of the dump. */
  missing: number;
}

const [LF, SPACE] = [10, 32] as const;
const isDigit = (byte: number) => byte >= 48 && byte <= 57;

/**
 * Adds up hourly page-view files (a line `domain title views bytes`, plain or .gz), resolves redirects, and returns the
 * titles of articles that were read often enough.
 * @param titleFiles what the dump's parts hold: a line for each article, `title <tab> target` for a redirect. Without a
 * dump every title counts as an article.
 * @throws Error naming the file that cannot be read.
 */
export async function readTitles(
  files: readonly string[],
  titleFiles: readonly string[],
  site: Pick<SiteInfo, "namespaces" | "mainPage">,
  rule: ViewRule,
  quiet: boolean,
): Promise<Titles> {
  const titles: Titles = {
    terms: new Map(),
    hours: files.length,
    days: [...new Set(files.map(dayOf))].sort(),
    lines: 0,
    malformed: 0,
    views: 0,
    redirected: 0,
    missing: 0,
  };
  const progress = new Progress("views", quiet);
  const raw = new ByteTable();
  for (const [index, file] of files.entries()) {
    await addHour(file, raw, rule, titles);
    progress.update(index + 1, files.length, "hours");
  }
  const table = articlesOf(raw, site, rule, titles);
  const articles = resolveRedirects(table, titleFiles, titles);
  collect(table, articles, rule, titles);
  progress.done(`${files.length} hours, ${titles.terms.size.toLocaleString("en")} titles read often enough`);
  return titles;
}

/** "2024-01-31" of "pageviews-20240131-120000.gz"; the name itself when it says no day. */
function dayOf(file: string): string {
  const [, year, month, day] = /(\d{4})(\d{2})(\d{2})/.exec(basename(file)) ?? [];
  return year ? `${year}-${month}-${day}` : basename(file);
}

/** Adds an hour's views by the title as it is written there. */
async function addHour(file: string, raw: ByteTable, rule: ViewRule, titles: Titles): Promise<void> {
  const domains = [rule.language, ...(rule.desktopOnly ? [] : [`${rule.language}.m`])].map((name) =>
    Buffer.from(`${name} `),
  );
  // Titles have at most 255 bytes, before they are escaped.
  const title = keyBytes(1 << 10);
  const line = (bytes: Buffer, start: number, end: number) => {
    const domain = domains.find((name) => bytes.compare(name, 0, name.length, start, start + name.length) === 0);
    if (!domain) return;
    titles.lines++;
    const from = start + domain.length;
    const to = bytes.indexOf(SPACE, from);
    let views = 0;
    let at = to + 1;
    for (; at < end && isDigit(bytes[at] as number); at++) views = views * 10 + (bytes[at] as number) - 48;
    const whole = at > to + 1 && (at === end || bytes[at] === SPACE);
    if (to < 0 || to >= end || to === from || !whole || views > 1e12) {
      titles.malformed++;
      return;
    }
    if (views < rule.minHourly) return;
    const length = to - from;
    if (length > title.bytes.length - SLACK) return void titles.malformed++;
    title.bytes.set(bytes.subarray(from, to));
    const id = raw.idOf(title, 0, length);
    raw.counts[id] = (raw.counts[id] as number) + views;
  };
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of openFile(file)) {
      const bytes: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
      let start = 0;
      for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
        if (end > start) line(bytes, start, end);
        start = end + 1;
      }
      rest = bytes.subarray(start);
    }
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}; fetch this hour again`);
  }
  if (rest.length > 0) line(rest, 0, rest.length);
}

/** Views by title as the dump writes it; other namespaces and the main page are left out. */
function articlesOf(
  raw: ByteTable,
  site: Pick<SiteInfo, "namespaces" | "mainPage">,
  rule: ViewRule,
  titles: Titles,
): ByteTable {
  const table = new ByteTable();
  const namespaces = new Set(site.namespaces.map((name) => name.toLowerCase()));
  for (let id = 0; id < raw.size; id++) {
    const title = decodeTitle(raw.text(id));
    if (title === undefined) {
      titles.malformed++;
      continue;
    }
    const colon = title.indexOf(":");
    if (colon >= 0 && (rule.noColons || namespaces.has(title.slice(0, colon).trim().toLowerCase()))) continue;
    if (title === "" || title === "-" || title === site.mainPage) continue;
    const article = table.idOfText(capitalised(title));
    table.counts[article] = (table.counts[article] as number) + (raw.counts[id] as number);
    titles.views += raw.counts[id] as number;
  }
  return table;
}

/** MediaWiki writes the first letter of a title large. */
function capitalised(title: string): string {
  const first = String.fromCodePoint(title.codePointAt(0) ?? 32);
  return first.toUpperCase() + title.slice(first.length);
}

/** A redirect can lead to another, seldom more than once. */
const MOST_HOPS = 4;

/** Moves the views of redirects to what they lead to; returns which titles are articles, undefined when no dump says. */
function resolveRedirects(table: ByteTable, titleFiles: readonly string[], titles: Titles): Set<number> | undefined {
  if (titleFiles.length === 0) return undefined;
  const articles = new Set<number>();
  const targets = new Map<number, number>();
  // A target that was never read itself enters the table late: what it leads to is found in the next round.
  for (let hop = 0, before = -1; hop < MOST_HOPS && table.size !== before; hop++) {
    before = table.size;
    for (const file of titleFiles) {
      for (const line of readFileSync(file, "utf8").split("\n")) {
        if (line === "") continue;
        const tab = line.indexOf("\t");
        const id = table.findText((tab < 0 ? line : line.slice(0, tab)).normalize("NFC"));
        if (id < 0) continue;
        if (tab < 0) articles.add(id);
        else if (!targets.has(id)) targets.set(id, table.idOfText(targetOf(line.slice(tab + 1))));
      }
    }
  }
  for (const [source, first] of targets) {
    const views = table.counts[source] as number;
    if (views === 0) continue;
    let target = first;
    for (let hop = 0; hop < MOST_HOPS; hop++) target = targets.get(target) ?? target;
    if (targets.has(target)) continue; // A ring.
    table.counts[source] = 0;
    table.counts[target] = (table.counts[target] as number) + views;
    titles.redirected += views;
  }
  return articles;
}

/** A redirect may lead to a section: the page counts. */
function targetOf(text: string): string {
  const hash = text.indexOf("#");
  return capitalised((hash > 0 ? text.slice(0, hash) : text).replaceAll("_", " ").normalize("NFC").trim() || " ");
}

function collect(table: ByteTable, articles: Set<number> | undefined, rule: ViewRule, titles: Titles): void {
  const most = new Map<string, number>();
  for (let id = 0; id < table.size; id++) {
    const views = table.counts[id] as number;
    if (views === 0) continue;
    if (articles && !articles.has(id)) {
      titles.missing++;
      continue;
    }
    let title = table.text(id);
    if (rule.cutQualifiers) title = title.replace(/(?<=\S)\s+\([^()]*\)$/, "");
    const key = termKey(title, rule.case);
    const term = spell(title, rule.case);
    if (key === "" || !isTerm(term)) continue;
    const known = titles.terms.get(key);
    // Titles that are one term add up; the one read most is how it is written.
    if (!known) titles.terms.set(key, { term, views });
    else {
      const best = most.get(key) ?? 0;
      if (views > best || (views === best && term < known.term)) known.term = term;
      known.views += views;
    }
    most.set(key, Math.max(views, most.get(key) ?? 0));
  }
  for (const [key, { views }] of titles.terms) if (views < rule.minViews) titles.terms.delete(key);
}
