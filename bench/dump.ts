/**
 * A Wikipedia dump counted, beside gensim's WikiCorpus and wikiextractor (PyPI, in bench/.venv-dump) and beside bz2
 * decoding alone, which bounds what can be had: CPU seconds of one thread, MB of XML per CPU second.
 *
 * The dump is the sample of test/fixtures repeated, since no registry has a larger one: the vocabulary does not grow, so
 * its table stays in the processor's cache. `--curve` measures different words and pairs against MB read.
 *
 *   npm run bench:dump [-- --repeat 12] [-- --curve]
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hashPair, PairTable } from "../queries/pairs.ts";
import { PartReader } from "../queries/part.ts";
import { wordsOf } from "../queries/terms.ts";
import { planParts } from "../queries/wikipedia.ts";
import { ensureVenv } from "../store/python.ts";
import { bzip2, multistream, SAMPLE, unpack } from "../test/queries/fixtures.ts";
import { proseOf } from "../test/queries/grown-dump.ts";
import { printCurve } from "./dump-curve.ts";

const { values } = parseArgs({
  options: { repeat: { type: "string", default: "12" }, curve: { type: "boolean", default: false } },
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

/** CPU seconds of reading all parts of a file, after a first reading that warms the compiler up. */
function ours(file: string): { seconds: number; xml: number } {
  const parts = planParts(file, join(folder, "cache"), "fold");
  for (const part of parts) mkdirSync(part.folder, { recursive: true });
  const reader = new PartReader();
  for (const part of parts.slice(0, 1)) reader.read(part);
  const before = process.cpuUsage();
  let xml = 0;
  for (const part of parts) xml += reader.read(part).xml;
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, xml };
}

function speed(): void {
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
  writeFileSync(
    large.packed,
    Buffer.concat([packed.subarray(0, head), ...Array(times).fill(streams), packed.subarray(-tail)]),
  );

  const rows: [string, string, number, number][] = [];
  const megabytes = sample.length / 1e6;
  for (const [form, file] of [
    ["plain XML", "plain"],
    ["multistream bz2", "packed"],
  ] as const) {
    const mine = ours(large[file]);
    rows.push([form, "ours", mine.xml / 1e6, mine.seconds]);
    // The peers are slow: the sample once is enough for them.
    rows.push([form, "wikiextractor, clean and count", megabytes, peer("wikiextractor", small[file]).seconds]);
    rows.push([form, "gensim WikiCorpus", megabytes, peer("gensim", small[file]).seconds]);
  }
  rows.push([
    "multistream bz2",
    "Python bz2 (libbz2), decoding alone",
    xml.length / 1e6,
    peer("bz2", large.packed).seconds,
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
  // Where the two differ on purpose: captions of pictures and small print, which we keep; formulas and code, for which
  // wikiextractor puts a placeholder. Taken out of both, what is left should be the same.
  const same = Buffer.from(
    withoutPictures(sample.toString("utf8"))
      .replace(/&lt;(math|code)\b[\s\S]*?&lt;\/\1&gt;/g, " ")
      .replace(/&lt;\/?small&gt;/g, ""),
  );
  for (const [name, xml] of [
    ["as they are", sample],
    ["without pictures, formulas, code and small print", same],
  ] as const) {
    const file = join(folder, "agreement.xml");
    writeFileSync(file, xml);
    const { stdout } = spawnSync(python, ["bench/dump_peers.py", "text", file], {
      encoding: "utf8",
      maxBuffer: 1 << 30,
    });
    const theirs = new Map<string, number>();
    for (const line of stdout.trim().split("\n")) add(theirs, JSON.parse(line).text);
    const mine = new Map<string, number>();
    for (const { text } of proseOf(xml)) add(mine, text);
    let [dot, a, b] = [0, 0, 0];
    for (const word of new Set([...mine.keys(), ...theirs.keys()])) {
      const [x, y] = [mine.get(word) ?? 0, theirs.get(word) ?? 0];
      dot += x * y;
      a += x * x;
      b += y * y;
    }
    const top = [...theirs].sort((x, y) => y[1] - x[1]).slice(0, 10_000);
    const within = top.filter(([word, count]) => Math.abs((mine.get(word) ?? 0) - count) <= 0.02 * count);
    const worst = top
      .map(([word, count]) => [word, mine.get(word) ?? 0, count] as const)
      .sort((x, y) => Math.abs(y[1] - y[2]) - Math.abs(x[1] - x[2]));
    console.log(
      `wikiextractor's words, pages ${name}: cosine ${(dot / Math.sqrt(a * b)).toFixed(6)}, of the ${top.length} most frequent ${within.length} within 2%`,
    );
    console.log(
      `  most apart (word ours:theirs): ${worst
        .slice(0, 12)
        .map(([word, x, y]) => `${word} ${x}:${y}`)
        .join(", ")}`,
    );
  }
}

function add(counts: Map<string, number>, text: string): void {
  for (const word of wordsOf(text, "fold")) counts.set(word, (counts.get(word) ?? 0) + 1);
}

/** The wikitext without [[File:...]], brackets counted. */
function withoutPictures(xml: string): string {
  const opening = /\[\[\s*(?:File|Image)\s*:/gi;
  let out = "";
  let from = 0;
  for (let match = opening.exec(xml); match; match = opening.exec(xml)) {
    out += xml.slice(from, match.index);
    let at = match.index;
    let depth = 0;
    do {
      if (xml.startsWith("[[", at)) depth++;
      else if (xml.startsWith("]]", at)) depth--;
      at += xml.startsWith("[[", at) || xml.startsWith("]]", at) ? 2 : 1;
    } while (depth > 0 && at < xml.length);
    from = at;
    opening.lastIndex = at;
  }
  return out + xml.slice(from);
}

try {
  if (values.curve) printCurve();
  else {
    speed();
    pairs();
    agreement();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
