import { cleanCaption } from "../../../filters/caption/clean.ts";
import { normaliseUrl } from "../../../store/pair-id.ts";
import type { Candidate, CaptionKind, Origin } from "../../../store/types.ts";
import { plainText } from "../list-schemas.ts";
import type { SearchPage } from "./api.ts";

/** A search result as its source states it; texts may be HTML. */
export interface Result {
  source: string;
  imageUrl: string;
  pageUrl: string;
  texts: { kind: CaptionKind; text: string }[];
  licence: string;
  author: string;
  origin: Origin;
}

/** Adds a result to a page: one candidate for each text, or the reason why there is none. */
export function addResult(page: SearchPage, result: Result): void {
  const imageUrl = normaliseUrl(result.imageUrl);
  if (!imageUrl) {
    page.drops.push({ reason: "bad_url", pairs: 1, example: (result.imageUrl || result.pageUrl).slice(0, 200) });
    return;
  }
  const author = cleanCaption(plainText(result.author));
  const licence = cleanCaption(plainText(result.licence));
  const pageUrl = normaliseUrl(result.pageUrl);
  const seen = new Set<string>();
  for (const { kind, text } of result.texts) {
    const caption = cleanCaption(plainText(text));
    if (caption === "" || seen.has(caption)) continue;
    seen.add(caption);
    const candidate: Candidate = { imageUrl, caption, kind, source: result.source, origin: result.origin };
    if (author) candidate.origin = { ...result.origin, author };
    if (pageUrl) candidate.pageUrl = pageUrl;
    if (licence) candidate.licence = licence;
    page.candidates.push(candidate);
  }
  if (seen.size === 0) page.drops.push({ reason: "no_text", pairs: 1, example: imageUrl });
}
