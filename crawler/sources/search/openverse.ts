import { listAt, objectAt, type SearchApi, type SearchPage, textAt } from "./api.ts";
import { addResult } from "./result.ts";

const OPENVERSE = "https://api.openverse.org/v1/images/";
/** More needs an account. */
const PAGE = 20;
/** The search goes no deeper. */
const MAX_PAGES = 20;

/**
 * Openverse (api.openverse.org). Its terms forbid copying the catalogue and going round its limits with several
 * machines: it is asked only when named, and by one rank.
 */
export function openverse(address = OPENVERSE): SearchApi {
  return {
    name: "openverse",
    request: (term, cursor) => {
      const url = new URL(address);
      url.searchParams.set("q", `"${term}"`);
      url.searchParams.set("page_size", String(PAGE));
      url.searchParams.set("page", cursor ?? "1");
      url.searchParams.set("mature", "false");
      return url;
    },
    parse: (answer, term, cursor) => {
      const number = Number(cursor ?? "1");
      const pages = Math.min(Number(textAt(answer, "page_count")), MAX_PAGES);
      const page: SearchPage = { candidates: [], drops: [], next: number < pages ? String(number + 1) : undefined };
      for (const result of listAt(answer, "results")) {
        const tags = listAt(result, "tags")
          .map((tag) => textAt(objectAt(tag), "name"))
          .filter((tag) => tag !== "");
        const licence = `${textAt(result, "license")} ${textAt(result, "license_version")}`.trim();
        addResult(page, {
          source: "openverse",
          imageUrl: textAt(result, "url"),
          pageUrl: textAt(result, "foreign_landing_url"),
          texts: [
            { kind: "title", text: textAt(result, "title") },
            { kind: "list", text: tags.slice(0, 12).join(", ") },
          ],
          licence: textAt(result, "license_url") || licence,
          author: textAt(result, "creator"),
          origin: { query: term, page: number, date: new Date().toISOString() },
        });
      }
      return page;
    },
  };
}
