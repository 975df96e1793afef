import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Decoders } from "../../filters/image/decoders.ts";
import { type QueryList, readQueries } from "../../queries/list.ts";
import { JudgePool } from "../judge-pool.ts";
import { type JudgeSettings, matcherTable } from "../judges.ts";
import type { Work } from "./context.ts";
import { MATCHER, QUERIES, readHashes } from "./plan.ts";

/** What all ranks of a process use: loaded or started once, not once a rank. */
const pools = new Map<string, JudgePool>();
const hashes = new Map<string, Int32Array>();
const texts = new Map<string, string[]>();
let decoders: Decoders | undefined;

/** The query list of the build; its terms are read from the file each time they are asked for. */
export async function queriesOf(work: Work): Promise<QueryList> {
  const { sha256 } = work.plan.queries;
  const file = await listFile(work);
  return {
    sha256,
    get terms() {
      return readQueries(file).terms;
    },
  };
}

/** The text of every query, by id. */
export async function termsOf(work: Work): Promise<readonly string[]> {
  const { sha256 } = work.plan.queries;
  const known = texts.get(sha256) ?? firstColumn(readFileSync(await listFile(work), "utf8"));
  texts.set(sha256, known);
  return known;
}

/** Of half a million lines only what is needed: reading all of each takes ten times as long. */
function firstColumn(list: string): string[] {
  const lines = list.split("\n").slice(1);
  return lines.filter((line) => line !== "").map((line) => line.slice(0, line.indexOf("\t")));
}

function listFile(work: Work): Promise<string> {
  return shared(work, QUERIES, `queries-${work.plan.queries.sha256.slice(0, 12)}.tsv`);
}

/** The hash of every query for the cap, by id. */
export async function hashesOf({ store, plan }: Work): Promise<Int32Array> {
  const known = hashes.get(plan.queries.sha256) ?? (await readHashes(store));
  hashes.set(plan.queries.sha256, known);
  return known;
}

/** The judges of captions. */
export async function judgesOf(work: Work, judging: JudgeSettings): Promise<JudgePool> {
  const queries = await queriesOf(work);
  await shared(work, MATCHER, `matcher-${judging.match}.bin`);
  const key = JSON.stringify([queries.sha256, judging]);
  // Without threads: who has more processors runs more ranks.
  const pool =
    pools.get(key) ?? new JudgePool(() => matcherTable(work.context.scratch, queries, judging.match), judging, 0);
  pools.set(key, pool);
  return pool;
}

/** The processes that decode pictures. */
export function decodersOf(): Decoders {
  decoders ??= new Decoders();
  return decoders;
}

/** Ends what was started; a process may go on with ranks afterwards. */
export async function closeShared(): Promise<void> {
  decoders?.close();
  decoders = undefined;
  const open = [...pools.values()];
  pools.clear();
  for (const pool of open) await pool.close();
}

/** A file of the build that all ranks on this machine read. */
async function shared({ store, context }: Work, name: string, file: string): Promise<string> {
  const path = join(context.scratch, "cache", file);
  if (existsSync(path)) return path;
  mkdirSync(join(context.scratch, "cache"), { recursive: true });
  await store.fetch(name, path, { readOnly: true });
  return path;
}
