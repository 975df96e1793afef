/**
 * Exact duplicates by 64-bit keys in bounded memory: 100 million rows, a quarter of them repeats, beside one table in
 * memory and numpy's unique (which sorts) for fewer. `npm run bench:duplicates -- --rows 100000000`.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { Repeats } from "../filters/repeats.ts";
import { ensureVenv } from "../store/python.ts";

const DATA = "bench/.data";
const at = process.argv.indexOf("--rows");
const ROWS = at > 0 ? Number(process.argv[at + 1]) : 10_000_000;

function mix(state: number): number {
  let h = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
/** Every fourth row repeats an earlier one. */
const source = (row: number) => (row % 4 === 3 ? (mix(row) >>> 0) % row : row);
const high = (row: number) => mix(Math.imul(source(row), 0x9e3779b1) + 1);
const low = (row: number) => mix(Math.imul(source(row), 0x85ebca77) + 7);

function cpu(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

mkdirSync(DATA, { recursive: true });
const file = `${DATA}/duplicates.tmp`;
const repeats = new Repeats(file);
const making = cpu(() => {
  let sum = 0;
  for (let row = 0; row < ROWS; row++) sum ^= high(row) ^ low(row);
  if (sum === 1) console.log(sum);
});
const adding = cpu(() => {
  for (let row = 0; row < ROWS; row++) repeats.add(high(row), low(row));
});
const disk = statSync(file).size;
let found = 0;
const marking = cpu(() => {
  found = repeats.mark(1, true).count;
});
repeats.close();
const total = adding - making + marking;
console.log(
  `${ROWS.toLocaleString("en")} rows: ${(ROWS / total / 1e6).toFixed(1)} million rows/s/core, ${found.toLocaleString("en")} repeats, ${(disk / 1e9).toFixed(2)} GB on disk, peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB; ten billion at this rate ${(1e10 / (ROWS / total) / 60).toFixed(0)} core-minutes, ${((disk / ROWS) * 10).toFixed(0)} GB`,
);

const few = Math.min(ROWS, 10_000_000);
const keys = new Int32Array(2 * few);
for (let row = 0; row < few; row++) {
  keys[2 * row] = low(row);
  keys[2 * row + 1] = high(row);
}
writeFileSync(`${DATA}/duplicates.bin`, new Uint8Array(keys.buffer));
const python = ensureVenv("bench/.venv-cap", "bench/cap-requirements.txt", (text) => process.stderr.write(`${text}\n`));
const script = `
import sys, time, numpy as np
keys = np.fromfile(sys.argv[1], dtype=np.uint64)
start = time.process_time()
unique = np.unique(keys).size
print(time.process_time() - start, keys.size - unique)`;
const answer = execFileSync(python, ["-c", script, `${DATA}/duplicates.bin`], { encoding: "utf8" });
const [seconds = 1, peerFound = 0] = answer.split(" ").map(Number);
console.log(
  `numpy.unique in memory, ${few.toLocaleString("en")} rows: ${(few / seconds / 1e6).toFixed(1)} million rows/s, ${peerFound.toLocaleString("en")} repeats`,
);
