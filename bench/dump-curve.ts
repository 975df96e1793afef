import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ByteTable } from "../queries/byte-table.ts";
import { PartReader, partFiles } from "../queries/part.ts";
import { planParts } from "../queries/wikipedia.ts";
import { forEachWord } from "../queries/word-file.ts";
import { growDump } from "../test/queries/grown-dump.ts";

/** XML of English Wikipedia's articles, and different words in it, by Heaps' law from what is measured here. */
const FULL_MB = 100_000;

/** Different words and the memory of their table against MB read, on a sample grown copy by copy. */
export function printCurve(folder: string): void {
  const table = new ByteTable();
  const reader = new PartReader();
  const points: [number, number, number][] = [];
  let read = 0;
  let tokens = 0;
  for (const copies of [0, 1, 3, 7, 15]) {
    const file = join(folder, `grown-${copies}.xml`);
    writeFileSync(file, growDump(copies, 0).xml);
    for (const part of planParts(file, join(folder, "cache"), "fold")) {
      mkdirSync(part.folder, { recursive: true });
      const stats = reader.read(part);
      read += stats.xml / 1e6;
      tokens += stats.tokens;
      forEachWord(partFiles(part).words, (keys, start, end, count) => {
        if (count > 0) table.idOf(keys, start, end);
      });
    }
    points.push([read, tokens, table.size]);
    console.log(
      `${read.toFixed(0).padStart(5)} MB  ${tokens.toLocaleString("en").padStart(11)} words  ${table.size.toLocaleString("en").padStart(8)} different  ${(table.bytes / 1e6).toFixed(1).padStart(6)} MB of table  ${"#".repeat(Math.round(table.size / 8_000))}`,
    );
  }
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return;
  const exponent = Math.log(last[2] / first[2]) / Math.log(last[1] / first[1]);
  const words = last[2] * ((FULL_MB * last[1]) / last[0] / last[1]) ** exponent;
  console.log(
    `Heaps' exponent ${exponent.toFixed(2)}: ${FULL_MB / 1000} GB of XML would have ${(words / 1e6).toFixed(0)} million different words, ${((words * table.bytes) / table.size / 1e9).toFixed(1)} GB of table (the sample's vocabulary is made to grow faster than real text's)`,
  );
}
