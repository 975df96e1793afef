/**
 * A Wikipedia dump counted, beside gensim's WikiCorpus and wikiextractor (PyPI, in bench/.venv-dump) and beside bz2
 * decoding alone, which bounds what can be had: CPU seconds of one thread, MB of XML per CPU second.
 *
 * The dump is the sample of test/fixtures repeated, since no registry has a larger one: the vocabulary does not grow, so
 * its table stays in the processor's cache. `--curve` measures different words and pairs against MB read.
 *
 *   npm run bench:dump [-- --repeat 12] [-- --curve] [-- --fixture writes wikiextractor's counts for the tests]
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { findLbzip2 } from "../queries/lbzip2.ts";
import { hashPair, PairTable } from "../queries/pairs.ts";
import { PartReader } from "../queries/part.ts";
import { countDump, planParts } from "../queries/wikipedia.ts";
import { ensureVenv } from "../store/python.ts";
import { comparable, compareCounts, countWords, THEIR_COUNTS } from "../test/queries/agreement.ts";
import { bzip2, multistream, SAMPLE, unpack } from "../test/queries/fixtures.ts";
import { proseOf } from "../test/queries/grown-dump.ts";
import { printCurve } from "./dump-curve.ts";

const { values } = parseArgs({
  options: {
    repeat: { type: "string", default: "12" },
    curve: { type: "boolean", default: false },
    fixture: { type: "boolean", default: false },
  },
});
const folder = mkdtempSync(join(tmpdir(), "wit-bench-dump-"));
const python = ensureVenv("bench/.venv-dump", "bench/dump-requirements.txt", (text) => console.error(text));
const sample = unpack(SAMPLE);
const start = sample.indexOf("  <page>");
const end = sample.lastIndexOf("</mediawiki>");

/** The sample's pages so many times. */
function repeated(times: number): Buffer {
  return Buffer.concat([
    sample.subarray(0, start),
    ...Array(times).fill(sample.subarray(start, end)),
    sample.subarray(end),
  ]);
}

function peer(what: string, file: string): { seconds: number; tokens: number } {
  const { status, stdout, stderr } = spawnSync(python, ["bench/dump_peers.py", what, file], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** CPU seconds of this process and of the programs it started and waited for; the latter only on Linux. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  let children = 0;
  if (existsSync("/proc/self/stat")) {
    const fields = readFileSync("/proc/self/stat", "latin1")
      .replace(/^.*\) /, "")
      .split(" ");
    children = (Number(fields[13]) + Number(fields[14])) / 100;
  }
  return (user + system) / 1e6 + children;
}

/** Does something with lbzip2 out of sight. */
async function withoutLbzip2<Result>(action: () => Result | Promise<Result>): Promise<Result> {
  const path = process.env["PATH"];
  process.env["PATH"] = "";
  try {
    return await action();
  } finally {
    process.env["PATH"] = path;
  }
}

/** CPU seconds of reading all parts of a file, after a first reading that warms the compiler up. */
function ours(file: string): { seconds: number; xml: number } {
  const parts = planParts(file, join(folder, "cache"), "fold");
  for (const part of parts) mkdirSync(part.folder, { recursive: true });
  const reader = new PartReader();
  for (const part of parts.slice(0, 2)) reader.read(part);
  const before = cpuSeconds();
  let xml = 0;
  for (const part of parts) xml += reader.read(part).xml;
  return { seconds: cpuSeconds() - before, xml };
}

