import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { adoptVocabulary, englishVocabulary, englishWords } from "../../../filters/caption/vocabulary.ts";
import { WordSet } from "../../../filters/caption/word-set.ts";

// The same texts in every run.
fc.configureGlobal({ seed: 1 });

test("a set of words answers as a map does, whatever the words", () => {
  // Few letters, so that many of the words asked for are there, or begin as one that is.
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "é", "\u{1f600}", "\ud800"), maxLength: 6 }),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(word, fc.integer({ min: 1, max: 65_535 }))), fc.array(word), (entries, others) => {
      const map = new Map(entries);
      const set = WordSet.build(map);
      for (const asked of [...map.keys(), ...others, ""]) assert.equal(set.bits(asked), map.get(asked) ?? 0);
      const words: string[] = [];
      set.each((letters, start, end) => words.push(String.fromCharCode(...letters.subarray(start, end))));
      assert.deepEqual(words, [...map.keys()]);
    }),
  );
});

test("100,000 words: each is found, and none that was not put in", () => {
  const words = new Map(Array.from({ length: 100_000 }, (_, i) => [`word${i * 7}`, (i % 7) + 1]));
  const set = WordSet.build(words);
  for (let i = 0; i < 700_000; i++) assert.equal(set.bits(`word${i}`), i % 7 === 0 ? ((i / 7) % 7) + 1 : 0);
});

test("another thread looks into the same memory", async () => {
  const { buffer } = WordSet.build(new Map([["apple", 5]]));
  const file = new URL("../../../filters/caption/word-set.ts", import.meta.url).href;
  const code = `import(${JSON.stringify(file)}).then(({ WordSet }) => {
    const { workerData, parentPort } = require("node:worker_threads");
    const set = new WordSet(workerData);
    parentPort.postMessage([set.bits("apple"), set.bits("pear"), workerData instanceof SharedArrayBuffer]);
  })`;
  const worker = new Worker(code, { eval: true, workerData: buffer });
  assert.deepEqual(await new Promise((resolve) => worker.once("message", resolve)), [5, 0, true]);
  await worker.terminate();
});

test("the vocabulary is the same when its words were loaded elsewhere", async () => {
  const asked = ["apple", "running", "boxes", "stopped", "zebras", "paris", "beyoncé", "qwrtzp", "", "hippopotamus"];
  const answers = async () => {
    const { isWord, isName, isRespelled } = await englishVocabulary();
    return asked.map((word) => [word, isWord(word), isName(word), isRespelled(word)]);
  };
  const before = await answers();
  assert.deepEqual(
    before.filter(([, isWord]) => isWord).map(([word]) => word),
    ["apple", "running", "boxes", "stopped", "zebras", "paris", "hippopotamus"],
  );
  assert.ok(before.some(([word, , isName]) => word === "beyoncé" && isName));
  adoptVocabulary((await englishWords()).buffer);
  assert.deepEqual(await answers(), before);
});
