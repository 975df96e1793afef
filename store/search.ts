import type { Database } from "./database.ts";

/**
 * Fills the full-text index over the captions that contain a query, kept or not. Called whenever shards were written:
 * that takes minutes per million pairs, this a few seconds.
 */
export function refreshSearch(db: Database): void {
  db.transaction(() => {
    db.exec(`INSERT INTO caption_search (caption_search) VALUES ('delete-all');
      INSERT INTO caption_search (rowid, caption) SELECT rowid, caption FROM pair WHERE queries IS NOT NULL AND reason IS NOT 'removed'`);
  })();
}

/** A term or words as a phrase for MATCH: quoted, so that nothing in it is an operator of FTS5. */
export function phrase(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
