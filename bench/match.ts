/**
 * The matcher beside MetaCLIP's (pyahocorasick): 500,000 terms, 200,000 real English captions, one core each, CPU seconds.
 * Both sides read the same captions; `metaclip` must find the same terms in each. `npm run bench:match`.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Matcher } from "../filters/matcher.ts";
import { buildTable } from "../filters/matcher-table.ts";
import type { MatchMode } from "../filters/words.ts";
import { readQueries } from "../queries/list.ts";
import { ensureVenv } from "../store/python.ts";
import { englishCaptions, makeCaptions, TERMS } from "./captions.ts";

const COUNT = 200_000;
const DATA = "bench/.data";
const say = (text: string) => process.stderr.write(`${text}\n`);

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Median CPU seconds of five runs, after two to warm up. */
function cpu(work: () => void): number {
  const runs: number[] = [];
  for (let run = 0; run < 7; run++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    if (run >= 2) runs.push((user + system) / 1e6);
  }
  return median(runs);
}

await makeCaptions(say);
const { terms } = readQueries(TERMS);
const captions = (await englishCaptions()).slice(0, COUNT);
const text = captions.join("\n");
const bytes = Buffer.from(text);
const starts = [0];
for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1);
starts.push(bytes.length + 1);

const python = ensureVenv("bench/.venv-match", "bench/match-requirements.txt", say);
const [termsFile, captionsFile, foundFile] = ["terms", "captions", "found"].map((name) =>
  join(DATA, `match-${name}.txt`),
);
if (!termsFile || !captionsFile || !foundFile) throw new Error("unreachable");
writeFileSync(termsFile, terms.map(({ term }) => term).join("\n"));
writeFileSync(captionsFile, text);
const peerRuns = Array.from({ length: 3 }, () =>
  JSON.parse(execFileSync(python, ["bench/match_peer.py", termsFile, captionsFile, foundFile], { encoding: "utf8" })),
);
const peer = {
  build: median(peerRuns.map(({ build }) => build)),
  match: median(peerRuns.map(({ match }) => match)),
  bytes: peerRuns[0].bytes,
};

const rows = [["pyahocorasick as MetaCLIP", peer.build, peer.bytes, COUNT / peer.match, 1]];
for (const mode of ["fold", "metaclip"] satisfies MatchMode[]) {
  const build = cpu(() => void buildTable(terms, mode));
  const matcher = new Matcher(buildTable(terms, mode));
  const fromBytes = cpu(() => {
    for (let i = 0; i + 1 < starts.length; i++)
      matcher.matchBytes(bytes, starts[i] as number, (starts[i + 1] as number) - 1);
  });
  const fromStrings = cpu(() => {
    for (const caption of captions) matcher.match(caption);
  });
  const size = matcher.table.buffer.byteLength;
  rows.push([`${mode}, from bytes`, build, size, COUNT / fromBytes, peer.match / fromBytes]);
  rows.push([`${mode}, from strings`, build, size, COUNT / fromStrings, peer.match / fromStrings]);
}

const node = process.version;
console.log(
  `${terms.length.toLocaleString("en")} terms, ${COUNT.toLocaleString("en")} captions, ${(bytes.length / COUNT).toFixed(0)} bytes each; Node ${node}, pyahocorasick 2.3.1`,
);
console.log(`${"".padEnd(26)} build s  tables MB  captions/s/core  ratio`);
for (const [name, build, size, rate, ratio] of rows as [string, number, number, number, number][]) {
  console.log(
    `${name.padEnd(26)} ${build.toFixed(2).padStart(7)}  ${(size / 1e6).toFixed(1).padStart(9)}  ${Math.round(rate).toLocaleString("en").padStart(15)}  ${ratio.toFixed(1).padStart(5)}`,
  );
}

const theirs = readFileSync(foundFile, "utf8").split("\n");
const metaclip = new Matcher(buildTable(terms, "metaclip"));
const different = captions.filter((caption, i) => metaclip.match(caption).join(" ") !== theirs[i]);
console.log(
  `metaclip: ${different.length} of ${COUNT.toLocaleString("en")} captions with other ids than MetaCLIP's matcher`,
);
if (different.length > 0) {
  console.log(different.slice(0, 5).join("\n"));
  process.exitCode = 1;
}
