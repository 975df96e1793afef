import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openForReading } from "../../store/database.ts";
import { sumsOf } from "../store/sums.ts";

const KILL_ITSELF = new URL("kill-itself.ts", import.meta.url).href;

/** When a run is killed: by what the outside sees of it, so that it falls into the same work on any machine. */
export type Moment =
  | { when: "request"; nth: number }
  /** By itself, at a moment that outsiders may miss. */
  | { when: "itself"; at: "second shard begins" | "shards are in place" }
  | { when: "shards begin"; afterMs: number }
  | { when: "shards are in place"; afterMs: number }
  | { when: "time"; afterMs: number };

/** A moment for each drawn number; about a half while fetching, a third while shards are written and put in place. */
export function drawMoment(random: () => number, requests: number): Moment {
  const kind = random();
  if (kind < 0.55) return { when: "request", nth: 1 + Math.floor(random() * requests) };
  if (kind < 0.75) return { when: "shards begin", afterMs: Math.floor(random() * 40) };
  if (kind < 0.9) return { when: "shards are in place", afterMs: Math.floor(random() * 12) };
  return { when: "time", afterMs: Math.floor(random() * 1500) };
}

/**
 * Runs the program and kills it with SIGKILL at the given moment, if it still runs then.
 * @param onRequest sets what is called at each request that the web sees.
 * @returns whether it was killed; otherwise it ended with code 0.
 */
export async function runAndKill(
  args: readonly string[],
  data: string,
  moment: Moment,
  onRequest: (hook: () => void) => void,
): Promise<boolean> {
  const node =
    moment.when === "itself" ? { NODE_OPTIONS: `--import ${KILL_ITSELF}`, WIT_KILL_AT: moment.at } : undefined;
  const child = spawn(process.execPath, ["cli.ts", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...node },
  });
  let error = "";
  child.stderr.on("data", (chunk) => {
    error += chunk;
  });
  const ended = once(child, "close");
  let over = false;
  ended.then(() => {
    over = true;
  });
  let requests = 0;
  onRequest(() => {
    if (moment.when === "request" && ++requests === moment.nth) child.kill("SIGKILL");
  });
  const seen = async (happened: () => boolean) => {
    while (!over && !happened()) await sleep(1);
  };
  if (moment.when === "shards begin") await seen(() => existsSync(join(data, "shards.next")));
  if (moment.when === "shards are in place") {
    await seen(() => existsSync(join(data, "shards.next")));
    await seen(() => !existsSync(join(data, "shards.next")));
  }
  if ("afterMs" in moment && !over) {
    await Promise.race([sleep(moment.afterMs), ended]);
    child.kill("SIGKILL");
  }
  const [code, signal] = await ended;
  onRequest(() => {});
  assert.ok(code === 0 || signal === "SIGKILL", `code ${code}, ${signal}: ${error}`);
  return signal === "SIGKILL";
}

/** What must hold at any moment: whatever stands under a final name is whole, and agrees with its checksums. */
export function assertNoHalfShard(data: string): void {
  const shards = join(data, "shards");
  if (!existsSync(shards)) return;
  const sums = sumsOf(shards);
  assert.ok(sums.size > 0, "shards without checksums");
  assert.deepEqual(readdirSync(shards).sort(), [...sums.keys(), "SHA256SUMS"].sort());
}

/** All of a finished data set that must not depend on when its runs were killed. */
export function dataSet(data: string) {
  const db = openForReading(data);
  const all = (sql: string) => db.prepare(sql).all();
  const found = {
    kept: all(
      "SELECT id, queries, chosen_for, shard, key, file, offset, sha256, phash FROM pair WHERE state = 'kept' ORDER BY id",
    ),
    found: all("SELECT id, seen FROM pair ORDER BY id"),
    open: all("SELECT id FROM pair WHERE state IN ('candidate', 'chosen')"),
    shards: all("SELECT * FROM shard_stats"),
    queries: all("SELECT query, matched, chosen, downloaded, kept FROM query_stats WHERE matched > 0"),
    near: all("SELECT * FROM near_duplicates"),
    sums: readFileSync(join(data, "shards/SHA256SUMS"), "utf8"),
  };
  db.close();
  assertNoHalfShard(data);
  assert.ok(
    !existsSync(join(data, "spool")) && !existsSync(join(data, "shards.next")) && !existsSync(join(data, "shards.old")),
  );
  return found;
}
