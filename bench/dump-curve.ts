import { ByteTable } from "../queries/byte-table.ts";
import { wordsOf } from "../queries/terms.ts";
import { SAMPLE, unpack } from "../test/queries/fixtures.ts";
import { proseOf } from "../test/queries/grown-dump.ts";

/** Words of English Wikipedia's articles, and of a part of 128 MB of bzip2. */
const FULL_WORDS = 2.8e9;
const PART_WORDS = FULL_WORDS / 200;
const MEMORY = 1_000;

/**
 * Different words, pairs and the memory of the words' table against MB of XML read, page by page of the sample, and where
 * Heaps' law leads from there: the memory of a whole run by what it holds at its largest moment.
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
    const megabytes = (xml.length / 1e6) * ((index + 1) / articles.length);
    console.log(
      `${megabytes.toFixed(1).padStart(4)} MB  ${tokens.toLocaleString("en").padStart(7)} words  ${table.size.toLocaleString("en").padStart(6)} different  ${pairs.size.toLocaleString("en").padStart(7)} different pairs  ${(table.bytes / 1e6).toFixed(1).padStart(4)} MB of table  ${"#".repeat(Math.round(table.size / 900))}`,
    );
  }
  const [half, last] = [points[Math.floor(points.length / 2)], points.at(-1)];
  if (!half || !last) return;
  const exponent = Math.log(last.words / half.words) / Math.log(last.tokens / half.tokens);
  const wordsAt = (read: number) => last.words * (read / last.tokens) ** exponent;
  const words = wordsAt(FULL_WORDS);
  console.log(
    `Heaps' exponent ${exponent.toFixed(2)} (second half): 2.8 billion words would have ${(words / 1e6).toFixed(1)} million different ones, a part of 128 MB ${(wordsAt(PART_WORDS) / 1e6).toFixed(2)} million`,
  );
  for (const threads of [2, 4, 8]) {
    // While a part is read: its table, the stream and the page it is at, and the decoder, in each thread.
    const part = threads * (tableBytes(wordsAt(PART_WORDS)) / 1e6 + 60);
    // While words are merged: the table, then its copy that all threads see. Ranks, their counts and order beside it.
    const merged = (2 * tableBytes(words)) / 1e6;
    // While pairs are counted every word may have a rank (--profile metaclip).
    const counted = (tableBytes(words) + 16 * words) / 1e6 + MEMORY;
    // Measured: 530 MB for two threads on 390 MB of XML, whose tables take next to nothing; the list itself is most of it.
    const runtime = 430 + 50 * threads;
    console.log(
      `${threads} threads: parts ${part.toFixed(0)} MB, merging ${merged.toFixed(0)} MB, pairs with --memory ${MEMORY} ${counted.toFixed(0)} MB; with the list and Node itself at most ${(Math.max(part, merged, counted) + runtime).toFixed(0)} MB`,
    );
  }
}

/** Of so many words, with the unused half of a table that has just grown. */
function tableBytes(words: number): number {
  const room = 2 ** Math.ceil(Math.log2(words));
  return room * (8 + 16 + 2 * 4) + 2 * words; // Counts, entries, two slots each; of long words two bytes on average.
}
