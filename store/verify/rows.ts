import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Database, getMeta } from "../database.ts";
import { pairId } from "../pair-id.ts";
import type { Findings } from "./findings.ts";

/** Every row of `pair` by itself: its id, what its state demands, the queries it names, the place of its picture. */
export function verifyRows(db: Database, data: string, findings: Findings): void {
  structure(db, findings);
  identities(db, findings);
  const rules: [what: string, where: string][] = [
    [
      "is kept without a place in a shard",
      "state = 'kept' AND (shard IS NULL OR key IS NULL OR file IS NULL OR offset IS NULL OR bytes IS NULL)",
    ],
    ["is kept on account of no query", "state = 'kept' AND coalesce(json_array_length(chosen_for), 0) = 0"],
    [
      "is kept without size or checksum of its picture",
      "state = 'kept' AND (width IS NULL OR height IS NULL OR sha256 IS NULL)",
    ],
    ["is chosen on account of no query", "state = 'chosen' AND coalesce(json_array_length(chosen_for), 0) = 0"],
    [
      "has passed the caption rules without a query",
      "state <> 'dropped' AND coalesce(json_array_length(queries), 0) = 0",
    ],
    ["is in reserve, but chosen", "state = 'reserve' AND chosen_for IS NOT NULL"],
    ["is dropped, but has a place in a shard", "state = 'dropped' AND key IS NOT NULL AND reason <> 'removed'"],
    ["was found less than once", "seen < 1"],
    ["is named by a removal, but not removed", "state <> 'dropped' AND id IN (SELECT id FROM removed_pair)"],
    [
      "is chosen on account of a query its caption does not contain",
      "chosen_for IS NOT NULL AND state <> 'dropped' AND EXISTS (SELECT value FROM json_each(chosen_for) EXCEPT SELECT value FROM json_each(queries))",
    ],
    [
      "names a query that is not on the list",
      "EXISTS (SELECT 1 FROM json_each(queries) q WHERE q.value NOT IN (SELECT id FROM query))",
    ],
  ];
  for (const [what, condition] of rules) {
    const rows = db.prepare<[], string>(`SELECT id FROM pair WHERE ${condition}`).pluck();
    for (const id of rows.iterate()) findings.problem("rows", `pair ${id}`, what);
  }
  const { captionsPerImage = 1 } = JSON.parse(getMeta(db, "settings") ?? "{}");
  const twice = db.prepare<[number], { what: string; ids: string }>(
    `SELECT 'the picture ' || image_url AS what, group_concat(id, ' ') AS ids FROM pair WHERE state = 'kept' GROUP BY image_url HAVING count(*) > ?
     UNION ALL SELECT 'the bytes ' || sha256, group_concat(id, ' ') FROM pair WHERE state = 'kept' GROUP BY sha256 HAVING count(DISTINCT image_url) > 1`,
  );
  for (const { what, ids } of twice.iterate(captionsPerImage))
    findings.problem("rows", `pairs ${ids}`, `keep ${what} too often`);
  spool(db, data, findings);
}

/** SQLite's own checks: pages, indexes, NOT NULL and CHECK, references. */
function structure(db: Database, findings: Findings): void {
  for (const row of db.pragma("integrity_check(20)") as { integrity_check: string }[]) {
    if (row.integrity_check !== "ok") findings.problem("database", "wit.sqlite", row.integrity_check);
  }
  for (const { table, rowid } of db.pragma("foreign_key_check") as { table: string; rowid: number }[])
    findings.problem("database", `${table} row ${rowid}`, "names a reason that does not exist");
  findings.looked("database", 1);
}

function identities(db: Database, findings: Findings): void {
  let rows = 0;
  for (const { id, image_url, caption } of db
    .prepare<[], { id: string; image_url: string; caption: string }>("SELECT id, image_url, caption FROM pair")
    .iterate()) {
    rows++;
    if (pairId(image_url, caption) !== id)
      findings.problem(
        "rows",
        `pair ${id}`,
        "its id is not the hash of its address and caption: one of them was changed",
      );
  }
  findings.looked("rows", rows);
}

/** Pictures that wait for their shard must lie within their file. */
function spool(db: Database, data: string, findings: Findings): void {
  const files = db.prepare<[], { file: string; end: number; pictures: number }>(
    "SELECT file, max(offset + bytes) AS end, count(*) AS pictures FROM pair WHERE state = 'chosen' AND file LIKE 'spool/%' GROUP BY file",
  );
  for (const { file, end, pictures } of files.iterate()) {
    findings.looked("waiting pictures", pictures);
    const size = existsSync(join(data, file)) ? statSync(join(data, file)).size : -1;
    if (size < 0) findings.problem("waiting pictures", file, `is missing; ${pictures} pictures are in it`);
    else if (size < end) findings.problem("waiting pictures", file, `has ${size} bytes; its pictures reach to ${end}`);
  }
}
