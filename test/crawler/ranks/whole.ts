import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openForReading } from "../../../store/database.ts";
import { dataSet } from "../../e2e/killing.ts";

/** All of a data set that must not depend on how many ranks made it, and whether some were killed. */
export function wholeOf(data: string) {
  const db = openForReading(data);
  const all = (sql: string) => db.prepare(sql).all();
  const found = {
    ...dataSet(data),
    pairs: all(
      `SELECT id, image_url, page_url, caption, kind, source, host, licence, origin, checksum, opt_out, seen, state, reason, detail,
         queries, chosen_for, attempts, status, width, height, original_width, original_height, format, extension, bytes, sha256,
         phash, exif, rights, file, offset, shard, key FROM pair ORDER BY id`,
    ),
    pages: all("SELECT * FROM page ORDER BY url"),
    tally: all("SELECT * FROM tally ORDER BY stage, reason"),
    lists: all("SELECT * FROM list_position ORDER BY file"),
    hosts: all("SELECT host, requests, ok, failed, bytes FROM host ORDER BY host"),
    funnel: all("SELECT * FROM funnel"),
    drops: all("SELECT * FROM drop_reasons ORDER BY stage, reason"),
    stats: all("SELECT * FROM query_stats ORDER BY query"),
    // The sizes of inputs only serve the process that reads them again.
    meta: all(
      "SELECT key, value FROM meta WHERE key NOT IN ('sources', 'rematch', 'settings') AND key NOT LIKE 'bytes of %' ORDER BY key",
    ),
    settings: settingsOf(all("SELECT value FROM meta WHERE key = 'settings'")),
    search: all("SELECT rowid FROM caption_search('apple')").length,
    manifest: JSON.parse(readFileSync(join(data, "manifest.json"), "utf8")),
  };
  db.close();
  return found;
}

function settingsOf(rows: unknown[]): Record<string, unknown> {
  const settings = JSON.parse((rows as { value: string }[])[0]?.value ?? "{}");
  return Object.fromEntries(Object.entries(settings).sort());
}
