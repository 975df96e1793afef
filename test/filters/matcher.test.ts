import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { buildTable, readTable, viewTable, writeTable } from "../../filters/matcher-table.ts";
import { temporaryFolder } from "../folder.ts";
import { matcherOf, oddText, slowIndex, slowMatch, slowMetaclip } from "./slow-matcher.ts";

test("whole words, nested and overlapping, each term once", () => {
  const terms = ["new", "new york", "new york city", "york", "city hall", "or", "a"];
  const names = (caption: string) =>
    matcherOf(terms)
      .match(caption)
      .map((id) => terms[id]);
  assert.deepEqual(names("New York City Hall, New York"), ["new", "new york", "new york city", "york", "city hall"]);
  assert.deepEqual(names("the order of a NEW-YORK style"), ["new", "new york", "york", "a"]);
  assert.deepEqual(names("newyork"), []);
  assert.deepEqual(names(""), []);
});

test("apostrophes, accents, compatibility forms and emoji", () => {
  const terms = ["women", "shoe", "don't", "café", "t-shirt", "t shirt", "fi", "s", "émigré", "grinning"];
  const names = (caption: string) =>
    matcherOf(terms)
      .match(caption)
      .map((id) => terms[id]);
  assert.deepEqual(names("Women's shoe"), ["women", "shoe"]);
  assert.deepEqual(names("WOMEN\u2019S shoe"), ["women", "shoe"]);
  assert.deepEqual(names("I DON\u2019T"), ["don't"]);
  assert.deepEqual(names("cafe\u0301 \ufb01 \u00c9migr\u00e9"), ["café", "fi", "émigré"]);
  assert.deepEqual(names("t-shirt"), ["t-shirt", "t shirt"]);
  assert.deepEqual(names("\u{1f600}grinning\u{1f600}"), ["grinning"]);
});

test("the fast matcher agrees with the slow one on odd texts", () => {
  const terms = fc.array(oddText, { maxLength: 30 });
  fc.assert(
    fc.property(terms, fc.array(oddText, { maxLength: 10 }), (list, captions) => {
      const usable = [...new Set(list)];
      const matcher = matcherOf(usable);
      const index = slowIndex(usable);
      for (const caption of [...captions, usable.join(" ")]) {
        const expected = slowMatch(index, caption);
        assert.deepEqual(matcher.match(caption), expected, JSON.stringify([usable, caption]));
      }
    }),
    { numRuns: 2_000, seed: 7 },
  );
});

test("--match metaclip: sub-strings between spaces, as the slow one finds them", () => {
  const terms = ["Photo", "photo", "dog", "new york", "new  york", ".", "U.S.", "a , b", "dog-house", "?"];
  const names = (caption: string) =>
    matcherOf(terms, "metaclip")
      .match(caption)
      .map((id) => terms[id]);
  assert.deepEqual(names("Photo of a dog, new york."), ["Photo", "dog", "new york", "."]);
  assert.deepEqual(names('a "dog" (dog) dog/cat dog-house'), ["dog-house"]);
  assert.deepEqual(names("new  york a,b U.S."), ["new  york", ".", "a , b"]);
  assert.deepEqual(names("new\tyork\ndog?"), ["dog", "new york", "?"]);
  fc.assert(
    fc.property(fc.array(oddText, { maxLength: 30 }), fc.array(oddText, { maxLength: 10 }), (list, captions) => {
      const usable = [...new Set(list)].filter((term) => !/[\t\n\r]/.test(term));
      const matcher = matcherOf(usable, "metaclip");
      for (const caption of [...captions, usable.join(" ")])
        assert.deepEqual(matcher.match(caption), slowMetaclip(usable, caption), JSON.stringify([usable, caption]));
    }),
    { numRuns: 1_000, seed: 9 },
  );
});

test("bytes and strings give the same; also very long captions and thousands of matches", () => {
  const terms = Array.from({ length: 3_000 }, (_, i) => `w${i}`).flatMap((word, i) => [word, `${word} w${i + 1} é`]);
  const matcher = matcherOf(terms);
  const long = Array.from({ length: 2_999 }, (_, i) => `W${2_999 - i}`).join(" ");
  for (const caption of ["", "w1", "w1 w2 É", long, `${long} é ${long}`, "x".repeat(100_000), "' ".repeat(5_000)]) {
    const expected = slowMatch(slowIndex(terms), caption, 3);
    assert.deepEqual(matcher.match(caption), expected);
    const bytes = Buffer.from(`before ${caption} after`);
    const count = matcher.matchBytes(bytes, 7, bytes.length - 6);
    assert.deepEqual([...matcher.found.subarray(0, count)], expected);
  }
});

test("tables written, read, and used in another thread", async () => {
  const terms = ["new york", "york", "café"].map((term) => ({ term }));
  const file = join(temporaryFolder("matcher"), "matcher.bin");
  const list = "ab".repeat(32);
  writeTable(file, buildTable(terms, "fold", list));
  const table = readTable(file);
  assert.deepEqual([table.list, table.mode, table.terms], [list, "fold", 3]);
  const code = `import { Matcher } from ${JSON.stringify(new URL("../../filters/matcher.ts", import.meta.url).href)};
    import { viewTable } from ${JSON.stringify(new URL("../../filters/matcher-table.ts", import.meta.url).href)};
    import { parentPort, workerData } from "node:worker_threads";
    parentPort.postMessage(new Matcher(viewTable(workerData)).match("Café New York"));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: table.buffer });
  const [answer] = await once(worker, "message");
  assert.deepEqual(answer, [0, 1, 2]);
  assert.ok(table.buffer instanceof SharedArrayBuffer);
  writeFileSync(file, readFileSync(file).subarray(0, 500));
  assert.throws(() => readTable(file), /matcher\.bin: these are no matcher tables/);
  assert.throws(() => viewTable(new ArrayBuffer(8)), /no matcher tables/);
});