/** The whole of `countDump` with one thread and with two: wall clock, and how much of its CPU time no thread can share. */
async function threads(file: string): Promise<void> {
  const wall = new Map<number, number>();
  let shared = 0;
  for (const count of [1, 2, 1, 2]) {
    const cache = mkdtempSync(join(folder, "threads-"));
    const [started, cpu, own] = [performance.now(), process.cpuUsage(), process.threadCpuUsage()];
    await countDump([file], {
      cache,
      threads: count,
      memory: 1e9,
      case: "fold",
      language: "en",
      minCount: 100,
      minPairWord: 100,
      pairs: { minCount: 100, minPmi: 0, rank: "pmi" },
      maxPairs: 500_000,
      quiet: true,
    });
    wall.set(count, Math.min(wall.get(count) ?? Number.POSITIVE_INFINITY, performance.now() - started));
    const [all, main] = [process.cpuUsage(cpu), process.threadCpuUsage(own)];
    shared = 1 - (main.user + main.system) / (all.user + all.system);
  }
  const [one = 0, two = 0] = [wall.get(1), wall.get(2)];
  console.log(
    `two threads      ${(one / two).toFixed(2)}x one by wall clock (${(one / 1000).toFixed(1)} and ${(two / 1000).toFixed(1)} s, which other programs disturb); ${(100 * shared).toFixed(1)}% of the CPU time is in the threads, so at most ${(1 / (1 - shared / 2)).toFixed(2)}x`,
  );
}

async function speed(): Promise<void> {
  const times = Number(values.repeat);
  const small = { plain: join(folder, "small.xml"), packed: join(folder, "small.xml.bz2") };
  const large = { plain: join(folder, "large.xml"), packed: join(folder, "large.xml.bz2") };
  const xml = repeated(times);
  writeFileSync(small.plain, sample);
  writeFileSync(small.packed, multistream(sample, 15));
  writeFileSync(large.plain, xml);
  const packed = multistream(sample, 15);
  // One head, then the streams of the pages again and again.
  const head = bzip2(sample.subarray(0, start)).length;
  const tail = bzip2(sample.subarray(end)).length;
  const streams = packed.subarray(head, packed.length - tail);
  const write = (file: string, count: number) =>
    writeFileSync(
      file,
      Buffer.concat([packed.subarray(0, head), ...Array(count).fill(streams), packed.subarray(-tail)]),
    );
  write(large.packed, times);

  const rows: [string, string, number, number][] = [];
  const megabytes = sample.length / 1e6;
  for (const [form, file] of [
    ["plain XML", "plain"],
    ["multistream bz2", "packed"],
  ] as const) {
    const mine = await withoutLbzip2(() => best(() => ours(large[file])));
    rows.push([form, "ours", mine.xml / 1e6, mine.seconds]);
    if (file === "packed" && findLbzip2() !== undefined) {
      const helped = best(() => ours(large.packed));
      rows.push([form, "ours with lbzip2", helped.xml / 1e6, helped.seconds]);
    }
    // The peers are slow: the sample once is enough for them.
    rows.push([
      form,
      "wikiextractor, clean and count",
      megabytes,
      best(() => peer("wikiextractor", small[file])).seconds,
    ]);
    rows.push([form, "gensim WikiCorpus", megabytes, best(() => peer("gensim", small[file])).seconds]);
  }
  rows.push([
    "multistream bz2",
    "Python bz2 (libbz2), decoding alone",
    xml.length / 1e6,
    best(() => peer("bz2", large.packed)).seconds,
  ]);
  console.log(
    `versions ${JSON.stringify(JSON.parse(spawnSync(python, ["bench/dump_peers.py", "versions", ""], { encoding: "utf8" }).stdout))}, node ${process.versions.node}`,
  );
  console.log("input            program                              MB of XML  CPU s   MB/s  ours is");
  for (const [form, name, size, seconds] of rows) {
    const own = rows.find(([other, program]) => other === form && program === "ours");
    const ratio = own ? own[2] / own[3] / (size / seconds) : 1;
    console.log(
      `${form.padEnd(16)} ${name.padEnd(36)} ${size.toFixed(1).padStart(9)} ${seconds.toFixed(2).padStart(6)} ${(size / seconds).toFixed(1).padStart(6)}  ${name === "ours" ? "" : `${ratio.toFixed(1)}x`}`,
    );
  }
  // Starting threads and compiling in each of them should not count: 16 times as much.
  const longer = join(folder, "longer.xml.bz2");
  write(longer, 16 * times);
  await withoutLbzip2(() => threads(longer));
}

