import { existsSync } from "node:fs";
import { join } from "node:path";
import { judge, loadCaptionRules } from "../filters/caption/rules.ts";
import { Matcher } from "../filters/matcher.ts";
import { buildTable, type MatcherTable, readTable, writeTable } from "../filters/matcher-table.ts";
import { profileNamed } from "../filters/profiles.ts";
import type { CaptionRule } from "../filters/rule.ts";
import type { MatchMode } from "../filters/words.ts";
import type { QueryList } from "../queries/list.ts";
import { pairId } from "../store/pair-id.ts";
import type { Candidate } from "../store/types.ts";
import { hostOf } from "./hosts.ts";

/** What decides how captions are judged: the same for a crawl and for `explain`. */
export interface JudgeSettings {
  /** A name of filters/profiles.ts. */
  profile: string;
  /** fastText's code of the captions' language, or `any`. */
  lang: string;
  match: MatchMode;
  /** Whether pairs of pages that opt out are dropped, or only marked. */
  optOut: "obey" | "record";
}

/** What decides about a caption. */
export interface CaptionJudges {
  rules: readonly CaptionRule[];
  obeysOptOut: boolean;
  matcher: Matcher;
}

/** A caption's fate before the cap: a drop reason, or the queries it contains. */
export type Judgement =
  | { reason: string; detail: string | undefined; queries: undefined }
  | { reason: undefined; queries: number[] };

/** The rules of a profile and a matcher on `table`. */
export async function loadJudges(table: MatcherTable, settings: JudgeSettings): Promise<CaptionJudges> {
  const { captions } = profileNamed(settings.profile);
  return {
    rules: await loadCaptionRules(captions, settings.lang),
    matcher: new Matcher(table),
    obeysOptOut: settings.optOut === "obey",
  };
}

/** The matcher's tables of a list: kept in the workspace, and built anew when the list or the mode is another. */
export function matcherTable(data: string, queries: QueryList, mode: MatchMode): MatcherTable {
  const file = join(data, "cache", `matcher-${mode}.bin`);
  if (existsSync(file)) {
    try {
      const table = readTable(file);
      if (table.list === queries.sha256 && table.mode === mode) return table;
    } catch {
      // Of another version, or cut: made anew.
    }
  }
  const table = buildTable(queries.terms, mode, queries.sha256);
  try {
    writeTable(file, table);
  } catch {
    // Only a cache: `explain` also works on a workspace that may not be written.
  }
  return table;
}

/** The caption rules in order, then the matcher. */
export function judgeCaption({ rules, matcher }: CaptionJudges, caption: string): Judgement {
  const drop = judge(rules, caption);
  if (drop) return { reason: drop.rule.name, detail: drop.verdict.value || undefined, queries: undefined };
  const queries = matcher.match(caption);
  return queries.length > 0
    ? { reason: undefined, queries }
    : { reason: "no_query", detail: undefined, queries: undefined };
}

/** As {@link judgeCaption}, but a page that opts out is not looked at any further. */
export function judgePair(judges: CaptionJudges, caption: string, pageSignals: readonly string[]): Judgement {
  return judges.obeysOptOut && pageSignals.length > 0
    ? { reason: "opt_out_page", detail: pageSignals.join("; ").replaceAll("\n", " "), queries: undefined }
    : judgeCaption(judges, caption);
}

/** What judging adds to a candidate, as the table `pair` has it. */
export interface Judged {
  id: string;
  host: string;
  reason: string | null;
  detail: string | null;
  /** JSON array of query ids. */
  queries: string | null;
}

const MOST_SITES = 10_000;
const hosts = new Map<string, string>();

/** The last site, with the slash behind it, and its host: a page's pictures lie together. */
let lastSite = " ";
let lastHost = "";

/** The host of a normalised address; its pictures' sites come again and again, and the public suffix list takes its time. */
function hostOfAddress(address: string): string {
  if (address.startsWith(lastSite)) return lastHost;
  const end = address.indexOf("/", 8);
  const site = end < 0 ? address : address.slice(0, end);
  let host = hosts.get(site);
  if (host === undefined) {
    if (hosts.size >= MOST_SITES) hosts.clear();
    host = hostOf(new URL(site));
    hosts.set(site, host);
  }
  [lastSite, lastHost] = [`${site}/`, host];
  return host;
}

/** A candidate's identity, host and fate. */
export function judgeCandidate(
  judges: CaptionJudges,
  { imageUrl, caption, optOut }: Pick<Candidate, "imageUrl" | "caption" | "optOut">,
): Judged {
  const judgement = judgePair(judges, caption, optOut ?? []);
  return {
    id: pairId(imageUrl, caption),
    host: hostOfAddress(imageUrl),
    reason: judgement.reason ?? null,
    detail: judgement.reason === undefined ? null : (judgement.detail ?? null),
    queries: judgement.queries ? JSON.stringify(judgement.queries) : null,
  };
}
