import { cleanCaption } from "../../../filters/caption/clean.ts";
import { pairId } from "../../../store/pair-id.ts";
import { CAPTION_KINDS } from "../../../store/types.ts";
import { address, type Behaviour, type Shown, type Site } from "./catalogue.ts";

/** What a perfect crawl makes of one text of one picture. */
export interface TruthRow {
  imageUrl: string;
  caption: string;
  outcome: "kept" | "dropped";
  /** The drop reason in SQL, when dropped. */
  reason?: string;
  /** The language rule decides, which no rule does perfectly on a few words: a test allows for some of these. */
  languageJudged: boolean;
}

/** A caption this short may be misjudged. */
const SHORT = 6;

/** The truth about all pairs of the web, from the same catalogue that its pages are written from. */
export function truthOf(sites: readonly Site[]): TruthRow[] {
  const rows = new Map<string, TruthRow>();
  for (const site of sites) {
    for (const page of site.pages.values()) {
      // Nobody sees what is on a forbidden page.
      if (page.special !== "forbidden")
        for (const shown of page.shown)
          for (const row of rowsOf(site, shown)) rows.set(pairId(row.imageUrl, row.caption), row);
    }
    dropCopies(site, rows);
  }
  return [...rows.values()];
}

function rowsOf(site: Site, shown: Shown): TruthRow[] {
  const imageUrl = address(site, shown.src);
  const captions = new Set<string>();
  for (const kind of CAPTION_KINDS) {
    const text = kind === "list" ? undefined : shown.texts[kind];
    if (text !== undefined) captions.add(cleanCaption(text));
  }
  return [...captions].map((caption, place) => {
    const reason = shown.drops ?? (place > 0 ? "other_caption" : undefined);
    const languageJudged = shown.foreign === true || (shown.drops === undefined && caption.split(" ").length < SHORT);
    return reason === undefined
      ? { imageUrl, caption, outcome: "kept", languageJudged }
      : { imageUrl, caption, outcome: "dropped", reason, languageJudged };
  });
}

/** Of two pairs whose pictures are the same bytes, the one with the larger id is a duplicate. */
function dropCopies(site: Site, rows: Map<string, TruthRow>): void {
  const kept = [...rows].filter(([, { outcome }]) => outcome === "kept");
  const original = (behaviour: Behaviour | undefined, path: string) =>
    behaviour?.kind === "same as" ? behaviour.path : path;
  const byBytes = new Map<string, string[]>();
  for (const [id, { imageUrl }] of kept) {
    const url = new URL(imageUrl);
    if (url.host !== site.host) continue;
    const bytes = original(site.pictures.get(url.pathname), url.pathname);
    byBytes.set(bytes, [...(byBytes.get(bytes) ?? []), id]);
  }
  for (const ids of byBytes.values()) {
    for (const id of ids.sort().slice(1)) {
      const row = rows.get(id);
      if (row) rows.set(id, { ...row, outcome: "dropped", reason: "duplicate_image" });
    }
  }
}

/** The truth in a few lines. */
export function formatTruth(truth: readonly TruthRow[]): string {
  const reasons = new Map<string, number>();
  for (const { reason } of truth) if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const lines = [...reasons]
    .sort((a, b) => b[1] - a[1])
    .map(([reason, count]) => `${String(count).padStart(8)}  ${reason}`);
  const kept = truth.filter(({ outcome }) => outcome === "kept").length;
  return [`a perfect crawl finds ${truth.length} pairs, keeps ${kept}, and drops`, ...lines].join("\n");
}