/** The fastest of three runs: other programs only ever slow one down. */
function best<Result extends { seconds: number }>(run: () => Result): Result {
  return [run(), run(), run()].reduce((a, b) => (a.seconds < b.seconds ? a : b));
}

/** Pairs a second: six million drawn by Zipf's law from 400,000 words, dealt out to partitions by hash, then counted. */
function pairs(): void {
  const count = 6_000_000;
  let state = 1;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const word = () => Math.min(399_999, Math.floor(400_000 ** random()) - 1);
  const words = Uint32Array.from({ length: count + 1 }, word);
  const partitions = 32;
  const deal = () => {
    const rooms = Array.from({ length: partitions }, () => new Uint32Array((count / partitions) * 4));
    const filled = new Uint32Array(partitions);
    for (let i = 0; i < count; i++) {
      const partition = hashPair(words[i] as number, words[i + 1] as number) & (partitions - 1);
      const at = filled[partition] as number;
      const room = rooms[partition] as Uint32Array;
      if (at + 2 > room.length) continue; // More than twice its share: not with this hash.
      room[at] = words[i] as number;
      room[at + 1] = words[i + 1] as number;
      filled[partition] = at + 2;
    }
    return rooms.map((room, partition) => room.subarray(0, filled[partition]));
  };
  const measure = () => {
    const before = process.cpuUsage();
    let distinct = 0;
    let total = 0;
    for (const partition of deal()) {
      const table = new PairTable(partition.length / 2);
      table.addAll(partition);
      distinct += table.size;
      total += partition.length / 2;
    }
    const { user, system } = process.cpuUsage(before);
    return { rate: total / (user + system), distinct, total };
  };
  measure();
  const { rate, distinct, total } = measure();
  console.log(
    `pairs            dealt out and counted: ${rate.toFixed(1)} million a CPU second (${total.toLocaleString("en")}, ${((100 * distinct) / total).toFixed(0)}% different)`,
  );
}

/** Agreement of the word counts with those of wikiextractor's text of the same pages. */
function agreement(): void {
  for (const [name, xml] of [
    ["as they are", sample],
    ["without what the two treat differently", comparable()],
  ] as const) {
    const file = join(folder, "agreement.xml");
    writeFileSync(file, xml);
    const { stdout } = spawnSync(python, ["bench/dump_peers.py", "text", file], {
      encoding: "utf8",
      maxBuffer: 1 << 30,
    });
    const lines = stdout.trim().split("\n");
    const theirs = countWords(lines.map((line): string => JSON.parse(line).text));
    const { cosine, words, apart } = compareCounts(countWords(proseOf(xml).map(({ text }) => text)), theirs);
    console.log(
      `wikiextractor's words, pages ${name}: cosine ${cosine.toFixed(9)}, of the ${words} most frequent ${words - apart.length} within 2%`,
    );
    const worst = apart.slice(0, 12).map((row) => `${row.word} ${row.mine}:${row.theirs}`);
    if (worst.length > 0) console.log(`  most apart (word ours:theirs): ${worst.join(", ")}`);
    if (values.fixture && xml !== sample) {
      const rows = [...theirs].sort((x, y) => y[1] - x[1] || (x[0] < y[0] ? -1 : 1));
      writeFileSync(THEIR_COUNTS, gzipSync(rows.map(([word, count]) => `${word}\t${count}\n`).join(""), { level: 9 }));
      console.log(`written to ${THEIR_COUNTS}`);
    }
  }
}

try {
  if (values.curve) printCurve();
  else if (values.fixture) agreement();
  else {
    await speed();
    pairs();
    agreement();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
