import { UsageError } from "../../../store/usage-error.ts";
import { FetchError } from "../../fetch-error.ts";
import { listAt, objectAt, type SearchApi, type SearchPage, textAt } from "./api.ts";
import { addResult } from "./result.ts";

const FLICKR = "https://api.flickr.com/services/rest/";
const PAGE = 500;
/** Of a search only so many results are real: later pages repeat them. */
const REAL = 4_000;
/** Flickr opened in February 2004. */
const FIRST_SECOND = 1_075_593_600;
/** All licences but "all rights reserved", by Flickr's numbers. */
const LICENCES: Record<string, string> = {
  1: "https://creativecommons.org/licenses/by-nc-sa/2.0/",
  2: "https://creativecommons.org/licenses/by-nc/2.0/",
  3: "https://creativecommons.org/licenses/by-nc-nd/2.0/",
  4: "https://creativecommons.org/licenses/by/2.0/",
  5: "https://creativecommons.org/licenses/by-sa/2.0/",
  6: "https://creativecommons.org/licenses/by-nd/2.0/",
  7: "https://www.flickr.com/commons/usage/",
  8: "https://www.usa.gov/government-works",
  9: "https://creativecommons.org/publicdomain/zero/1.0/",
  10: "https://creativecommons.org/publicdomain/mark/1.0/",
};

/** Stretches of upload time still to be asked, the current one last; seconds since 1970. */
interface Cursor {
  spans: [number, number][];
  page: number;
}

/**
 * Flickr's photos.search (flickr.com/services/api). A query with more than 4,000 results is split by upload time until
 * each part has fewer.
 * @param key the user's own; 3,600 questions an hour are allowed.
 * @throws UsageError without a key.
 */
export function flickr(key: string | undefined, address = FLICKR): SearchApi {
  if (!key)
    throw new UsageError("--search flickr: set FLICKR_API_KEY to a key of yours (flickr.com/services/apps/create)");
  const read = (cursor: string | undefined): Cursor =>
    cursor === undefined
      ? { spans: [[FIRST_SECOND, Math.floor(Date.now() / 1000)]], page: 1 }
      : (JSON.parse(cursor) as Cursor);
  const open = new Map<string, string>();
  return {
    name: "flickr",
    request: (term, cursor) => {
      const { spans, page } = read(cursor);
      const [from, to] = spans.at(-1) ?? [FIRST_SECOND, FIRST_SECOND];
      // The first question fixes the end of time for all that follow from it.
      if (cursor === undefined) open.set(term, JSON.stringify({ spans, page }));
      const url = new URL(address);
      for (const [name, value] of Object.entries({
        method: "flickr.photos.search",
        api_key: key,
        text: `"${term}"`,
        license: Object.keys(LICENCES).join(","),
        media: "photos",
        content_type: "1",
        safe_search: "1",
        sort: "date-posted-asc",
        min_upload_date: String(from),
        max_upload_date: String(to),
        extras: "description,license,date_upload,owner_name,url_l,url_c,url_z",
        per_page: String(PAGE),
        page: String(page),
        format: "json",
        nojsoncallback: "1",
      }))
        url.searchParams.set(name, value);
      return url;
    },
    parse: (answer, term, cursor) => {
      if (textAt(answer, "stat") !== "ok") throw failure(answer);
      const { spans, page } = read(cursor ?? open.get(term));
      const photos = objectAt(answer, "photos");
      const [from, to] = spans.at(-1) ?? [0, 0];
      const total = Number(textAt(photos, "total"));
      if (total > REAL && from < to) {
        const middle = Math.floor((from + to) / 2);
        const parts: [number, number][] = [
          [middle + 1, to],
          [from, middle],
        ];
        const next: Cursor = { spans: [...spans.slice(0, -1), ...parts], page: 1 };
        return { candidates: [], drops: [], next: JSON.stringify(next) };
      }
      const result: SearchPage = { candidates: [], drops: [], next: nextOf(spans, page, Math.min(total, REAL)) };
      for (const photo of listAt(photos, "photo")) addPhoto(result, photo, term, page);
      return result;
    },
  };
}

function nextOf(spans: [number, number][], page: number, total: number): string | undefined {
  if (page * PAGE < total) return JSON.stringify({ spans, page: page + 1 } satisfies Cursor);
  const rest = spans.slice(0, -1);
  return rest.length > 0 ? JSON.stringify({ spans: rest, page: 1 } satisfies Cursor) : undefined;
}

function failure(answer: unknown): Error {
  const code = textAt(answer, "code");
  const message = `flickr says ${code}: ${textAt(answer, "message")}`;
  if (code === "105" || code === "106")
    return new FetchError("http_5xx", message, { kind: "host in trouble", status: 503, retryAfterMs: 10_000 });
  if (code === "100") return new UsageError(`${message}: is FLICKR_API_KEY right?`);
  return new FetchError("http_4xx", message);
}

function addPhoto(page: SearchPage, photo: unknown, term: string, number: number): void {
  const [id, owner] = [textAt(photo, "id"), textAt(photo, "owner")];
  const uploaded = Number(textAt(photo, "dateupload"));
  addResult(page, {
    source: "flickr",
    imageUrl: textAt(photo, "url_l") || textAt(photo, "url_c") || textAt(photo, "url_z"),
    pageUrl: `https://www.flickr.com/photos/${owner}/${id}/`,
    texts: [
      { kind: "list", text: textAt(objectAt(photo, "description"), "_content") },
      { kind: "title", text: textAt(photo, "title") },
    ],
    licence: LICENCES[textAt(photo, "license")] ?? "",
    author: textAt(photo, "ownername"),
    origin: {
      query: term,
      page: number,
      ...(uploaded > 0 ? { date: new Date(uploaded * 1000).toISOString() } : {}),
    },
  });
}
