import { FetchError } from "../../fetch-error.ts";
import { listAt, objectAt, type SearchApi, type SearchPage, textAt } from "./api.ts";
import { addResult } from "./result.ts";

const COMMONS = "https://commons.wikimedia.org/w/api.php";
/** As many as get thumbnails in one answer. */
const PAGE = 50;
/** Wide enough for training, and rendered already for most pictures. */
const WIDTH = 1024;
/** The search looks at no more results than this. */
const MAX_OFFSET = 10_000;
/** Answers that ask for patience, and how long without a header that says. */
const BUSY = new Set(["maxlag", "ratelimited", "readonly", "internal_api_error_DBQueryError"]);
const BUSY_MS = 5_000;

/**
 * Wikimedia Commons, or any MediaWiki from 1.27 on: API search in the File namespace (mediawiki.org, API:Search and
 * API:Imageinfo). On Commons descriptions come as `extmetadata`; elsewhere they are read from the pages' wikitext.
 * @param address of the wiki's api.php.
 */
export function commons(address = COMMONS): SearchApi {
  const own = address !== COMMONS;
  return {
    name: "commons",
    request: (term, cursor) => {
      const url = new URL(address);
      const parameters: Record<string, string> = {
        action: "query",
        format: "json",
        formatversion: "2",
        maxlag: "5",
        generator: "search",
        // Only Commons' search engine knows kinds of files.
        gsrsearch: own ? `"${term}"` : `filetype:bitmap|drawing "${term}"`,
        gsrnamespace: "6",
        gsrlimit: String(PAGE),
        prop: own ? "imageinfo|revisions" : "imageinfo",
        iiprop: "url|size|mime|timestamp|user|extmetadata",
        iiurlwidth: String(WIDTH),
        iiextmetadatalanguage: "en",
        ...(own ? { rvprop: "content", rvslots: "main" } : {}),
        ...(cursor === undefined ? {} : JSON.parse(cursor)),
      };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return url;
    },
    parse: (answer, term, cursor, retryAfter) => {
      const error = objectAt(answer, "error");
      if (error["code"] !== undefined) throw failure(error, retryAfter);
      const page: SearchPage = { candidates: [], drops: [], next: nextOf(answer) };
      const number = 1 + Math.floor(Number(cursor === undefined ? 0 : (JSON.parse(cursor).gsroffset ?? 0)) / PAGE);
      for (const file of listAt(objectAt(answer, "query"), "pages")) addFile(page, file, term, number);
      return page;
    },
  };
}

function failure(error: Record<string, unknown>, retryAfter: string | undefined): Error {
  const message = `${textAt(error, "code")}: ${textAt(error, "info").slice(0, 200)}`;
  if (!BUSY.has(textAt(error, "code"))) return new FetchError("http_4xx", message);
  const seconds = Number(retryAfter);
  return new FetchError("http_5xx", message, {
    kind: "host in trouble",
    status: 503,
    retryAfterMs: seconds > 0 ? seconds * 1000 : BUSY_MS,
  });
}

/** All of `continue` is to be sent with the same question. */
function nextOf(answer: unknown): string | undefined {
  const rest = objectAt(answer, "continue");
  if (Object.keys(rest).length === 0 || Number(rest["gsroffset"] ?? 0) >= MAX_OFFSET) return undefined;
  return JSON.stringify(rest);
}

function addFile(page: SearchPage, file: unknown, term: string, number: number): void {
  const [info] = listAt(file, "imageinfo");
  // A file without is in one of the next answers again, with it.
  if (info === undefined) return;
  const title = textAt(file, "title");
  const mime = textAt(info, "mime");
  const vector = mime === "image/svg+xml";
  if (!mime.startsWith("image/") || mime === "image/vnd.djvu") {
    page.drops.push({ reason: "not_picture", pairs: 1, example: title });
    return;
  }
  const metadata = (key: string) => textAt(objectAt(info, "extmetadata", key), "value");
  const url = textAt(info, "url");
  const thumbnail = textAt(info, "thumburl");
  const name = title
    .replace(/^[^:]*:/, "")
    .replace(/\.\w{3,4}$/, "")
    .replaceAll("_", " ");
  addResult(page, {
    source: "commons",
    // A drawing is only a picture once the wiki has rendered it.
    imageUrl: thumbnail && (vector || Number(textAt(info, "width")) > WIDTH) ? thumbnail : vector ? "" : url,
    pageUrl: textAt(info, "descriptionurl"),
    texts: [
      { kind: "figcaption", text: metadata("ImageDescription") || description(file) },
      { kind: "title", text: metadata("ObjectName") || name },
    ],
    licence: metadata("LicenseUrl") || metadata("LicenseShortName"),
    author: metadata("Artist") || textAt(info, "user"),
    origin: { query: term, page: number, date: new Date().toISOString(), language: "en" },
  });
}

/** The English description, or the only one, in the wikitext of a file's page ({{Information}}). */
function description(file: unknown): string {
  const [revision] = listAt(file, "revisions");
  const text = textAt(objectAt(revision, "slots", "main"), "content");
  const start = /\|\s*description\s*=/i.exec(text);
  const field = start ? parameterAt(text, start.index + start[0].length) : "";
  const english = /\{\{\s*en\s*\|\s*(?:1\s*=)?([\s\S]*?)\}\}/i.exec(field)?.[1];
  const any = /\{\{\s*[a-z-]{2,12}\s*\|\s*(?:1\s*=)?([\s\S]*?)\}\}/i.exec(field)?.[1];
  return (english ?? any ?? field)
    .replace(/\[\[(?:[^\]|]*\|)?([^\]]*)\]\]/g, "$1")
    .replace(/\[https?:\S+\s+([^\]]*)\]/g, "$1")
    .replace(/'{2,}/g, "");
}

/** A template parameter's value: up to the bar or the braces that are not within brackets of its own. */
function parameterAt(text: string, from: number): string {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const pair = text.slice(at, at + 2);
    if (pair === "{{" || pair === "[[") depth++;
    else if (pair === "}}" || pair === "]]") depth--;
    if (depth < 0 || (depth === 0 && text.charAt(at) === "|")) return text.slice(from, at).trim();
    if (/^(?:\{\{|\[\[|\}\}|\]\])$/.test(pair)) at++;
  }
  return text.slice(from).trim();
}
