/**
 * The query list from ready counts: `build-queries --counts` with 430,000 words, and WordNet for the rest of 500,000 terms.
 * Wall clock, CPU seconds and peak memory of the process, the best of three. `npm run bench:list`
 *
 * The words are those of the default list, and joinings of two of them: no registry has so many.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WORDS = 430_000;
const folder = mkdtempSync(join(tmpdir(), "wit-bench-list-"));
const build = (...options: string[]) => [
  "cli.ts",
  "build-queries",
  "--quiet",
  "--data",
  join(folder, "data"),
  ...options,
];
const terms = () =>
  readFileSync(join(folder, "data", "queries.tsv"), "utf8")
    .split("\n")
    .slice(1, -1);

/** Runs a program; its own rusage, from Python because Node has none for a process it started. */
function usage(args: string[]): { wall: number; cpu: number; mb: number } {
  const program = `import json, resource, subprocess, sys, time
begin = time.monotonic()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
use = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": time.monotonic() - begin, "cpu": use.ru_utime + use.ru_stime, "mb": use.ru_maxrss / 1024}))`;
  return JSON.parse(execFileSync("python3", ["-c", program, process.execPath, ...args], { encoding: "utf8" }));
}

try {
  execFileSync(process.execPath, build());
  const known = terms()
    .map((line) => line.split("\t", 1)[0] as string)
    .filter((term) => /^[a-z]+$/.test(term));
  const words = new Set(known);
  for (let i = 0; words.size < WORDS; i++) words.add(`${known[i % 5_000]}${known[(i * 7_919) % known.length]}`);
  const counts = join(folder, "counts.tsv");
  writeFileSync(counts, [...words].map((word, i) => `${word}\t${100 + Math.floor(2e8 / (i + 1))}\n`).join(""));
  const runs = [1, 2, 3].map(() => usage(build("--counts", counts)));
  const least = (of: "wall" | "cpu" | "mb") => Math.min(...runs.map((run) => run[of]));
  console.log(
    `${terms().length.toLocaleString("en")} terms from ${words.size.toLocaleString("en")} words: ${least("wall").toFixed(1)} s, ${least("cpu").toFixed(1)} CPU s, ${least("mb").toFixed(0)} MB; node ${process.versions.node}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
