import { openForReading } from "./database.ts";
import { Progress } from "./progress.ts";
import { writeReport } from "./report/report.ts";
import { collectStats, formatQuery, formatStats } from "./stats.ts";
import { formatFindings, verify } from "./verify.ts";

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

/** `npm run verify`: exit code 1 when something is damaged. */
export async function verifyCommand(flags: {
  data: string;
  quiet: boolean;
  decode: boolean;
  json: boolean;
}): Promise<void> {
  const progress = new Progress("verify", flags.quiet);
  const findings = await verify(openForReading(flags.data), flags.data, {
    decode: flags.decode,
    progress: (samples, total) => progress.update(samples, total, "samples"),
  });
  const { problems, unfinished, total } = findings;
  console.log(
    flags.json
      ? JSON.stringify({
          ok: total === 0,
          problems: total,
          checked: Object.fromEntries(findings.checked),
          first: problems,
          unfinished,
        })
      : formatFindings(findings),
  );
  if (total > 0) process.exitCode = 1;
}
