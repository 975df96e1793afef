import { normaliseUrl } from "../store/pair-id.ts";

/** What browsers and servers agree on as the longest address. */
export const MAX_URL = 2_083;
const MAX_SEGMENTS = 20;
/** A page with more links is a directory of everything; the rest is left. */
const MAX_LINKS = 10_000;

/** Files that are no pages: asking for them as pages would load every linked picture twice. */
const FILE =
  /\.(?:jpe?g|png|gif|webp|avif|svgz?|bmp|tiff?|heic|ico|pdf|docx?|xlsx?|pptx?|zip|gz|tgz|bz2|xz|7z|rar|tar|exe|dmg|apk|iso|mp[34]|m4[av]|webm|mov|avi|mkv|ogg|wav|flac|css|js|json|xml|rss|txt|csv|woff2?|ttf|eot)$/i;

/** Parameters that name a visit or where a visitor came from, not a page. */
const VISIT =
  /^(?:utm_\w+|fbclid|gclid|dclid|msclkid|yclid|mc_[ce]id|_ga|phpsessid|jsessionid|aspsessionid\w*|sessionid|sid|cfid|cftoken|zenid|osCsid)$/i;

/** An address that a whole page shares, unless it is longer: each of its pairs would carry it. */
export function ofUsualLength(address: string | undefined): string | undefined {
  return address !== undefined && address.length <= MAX_URL ? address : undefined;
}

/** Addresses of pages, in order, each once: without what names a visit, without traps and files that are no pages. */
export function collectLinks(hrefs: Iterable<string>, base: string): string[] {
  const links = new Set<string>();
  for (const href of hrefs) {
    if (links.size >= MAX_LINKS) break;
    const url = href.length > MAX_URL ? undefined : normaliseUrl(href, base);
    if (url === undefined) continue;
    const link = withoutVisit(url);
    if (!isTrap(link) && !FILE.test(new URL(link).pathname)) links.add(link);
  }
  return [...links];
}

function withoutVisit(address: string): string {
  const cut = address.replace(/;jsessionid=[^?#/]*/i, "");
  if (!cut.includes("?")) return cut;
  const url = new URL(cut);
  // Only rewritten when there is something to take out: rewriting alone changes how a query is encoded.
  const visit = [...url.searchParams.keys()].filter((name) => VISIT.test(name));
  if (visit.length === 0) return cut;
  for (const name of visit) url.searchParams.delete(name);
  return url.href;
}

/** Addresses that grow for ever: too long, too deep, or with a path segment three times over. */
function isTrap(url: string): boolean {
  if (url.length > MAX_URL) return true;
  const segments = new URL(url).pathname.split("/").filter((segment) => segment !== "");
  if (segments.length > MAX_SEGMENTS) return true;
  return segments.some((segment) => segments.filter((other) => other === segment).length >= 3);
}
