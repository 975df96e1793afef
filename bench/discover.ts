/**
 * `discover` as a user runs it, on the million captions and 500,000 terms of captions.ts: wall and CPU seconds, every row
 * accounted for in `funnel`. `npm run bench:discover`.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { openForReading } from "../store/database.ts";
import { CAPTIONS, makeCaptions, TERMS } from "./captions.ts";

await makeCaptions((text) => process.stderr.write(`${text}\n`));
const data = "bench/.data/discover";
rmSync(data, { recursive: true, force: true });
mkdirSync(data, { recursive: true });
copyFileSync(TERMS, join(data, "queries.tsv"));
const started = performance.now();
const args = ["cli.ts", "discover", "--data", data, "--urls", CAPTIONS, "--user-agent", "bench (on this machine)"];
// The child reports its own CPU seconds at its end, of all its threads.
const report = `process.on("exit", () => { const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  console.log("CPU " + (userCPUTime / 1e6).toFixed(1) + " + " + (systemCPUTime / 1e6).toFixed(1) + " s, peak memory " + Math.round(maxRSS / 1024) + " MB"); });`;
const { status } = spawnSync(
  process.execPath,
  ["--import", `data:text/javascript,${encodeURIComponent(report)}`, ...args],
  { stdio: "inherit" },
);
if (status !== 0) throw new Error(`discover ended with ${status}`);
console.log(`wall ${((performance.now() - started) / 1000).toFixed(1)} s on ${availableParallelism()} cores`);
const db = openForReading(data);
// What stopped at any stage; nothing is kept before the pictures are there.
const stopped = db
  .prepare<[], { pairs: number }>("SELECT sum(pairs) AS pairs FROM funnel WHERE reason <> 'passed'")
  .get();
console.log(`rows accounted for in funnel: ${stopped?.pairs.toLocaleString("en")} of 1,000,000`);
if (stopped?.pairs !== 1_000_000) process.exitCode = 1;
