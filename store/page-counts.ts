import type { Database } from "./database.ts";

/** What became of the pages that a crawl met. */
export interface PageCounts {
  read: number;
  /** Not fetched yet: the crawl goes on, or --max-pages ended it. */
  waiting: number;
  /** Not read, most frequent reason first. */
  dropped: { reason: string; pages: number; example: string }[];
}

/** Counts the pages of a workspace; all are none where nothing was crawled page by page. */
export function readPages(db: Database): PageCounts {
  const states = new Map(
    db.prepare<[], [state: string, pages: number]>("SELECT state, count(*) FROM page GROUP BY state").raw().all(),
  );
  const dropped = db
    .prepare<[], PageCounts["dropped"][number]>(
      `SELECT reason, count(*) AS pages, min(url) AS example FROM page WHERE state = 'dropped'
       GROUP BY reason ORDER BY pages DESC, reason`,
    )
    .all();
  return { read: states.get("done") ?? 0, waiting: states.get("waiting") ?? 0, dropped };
}
