import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { buildQueries } from "../../queries/build.ts";
import { buildList, CLIP_LIST, describeList } from "../../queries/command.ts";
import { EMBEDDED_COUNTS, readCounts } from "../../queries/counts.ts";
import { readQueries } from "../../queries/list.ts";
import { embeddedWordNet, readSynsets } from "../../queries/wordnet.ts";

const folder = mkdtempSync(join(tmpdir(), "wit-queries-"));

test("the embedded counts are the 105,966 published ones", async () => {
  const counts = await readCounts(EMBEDDED_COUNTS);
  assert.equal(counts.size, 105_966);
  assert.equal(counts.get("the"), 143_524_480);
  assert.equal(Math.min(...counts.values()), 109);
});

test("WordNet 3.1 has 117,791 synsets, 86,648 first lemmas and 147,478 lemmas", () => {
  const synsets = readSynsets(embeddedWordNet());
  assert.equal(synsets.length, 117_791);
  assert.equal(new Set(synsets.map(({ lemmas }) => lemmas[0])).size, 86_648);
  const lemmas = new Set(synsets.flatMap((synset) => synset.lemmas));
  assert.equal(lemmas.size, 147_478);
  assert.ok(lemmas.has("hot dog"));
  assert.ok(![...lemmas].some((lemma) => /[()_A-Z]/.test(lemma)));
});

test("the default list has 219,802 terms, sorted, and the same bytes every time", async () => {
  const [first, second] = [join(folder, "a.tsv"), join(folder, "b.tsv")];
  const list = await buildList(first, {}, CLIP_LIST);
  await buildList(second, {}, CLIP_LIST);
  assert.equal(list.terms.length, 219_802);
  assert.deepEqual(readFileSync(first), readFileSync(second));
  const terms = list.terms.map(({ term }) => term);
  assert.deepEqual(terms, terms.toSorted());
  assert.equal(new Set(terms).size, terms.length);
  assert.deepEqual(readQueries(first).terms, list.terms);
  assert.equal(readQueries(first).sha256, list.sha256);
  const said = describeList(list, CLIP_LIST);
  assert.match(said, /219,802 terms/);
  assert.match(said, /500,000 need a Wikipedia dump/);
});

test("words below the threshold stay out, lemmas come in whatever their count, --size cuts the rarest first", () => {
  const counts = new Map([
    ["cat", 900],
    ["dog", 800],
    ["zebra", 99],
    ["yak", 100],
  ]);
  const synsets = [{ lemmas: ["zebra", "plains zebra"] }, { lemmas: ["cat"] }];
  const all = buildQueries({ words: counts, synsets }, { size: 10, minCount: 100 });
  assert.deepEqual(
    all.terms.map(({ term, source, count }) => [term, source, count]),
    [
      ["cat", "unigram", 900],
      ["dog", "unigram", 800],
      ["plains zebra", "synset", 0],
      ["yak", "unigram", 100],
      ["zebra", "synset", 99],
    ],
  );
  const cut = buildQueries({ words: counts, synsets }, { size: 3, minCount: 100 });
  assert.deepEqual(
    cut.terms.map(({ term }) => term),
    ["cat", "dog", "yak"],
  );
  assert.equal(cut.cut, 2);
});

test("count lists: tab, comma or spaces, gz and zst, spellings that fall together are added", async () => {
  const text = "Cat\t5\ncat 7\nnew york,3\n\n";
  const expected = new Map([
    ["cat", 12],
    ["new york", 3],
  ]);
  for (const [name, bytes] of [
    ["c.txt", Buffer.from(text)],
    ["c.txt.gz", gzipSync(text)],
    ["c.txt.zst", zstdCompressSync(text)],
  ] as const) {
    const file = join(folder, name);
    writeFileSync(file, bytes);
    assert.deepEqual(await readCounts(file), expected, name);
  }
});

test("a bad input is named with file and line", async () => {
  const file = join(folder, "bad.txt");
  writeFileSync(file, "cat 5\ndog many\n");
  await assert.rejects(readCounts(file), { message: `${file}:2: expected "word count", got "dog many"` });
  await assert.rejects(readCounts(join(folder, "none.txt.gz")), /none\.txt\.gz: ENOENT/);
  writeFileSync(file, gzipSync("cat 5").subarray(0, 12));
  await assert.rejects(readCounts(file), /bad\.txt:1: expected/);
  assert.throws(() => readSynsets(folder), /data\.noun: ENOENT.*--wordnet/);
  assert.throws(() => readQueries(join(folder, "no.tsv")), /run `npm run build-queries` first/);
});
