import { openForReading } from "./database.ts";
import { writeReport } from "./report/report.ts";
import { collectStats, formatQuery, formatStats } from "./stats.ts";

/** `npm run stats`: what is in the database, also while a crawl writes it. */
export function statsCommand(flags: { data: string; top: number; json: boolean; query?: string }): void {
  const db = openForReading(flags.data);
  if (flags.query !== undefined) console.log(formatQuery(db, flags.query));
  else {
    const stats = collectStats(db, { top: flags.top });
    console.log(flags.json ? JSON.stringify(stats, null, 2) : formatStats(stats));
  }
}

/** `npm run report`: writes the report anew. */
export async function reportCommand(flags: { data: string }): Promise<void> {
  const { file, bytes } = await writeReport(openForReading(flags.data), flags.data);
  console.log(`${file} (${(bytes / 1e6).toFixed(1)} MB)`);
}
