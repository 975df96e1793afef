import { existsSync, mkdirSync } from "node:fs";
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
const lists = new Map<string, QueryList>();
let decoders: Decoders | undefined;

/** The query list of the build, on this machine. */
export async function queriesOf(work: Work): Promise<QueryList & { file: string }> {
  const { sha256 } = work.plan.queries;
  const file = await shared(work, QUERIES, `queries-${sha256.slice(0, 12)}.tsv`);
  return {
    file,
    sha256,
    get terms() {
      const list = lists.get(sha256) ?? readQueries(file);
      lists.set(sha256, list);
      return list.terms;
    },
  };
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
  const pool =
    pools.get(key) ?? new JudgePool(() => matcherTable(work.context.scratch, queries, judging.match), judging);
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
