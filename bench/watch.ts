/**
 * `npm run bench:watch`: does `stats --watch` slow down the crawl beside it? The same crawl of a small web on this machine
 * with and without a watcher, in turns; CPU seconds of the crawl and of the watcher.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSmallSite } from "../test/servers/small-site.ts";

const ROUNDS = Number(process.argv[2] ?? 2);
const folder = mkdtempSync(join(tmpdir(), "bench-watch-"));
const site = await startSmallSite(8, 25, 12);
const limits = join(folder, "limits.tsv");
writeFileSync(limits, "127.0.0.0/8\t0\t10000\t8\n");

interface Ended {
  wall: number;
  cpu: number;
  out: string;
}

/** Runs the program; its CPU seconds come from the shell's `times`, whose last line counts the children. */
function run(args: string[], stop?: Promise<unknown>): Promise<Ended> {
  const command = [process.execPath, "cli.ts", ...args].map((word) => `'${word}'`).join(" ");
  const started = performance.now();
  const child = spawn("sh", ["-c", `trap : TERM; ${command} & wait $!; kill $! 2>/dev/null; wait $!; times`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  void stop?.then(() => child.kill("SIGTERM"));
  return new Promise((resolve) =>
    child.on("close", () => {
      const last = out.trim().split("\n").at(-1) ?? "";
      const parts = [...last.matchAll(/(\d+)m([\d.]+)s/g)];
      const cpu = parts.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
      resolve({ wall: (performance.now() - started) / 1000, cpu, out });
    }),
  );
}

const sums = { alone: { cpu: 0, wall: 0 }, watched: { cpu: 0, wall: 0 }, watcher: { cpu: 0, looks: 0 } };
try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ["alone", "watched"] as const) {
      const data = join(folder, `${kind}${round}`);
      const crawl = run(["crawl", "--data", data, "--quiet", "--host-limits", limits, ...site.options]);
      const watcher = kind === "watched" ? started(data, crawl) : undefined;
      const { cpu, wall } = await crawl;
      sums[kind].cpu += cpu;
      sums[kind].wall += wall;
      const ended = await watcher;
      if (ended) {
        sums.watcher.cpu += ended.cpu;
        sums.watcher.looks += ended.out.split("\n").filter((line) => line.startsWith("{")).length;
      }
    }
  }
} finally {
  await site.close();
  rmSync(folder, { recursive: true, force: true });
}

/** The watcher, once there is something to watch. */
async function started(data: string, crawl: Promise<unknown>): Promise<Ended> {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  return run(["stats", "--data", data, "--json", "--watch", "2"], crawl);
}

const { alone, watched, watcher } = sums;
console.log(`crawl alone     ${(alone.cpu / ROUNDS).toFixed(2)} CPU s, ${(alone.wall / ROUNDS).toFixed(1)} s`);
console.log(`crawl watched   ${(watched.cpu / ROUNDS).toFixed(2)} CPU s, ${(watched.wall / ROUNDS).toFixed(1)} s`);
console.log(`the watcher     ${(watcher.cpu / ROUNDS).toFixed(2)} CPU s, ${(watcher.looks / ROUNDS).toFixed(1)} looks`);
console.log(`CPU of the crawl with a watcher: ${((100 * watched.cpu) / alone.cpu).toFixed(1)} % of that without`);
