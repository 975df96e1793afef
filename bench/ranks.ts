/**
 * What sharing a build out costs: 16 ranks of the local executor beside one process, CPU seconds (user and system, with all
 * child processes) of the whole `crawl`. Lists of 80,000 pairs on 97 hosts of the loopback server of bench/fetch.ts, of
 * which the cap lets 8,000 or so in. `npm run bench:ranks`.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import manifest from "../package.json" with { type: "json" };
import { readQueries } from "../queries/list.ts";
import { generator } from "../test/random.ts";

const [PAIRS, LISTS, HOSTS, RANKS, CAP, WORDS] = [80_000, 48, 97, 16, 2, 4_000];
const REPEATS = Number(process.env["WIT_REPEATS"] ?? 3);

const folder = mkdtempSync(join(tmpdir(), "wit-bench-ranks-"));
const server = spawn(process.execPath, ["bench/fetch-server.ts"], { stdio: ["pipe", "pipe", "inherit"] });
const { http } = await new Promise<{ http: number }>((resolve, reject) => {
  createInterface({ input: server.stdout }).once("line", (line) => resolve(JSON.parse(line)));
  server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
});

/** Captions of frequent and rare words, some pairs twice. */
function writeLists(words: readonly string[]): string {
  const random = generator(1);
  const word = () => words[Math.floor(words.length * random() ** 3)];
  const rows: string[][] = Array.from({ length: LISTS }, () => ["url,caption"]);
  for (let i = 0; i < PAIRS; i++) {
    const line = `http://h${i % HOSTS}.example:${http}/${i}.jpg,A photo of the ${word()} ${word()} with a ${word()} beside some ${word()}`;
    rows[Math.floor(random() * LISTS)]?.push(line);
    if (random() < 0.2) rows[Math.floor(random() * LISTS)]?.push(line);
  }
  for (const [list, lines] of rows.entries())
    writeFileSync(join(folder, `list-${String(list).padStart(2, "0")}.csv`), `${lines.join("\n")}\n`);
  return join(folder, "list-*.csv");
}

interface Usage {
  cpu: number;
  ok: number;
}

function crawl(name: string, lists: string, extra: readonly string[]): Usage & { sums: string } {
  const data = join(folder, name);
  rmSync(data, { recursive: true, force: true });
  const limits = join(folder, "limits.tsv");
  writeFileSync(limits, "127.0.0.0/8 0 1000000 8\n");
  const args = [
    ...["cli.ts", "crawl", "--data", data, "--quiet", "--json", "--cap", String(CAP), "--urls", lists],
    ...["--allow-private", "127.0.0.0/8", "--host-limits", limits, "--resolve"],
    ...Array.from({ length: HOSTS }, (_, i) => `h${i}.example:${http}:127.0.0.1`),
    ...extra,
  ];
  const { status, stdout, stderr } = spawnSync("python3", ["bench/fetch_usage.py", process.execPath, ...args], {
    encoding: "utf8",
    maxBuffer: 1e9,
  });
  if (status !== 0) throw new Error(`${stdout}\n${stderr}`);
  const sums = readFileSync(join(data, "shards", "SHA256SUMS"), "utf8");
  return { ...JSON.parse(stdout.trim().split("\n").at(-1) ?? ""), sums };
}

try {
  mkdirSync(folder, { recursive: true });
  // The list a workspace gets by itself; made once here, so that the first run does not pay for it.
  spawnSync(process.execPath, ["cli.ts", "build-queries", "--data", join(folder, "list"), "--quiet"], {
    stdio: "inherit",
  });
  const words = readQueries(join(folder, "list", "queries.tsv"))
    .terms.filter(({ source, term }) => source === "unigram" && /^[a-z]{3,}$/.test(term))
    .sort((a, b) => b.count - a.count)
    .slice(0, WORDS)
    .map(({ term }) => term);
  const lists = writeLists(words);
  const best = { one: Number.POSITIVE_INFINITY, ranks: Number.POSITIVE_INFINITY };
  for (let i = 0; i < REPEATS; i++) {
    const one = crawl("one", lists, []);
    const ranks = crawl("ranks", lists, ["--ranks", String(RANKS), "--executor", "local"]);
    if (one.sums !== ranks.sums) throw new Error("the shards differ");
    best.one = Math.min(best.one, one.cpu);
    best.ranks = Math.min(best.ranks, ranks.cpu);
    process.stderr.write(
      `one ${one.cpu.toFixed(1)} s (${one.ok} pictures), ${RANKS} ranks ${ranks.cpu.toFixed(1)} s\n`,
    );
  }
  console.log(`webimagetext ${manifest.version}, node ${process.version}: ${PAIRS.toLocaleString("en")} pairs`);
  console.log(`one process ${best.one.toFixed(1)} CPU s, ${RANKS} ranks ${best.ranks.toFixed(1)} CPU s`);
  console.log(`ratio ${(best.ranks / best.one).toFixed(3)} (at most 1.1)`);
} finally {
  server.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
