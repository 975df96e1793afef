/**
 * The exact cap beside MetaCLIP's sampling in numpy: matches of 500,000 queries with the published skew (3.2 % of the
 * queries hold 94.5 % of the matches), all passes, one core each, CPU seconds. `npm run bench:cap`;
 * `npm run bench:cap -- --full` streams 5.6 billion matches through ours, with k = 20,000, and shows the memory; a number
 * after it is of how many millions, with k in proportion.
 *
 * All sides begin with their columns in memory and end with the number of pairs kept; numpy draws its numbers (PCG64), ours
 * computes u from the pair's id. The peers keep k on average only. There are two: with the operations of MetaCLIP's scripts,
 * and as fast as numpy can.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import {
  anyChosen,
  type BlockScan,
  bitsFor,
  countMatches,
  exactChoice,
  isChosen,
  type PairBlock,
} from "../filters/cap.ts";
import { termHash } from "../filters/priority.ts";
import { Progress } from "../store/progress.ts";
import { ensureVenv } from "../store/python.ts";

const DATA = "bench/.data";
const QUERIES = 500_000;
const HEADS = 16_000;
const HEAD_SHARE = 0.945;
const A_PAIR = 10;
const PAIRS = 100_000;
const say = (text: string) => process.stderr.write(`${text}\n`);

/** A pseudo-random number below 1 in 32 bits, made from a counter. */
function random(state: number): number {
  let h = Math.imul(state, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** Heads by a power law whose largest has the published 2 % of all matches (120 million of 5.6 billion); an even tail. */
const HEAD_OF = Int32Array.from({ length: 1 << 16 }, (_, i) => Math.floor(HEADS * (i / (1 << 16)) ** 2.2));

const tail = (at: number) => HEADS + Math.floor(random(at ^ 0x5bf03635) * (QUERIES - HEADS));

function makeBlock(number: number, block: PairBlock): PairBlock {
  let at = number * PAIRS * (A_PAIR + 2);
  for (let pair = 0; pair < PAIRS; pair++) {
    block.high[pair] = random(at++) * 2 ** 32;
    block.low[pair] = random(at++) * 2 ** 32;
    for (let i = pair * A_PAIR; i < (pair + 1) * A_PAIR; i++) {
      const u = random(at++);
      let query = tail(at);
      if (u < HEAD_SHARE) query = HEAD_OF[Math.floor((u / HEAD_SHARE) * (1 << 16))] as number;
      // A caption contains a query once.
      for (let other = pair * A_PAIR; other < i; other++) if (block.queries[other] === query) query = tail(at + other);
      block.queries[i] = query;
    }
  }
  return block;
}

const emptyBlock = (): PairBlock => ({
  pairs: PAIRS,
  high: new Int32Array(PAIRS),
  low: new Int32Array(PAIRS),
  starts: Uint32Array.from({ length: PAIRS + 1 }, (_, i) => i * A_PAIR),
  queries: new Int32Array(PAIRS * A_PAIR),
  chosen: new Int32Array(bitsFor(PAIRS * A_PAIR)),
  open: new Int32Array(bitsFor(PAIRS * A_PAIR)),
});
const hashes = Int32Array.from({ length: QUERIES }, (_, i) => termHash(`query ${i}`));

function cpu(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

interface Passes {
  seconds: [number, number, number];
  kept: number;
  most: number;
}

function passes(scan: BlockScan, cap: number): Passes {
  const counts = new Uint32Array(QUERIES);
  const count = cpu(() => scan((block) => countMatches(block, counts)));
  let decide = (_: PairBlock): void => {};
  const window = cpu(() => {
    decide = exactChoice(scan, counts, hashes, cap, 0);
  });
  const perQuery = new Uint32Array(QUERIES);
  let kept = 0;
  let tallying = 0;
  const choose = cpu(() =>
    scan((block) => {
      decide(block);
      for (let pair = 0; pair < PAIRS; pair++) if (anyChosen(block, pair)) kept++;
      tallying += cpu(() => {
        for (let i = 0; i < PAIRS * A_PAIR; i++) {
          const query = block.queries[i] as number;
          if (isChosen(block, i)) perQuery[query] = (perQuery[query] as number) + 1;
        }
      });
    }),
  );
  const most = perQuery.reduce((a, b) => Math.max(a, b), 0);
  return { seconds: [count, window, choose - tallying], kept, most };
}

function line(name: string, seconds: number, matches: number, peer: number, note: string): string {
  return `${name.padEnd(34)} ${seconds.toFixed(2).padStart(8)} ${(matches / seconds / 1e6).toFixed(1).padStart(10)}  ${(peer / seconds).toFixed(2).padStart(6)}  ${note}`;
}

if (process.argv.includes("--full")) {
  const blocks = Number(process.argv[process.argv.indexOf("--full") + 1] ?? 5_600);
  const cap = Math.round((20_000 * blocks) / 5_600);
  const block = emptyBlock();
  mkdirSync(DATA, { recursive: true });
  const file = openSync(`${DATA}/cap-marks.bin`, "w+");
  const size = block.chosen.byteLength;
  let making = 0;
  let pass = 0;
  // Pairs are made anew for each pass; what a pass marked waits in a file, as in PairBlocks.
  const scan: BlockScan = (visit) => {
    const progress = new Progress(`pass ${++pass}`, false);
    for (let i = 0; i < blocks; i++) {
      progress.update(i, blocks, "million matches");
      making += cpu(() => {
        makeBlock(i, block);
        readSync(file, block.chosen, 0, size, 2 * i * size);
        readSync(file, block.open, 0, size, (2 * i + 1) * size);
      });
      visit(block);
      making += cpu(() => {
        writeSync(file, block.chosen, 0, size, 2 * i * size);
        writeSync(file, block.open, 0, size, (2 * i + 1) * size);
      });
    }
  };
  const { seconds, kept, most } = passes(scan, cap);
  closeSync(file);
  rmSync(`${DATA}/cap-marks.bin`);
  const total = seconds[0] + seconds[1] + seconds[2] - making;
  const matches = blocks * PAIRS * A_PAIR;
  console.log(
    `${matches.toLocaleString("en")} matches, k = ${cap.toLocaleString("en")}: ${(matches / total / 1e6).toFixed(1)} million/s in three passes (making them not counted), ${kept.toLocaleString("en")} pairs kept, most of one query ${most.toLocaleString("en")}, peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`,
  );
} else {
  // k in proportion to the published: 20,000 of 5.6 billion matches.
  const [blockCount, cap] = [50, 180];
  const blocks = Array.from({ length: blockCount }, (_, i) => makeBlock(i, emptyBlock()));
  const matches = blockCount * PAIRS * A_PAIR;
  mkdirSync(DATA, { recursive: true });
  writeFileSync(`${DATA}/cap-queries.bin`, Buffer.concat(blocks.map(({ queries }) => new Uint8Array(queries.buffer))));
  const python = ensureVenv("bench/.venv-cap", "bench/cap-requirements.txt", say);
  const sizes = [QUERIES, cap, PAIRS, A_PAIR].map(String);
  /** The middle of three runs, each a process of its own. */
  const peer = (name: string) =>
    Array.from({ length: 3 }, () =>
      JSON.parse(execFileSync(python, ["bench/cap_peer.py", name, DATA, ...sizes], { encoding: "utf8" })),
    ).sort((x, y) => x.count + x.draw - y.count - y.draw)[1];
  const [steps, columns] = [peer("steps"), peer("columns")];
  const scan: BlockScan = (visit) => blocks.forEach(visit);
  const runs = Array.from({ length: 4 }, () => passes(scan, cap)).slice(1);
  const sum = ({ seconds }: Passes) => seconds[0] + seconds[1] + seconds[2];
  const [, own] = runs.sort((a, b) => sum(a) - sum(b)) as [Passes, Passes, Passes];
  const all = steps.count + steps.draw;
  const best = columns.count + columns.draw;
  console.log(
    `${matches.toLocaleString("en")} matches, ${QUERIES.toLocaleString("en")} queries, k = ${cap}; Node ${process.version}, numpy 2.4.6`,
  );
  console.log(`${"".padEnd(34)}   CPU s  M matches/s  ratio  pairs kept, most of one query`);
  console.log(line("MetaCLIP's steps in numpy", all, matches, all, `${steps.kept}, ${steps.most}`));
  console.log(line("  draw alone", steps.draw, matches, all, ""));
  console.log(line("numpy as fast as it can", best, matches, all, `${columns.kept}, ${columns.most}`));
  console.log(line("  draw alone", columns.draw, matches, all, ""));
  console.log(line("ours, exact", sum(own), matches, all, `${own.kept}, ${own.most}`));
  for (const [i, name] of ["  count", "  window", "  choose"].entries())
    console.log(line(name, own.seconds[i] as number, matches, all, ""));
  console.log(`ours is ${(best / sum(own)).toFixed(2)}x numpy as fast as it can`);
}
