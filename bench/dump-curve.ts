import { ByteTable } from "../queries/byte-table.ts";
import { wordsOf } from "../queries/terms.ts";
import { SAMPLE, unpack } from "../test/queries/fixtures.ts";
import { proseOf } from "../test/queries/grown-dump.ts";

/** Words of English Wikipedia's articles. */
const FULL_WORDS = 2.8e9;

/**
 * Different words, pairs and the memory of the words' table against words read, page by page of the sample, and where
 * Heaps' law leads from there. Pairs take what --memory allows, whatever their number.
 */
export function printCurve(): void {
  const xml = unpack(SAMPLE);
  const articles = proseOf(xml);
  const table = new ByteTable();
  const pairs = new Set<string>();
  const points: { tokens: number; words: number }[] = [];
  let tokens = 0;
  for (const [index, { text }] of articles.entries()) {
    let before = "";
    for (const word of wordsOf(text, "fold")) {
      table.idOfText(word);
      pairs.add(`${before} ${word}`);
      before = word;
      tokens++;
    }
    if (index % 10 !== 9 && index !== articles.length - 1) continue;
    points.push({ tokens, words: table.size });
    console.log(
      `${((xml.length / 1e6) * ((index + 1) / articles.length)).toFixed(1).padStart(4)} MB  ${tokens.toLocaleString("en").padStart(7)} words  ${table.size.toLocaleString("en").padStart(6)} different  ${pairs.size.toLocaleString("en").padStart(7)} different pairs  ${"#".repeat(Math.round(table.size / 600))}`,
    );
  }
  const [half, last] = [points[Math.floor(points.length / 2)], points.at(-1)];
  if (!half || !last) return;
  const exponent = Math.log(last.words / half.words) / Math.log(last.tokens / half.tokens);
  const words = last.words * (FULL_WORDS / last.tokens) ** exponent;
  const bytes = 100; // Of a table that has just grown; half when it is full.
  console.log(
    `Heaps' exponent ${exponent.toFixed(2)} (second half): 2.8 billion words would have ${(words / 1e6).toFixed(0)} million different ones, ${((words * bytes) / 1e9).toFixed(1)} GB of table at ${bytes} bytes a word`,
  );
}
