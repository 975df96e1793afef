/** `npm run test:match`: the matcher against its slow twin on a million real captions in 170 locales and odd texts. */
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import fc from "fast-check";
import { CAPTIONS, makeCaptions, TERMS } from "../../bench/captions.ts";
import { readQueries } from "../../queries/list.ts";
import { matcherOf, oddText, slowIndex, slowMatch, slowWords } from "../filters/slow-matcher.ts";

test("500,000 terms in a million captions, as the slow twin finds them", async () => {
  await makeCaptions((text) => process.stderr.write(`${text}\n`));
  const terms = readQueries(TERMS).terms.map(({ term }) => term);
  const matcher = matcherOf(terms);
  const index = slowIndex(terms);
  const longest = terms.reduce((most, term) => Math.max(most, slowWords(term).length), 0);
  const check = (caption: string) => {
    const found = matcher.match(caption);
    const expected = slowMatch(index, caption, longest);
    if (found.length !== expected.length || found.some((id, i) => id !== expected[i]))
      assert.deepEqual(found, expected, JSON.stringify(caption));
    return found.length;
  };
  let captions = 0;
  let matches = 0;
  for await (const line of createInterface({ input: createReadStream(CAPTIONS) })) {
    matches += check(line.split("\t")[1] ?? "");
    captions++;
  }
  for (const caption of fc.sample(oddText, { numRuns: 20_000, seed: 1 })) check(caption);
  assert.ok(captions > 1_000_000 && matches > 4_000_000, `${matches} matches in ${captions} captions`);
});
