import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Database, getMeta } from "./database.ts";
import { count, counted, plain } from "./report/text.ts";
import { shardsAreCurrent } from "./shards.ts";
import { verifyCap } from "./verify/cap.ts";
import { type Finding, Findings } from "./verify/findings.ts";
import { verifyRows } from "./verify/rows.ts";
import { verifyShards } from "./verify/shards.ts";
import { verifyTotals } from "./verify/totals.ts";

/** How thoroughly to look, and whom to tell how far it is. */
export interface VerifyOptions {
  /** Decode every picture, not only its header. */
  decode: boolean;
  progress: (samples: number, total: number) => void;
}

/**
 * Checks a workspace from the pages of its database to the last picture: structure, rows, query counts, view totals, the
 * cap, and every shard with its checksum, samples and Parquet. Reads only. All of the database is read at one moment.
 * @throws Error when a run changed the data set meanwhile.
 */
export async function verify(db: Database, data: string, options: VerifyOptions): Promise<Findings> {
  const findings = new Findings();
  const version = () => db.pragma("data_version", { simple: true });
  const before = version();
  try {
    db.exec("BEGIN");
    await check(db, data, findings, options);
    db.exec("COMMIT");
  } catch (error) {
    // A damaged page can end any statement; what was found so far is still of use.
    if (!isCorruption(error)) throw error;
    findings.problem("database", "wit.sqlite", (error as Error).message);
    return findings;
  }
  if (findings.total > 0 && version() !== before)
    throw new Error(`${data} was changed by another run while it was checked: run it again when that is done`);
  return findings;
}

async function check(db: Database, data: string, findings: Findings, options: VerifyOptions): Promise<void> {
  const { seed = 0, shardSize = 10_000 } = JSON.parse(getMeta(db, "settings") ?? "{}");
  verifyRows(db, data, findings);
  const current = shardsAreCurrent(db, { seed, shardSize });
  unfinished(db, findings, current);
  inputs(db, data, findings);
  verifyTotals(db, findings, current);
  verifyCap(db, findings);
  const total = number(db, "SELECT total(pairs) FROM shard");
  await verifyShards(db, data, findings, {
    current,
    decode: options.decode,
    progress: (samples) => options.progress(samples, total),
  });
}

/** The findings as text: what was looked at, what is wrong, what is not finished. */
export function formatFindings(findings: Findings): string {
  const lines = [...findings.checked].map(([check, things]) => {
    const wrong = findings.count(check);
    return `  ${wrong === 0 ? "ok   " : "WRONG"}  ${check.padEnd(16)} ${count(things)}${wrong > 0 ? `, ${counted(wrong, "problem")}` : ""}`;
  });
  const list = (title: string, found: readonly Finding[]) =>
    found.length === 0 ? [] : ["", title, ...found.map(({ where, what }) => `  ${plain(where)}: ${plain(what)}`)];
  const { total, problems } = findings;
  return [
    "Checked",
    ...lines,
    ...list(
      problems.length < total ? `The first ${problems.length} of ${count(total)} problems` : "Problems",
      problems,
    ),
    ...list("Not finished: the next run of the crawl goes on here", findings.unfinished),
    "",
    total === 0
      ? "nothing is damaged"
      : `${counted(total, "problem")}: restore what is damaged from a copy, or build it again`,
  ].join("\n");
}

/** What the next run goes on with. */
function unfinished(db: Database, findings: Findings, current: boolean): void {
  const waiting: [count: number, what: string][] = [
    [number(db, "SELECT count(*) FROM page WHERE state = 'waiting'"), "pages wait to be fetched"],
    [number(db, "SELECT count(*) FROM pair WHERE state = 'candidate'"), "pairs wait for a selection"],
    [
      number(db, "SELECT count(*) FROM pair WHERE state = 'chosen' AND file IS NULL"),
      "pictures wait for their download",
    ],
    [
      number(db, "SELECT count(*) FROM pair WHERE state = 'chosen' AND file IS NOT NULL"),
      "pictures wait for their shard",
    ],
  ];
  for (const [count, what] of waiting) if (count > 0) findings.open("unfinished", "wit.sqlite", `${count} ${what}`);
  if (getMeta(db, "shards") !== undefined && !current)
    findings.open("unfinished", "shards/", "the set changed since they were written");
  if (getMeta(db, "swap") === "pending")
    findings.open("unfinished", "shards.next/", "is about to take the place of shards/");
}

/** The query list and the manifest beside the database. */
function inputs(db: Database, data: string, findings: Findings): void {
  const list = join(data, "queries.tsv");
  const wanted = getMeta(db, "queries");
  if (wanted !== undefined) {
    if (!existsSync(list)) findings.problem("inputs", "queries.tsv", "is missing");
    else if (createHash("sha256").update(readFileSync(list)).digest("hex") !== wanted)
      findings.problem(
        "inputs",
        "queries.tsv",
        "is not the list the data set was built with: restore it, or run `npm run crawl`",
      );
  }
  const shards = db.prepare("SELECT * FROM shard ORDER BY shard").all();
  if (shards.length > 0) {
    const manifest = join(data, "manifest.json");
    const said = existsSync(manifest) ? parse(readFileSync(manifest, "utf8")) : undefined;
    if (said === undefined)
      findings.problem("inputs", "manifest.json", "is missing or no JSON: `npm run crawl` writes it anew");
    else if (!isDeepStrictEqual(said.shards, shards))
      findings.problem(
        "inputs",
        "manifest.json",
        "names other shards than the database: `npm run crawl` writes it anew",
      );
  }
  findings.looked("inputs", 2);
}

function parse(text: string): { shards?: unknown } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** SQLite's errors for damaged files. */
function isCorruption(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && /^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/.test(code);
}

function number(db: Database, sql: string): number {
  return db.prepare<[], number>(sql).pluck().get() ?? 0;
}
