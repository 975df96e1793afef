import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { buildQueries } from "../../queries/build.ts";
import { buildList, CLIP_LIST, describeList } from "../../queries/command.ts";
import { EMBEDDED_COUNTS, readCounts } from "../../queries/counts.ts";
import { readQueries } from "../../queries/list.ts";
import { npmi, pmi } from "../../queries/pmi.ts";
import { termKey } from "../../queries/terms.ts";
import { embeddedWordNet, readSynsets } from "../../queries/wordnet.ts";
import { temporaryFolder } from "../folder.ts";
import { bzip2 } from "./fixtures.ts";

const folder = temporaryFolder("queries");

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

test("the default list has 219,094 terms, sorted, and the same bytes every time", async () => {
  const [first, second] = [join(folder, "a.tsv"), join(folder, "b.tsv")];
  const list = await buildList(first, {}, CLIP_LIST);
  await buildList(second, {}, CLIP_LIST);
  assert.equal(list.terms.length, 219_094);
  assert.deepEqual(readFileSync(first), readFileSync(second));
  const terms = list.terms.map(({ term }) => term);
  assert.deepEqual(terms, terms.toSorted());
  assert.equal(new Set(terms).size, terms.length);
  assert.deepEqual(readQueries(first).terms, list.terms);
  // One term for the matcher, one row: of "hot dog" and the verb "hot-dog" the plain one.
  assert.equal(new Set(terms.map((term) => termKey(term, "fold"))).size, terms.length);
  assert.ok(terms.includes("hot dog") && !terms.includes("hot-dog") && terms.includes("t-shirt"));
  assert.equal(readQueries(first).sha256, list.sha256);
  const said = describeList(list, CLIP_LIST);
  assert.match(said, /219,094 terms/);
  assert.match(said, /280,906 short of 500,000.*\n.*need a Wikipedia dump/);
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

test("count lists: tab, comma or spaces, gz, zst and bz2, spellings that fall together are added", async () => {
  const text = "Cat\t5\ncat 7\nnew york,3\n\n";
  const expected = new Map([
    ["cat", 12],
    ["new york", 3],
  ]);
  for (const [name, bytes] of [
    ["c.txt.bz2", bzip2(Buffer.from(text))],
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
  const packed = join(folder, "cut.txt.bz2");
  writeFileSync(packed, bzip2(Buffer.from("cat 5\n".repeat(1000))).subarray(0, -10));
  await assert.rejects(readCounts(packed), /cut\.txt\.bz2: at byte \d+: /);
  writeFileSync(packed, "cat 5");
  await assert.rejects(readCounts(packed), /cut\.txt\.bz2: is not bzip2, in spite of its name/);
  writeFileSync(file, gzipSync("cat 5").subarray(0, 12));
  await assert.rejects(readCounts(file), /bad\.txt:1: expected/);
  assert.throws(() => readSynsets(folder), /data\.noun: ENOENT.*--wordnet/);
  assert.throws(() => readQueries(join(folder, "no.tsv")), /run `npm run build-queries` first/);
});

test("bigrams and titles share the room, one takes what the other cannot use, other lemmas come last", () => {
  const bigram = (term: string, pmi: number) => ({ term, count: 5, pmi, npmi: pmi / 20 });
  const sources = {
    words: new Map([["cat", 500]]),
    synsets: [{ lemmas: ["true cat", "Felis"] }],
    bigrams: [bigram("new york", 9), bigram("true cat", 8), bigram("black hole", 7), bigram("red car", 6)],
    titles: new Map([
      ["hot dog", { term: "hot dog", views: 90 }],
      ["new york", { term: "new york", views: 80 }],
      ["big ben", { term: "big ben", views: 70 }],
    ]),
  };
  const at = (size: number, bigramShare: number) =>
    buildQueries(sources, { size, minCount: 100, bigramShare }).terms.map(({ term, source }) => `${term}/${source}`);
  const base = ["cat/unigram", "true cat/synset"];
  assert.deepEqual(at(4, 0.5), ["cat/unigram", "hot dog/title", "new york/bigram", "true cat/synset"]);
  assert.deepEqual(at(4, 0), ["cat/unigram", "hot dog/title", "new york/title", "true cat/synset"]);
  assert.deepEqual(at(4, 1), ["black hole/bigram", "cat/unigram", "new york/bigram", "true cat/synset"]);
  // Titles can only use two of their four places: bigrams have one of their own and the other two.
  assert.equal(at(7, 0.2).filter((term) => term.endsWith("/bigram")).length, 3);
  const all = buildQueries(sources, { size: 100, minCount: 100, bigramShare: 0.5 });
  assert.deepEqual(
    all.terms.map(({ term, source, count, score, sources: from, views }) => [term, source, count, score, from, views]),
    [
      ["big ben", "title", 0, 70, ["title"], 70],
      ["black hole", "bigram", 5, 7, ["bigram"], 0],
      ["cat", "unigram", 500, 2.699, ["unigram"], 0],
      ["felis", "synset", 0, 0, ["synset"], 0],
      ["hot dog", "title", 0, 90, ["title"], 90],
      ["new york", "bigram", 5, 9, ["bigram", "title"], 80],
      ["red car", "bigram", 5, 6, ["bigram"], 0],
      ["true cat", "synset", 5, 0, ["bigram", "synset"], 0],
    ],
  );
  assert.ok(base.every((term) => at(2, 0.5).includes(term)));
  assert.match(describeList(all, { size: 100, minCount: 100 }), /92 short of 100/);
});

test("PMI and NPMI are those of the definition", () => {
  // NLTK: log2(c12 * N) - log2(c1 * c2)
  assert.ok(Math.abs(pmi(20, 42, 20, 14_307_668) - Math.log2((20 * 14_307_668) / (42 * 20))) < 1e-9);
  assert.equal(pmi(100, 100, 100, 2 ** 20 * 100), 20);
  assert.equal(npmi(7, 7, 7, 1_000_000), 1);
  assert.ok(Math.abs(npmi(1, 1_000, 1_000, 1_000_000)) < 1e-12);
});
