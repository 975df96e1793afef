import type { Database } from "../store/database.ts";
import { REASONS } from "../store/reasons.ts";
import { UsageError } from "../store/usage-error.ts";

/** Reasons that another try can change: those of the download, and those of a decoder that was in trouble. */
const REPEATABLE: readonly string[] = [
  ...Object.keys(REASONS.download),
  "undecodable",
  "decoder_failed",
  "opt_out_metadata",
];

/**
 * The reasons of `--retry`, checked before anything is touched.
 * @throws UsageError naming one that does not exist or cannot end differently.
 */
export function checkRetry(reasons: readonly string[]): readonly string[] {
  for (const reason of reasons) {
    if (!REPEATABLE.includes(reason))
      throw new UsageError(`--retry ${reason}: expected one of ${REPEATABLE.join(", ")}`);
  }
  return reasons;
}

/**
 * Makes candidates of the pairs, and waiting ones of the pages, that were dropped for one of these reasons; the run that
 * follows takes them up.
 * @returns what there was, for people.
 */
export function retry(db: Database, reasons: readonly string[]): string {
  const among = reasons.map(() => "?").join(", ");
  return db.transaction(() => {
    const pairs = db
      .prepare(
        `UPDATE pair SET state = 'candidate', reason = NULL, detail = NULL, status = NULL
         WHERE state = 'dropped' AND queries IS NOT NULL AND reason IN (${among})`,
      )
      .run(...reasons).changes;
    const pages = db
      .prepare(`UPDATE page SET state = 'waiting', reason = NULL WHERE state = 'dropped' AND reason IN (${among})`)
      .run(...reasons).changes;
    return `${pairs.toLocaleString("en")} pictures and ${pages.toLocaleString("en")} pages`;
  })();
}
