import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Matcher } from "../../filters/matcher.ts";
import { ByteTable, keyBytes } from "../../queries/byte-table.ts";
import { type Case, spell, termKey, wordsOf } from "../../queries/terms.ts";
import { BREAK, Tokenizer } from "../../queries/tokens.ts";
import { embeddedWordNet, readSynsets } from "../../queries/wordnet.ts";

/** The words that the tokenizer finds in a text, and which of them follow one another. */
function tokenise(text: string, letters: Case): { words: string[]; pairs: string[] } {
  const tokenizer = new Tokenizer(letters);
  const bytes = Buffer.from(text);
  const input = keyBytes(bytes.length + 1);
  input.bytes.set(bytes);
  tokenizer.read(input, bytes.length);
  const words: string[] = [];
  const pairs: string[] = [];
  let before = "";
  for (const id of tokenizer.stream.subarray(0, tokenizer.length)) {
    const word = id === BREAK ? "" : tokenizer.table.text(id - 1);
    if (word !== "") words.push(word);
    if (word !== "" && before !== "") pairs.push(`${before} ${word}`);
    before = word;
  }
  const counted = new Map<string, number>();
  for (const word of words) counted.set(word, (counted.get(word) ?? 0) + 1);
  for (const [word, count] of counted) assert.equal(tokenizer.table.counts[tokenizer.table.findText(word)], count);
  assert.equal(tokenizer.tokens, words.length);
  return { words, pairs };
}

const TEXTS: [string, string[]][] = [
  ["The Dog, the DOG", ["the", "dog", "the", "dog"]],
  ["don't rock'n'roll", ["don't", "rock'n'roll"]],
  ["women's shoes, James' dog's", ["women", "shoes", "james", "dog"]],
  ["O\u2019Neill\u2019s caf\u00e9 and cafe\u0301", ["o'neill", "café", "and", "café"]],
  ["Zürich ÉMIGRÉ Straße", ["zürich", "émigré", "straße"]],
  ["Москва Ελλάδα", ["москва", "ελλάδα"]],
  ["t-shirt 3\u20135 1,000 C++ .22", ["t", "shirt", "3", "5", "1", "000", "c", "22"]],
  ["Lego™ ﬁsh ½ H₂O ℃", ["lego", "tm", "fish", "1", "2", "h2o", "c"]],
  ["grinning😀face 👍🏽 ok", ["grinning", "face", "ok"]],
  ["'quoted' \u2018too\u2019", ["quoted", "too"]],
];

for (const [text, words] of TEXTS) {
  test(`the words of ${JSON.stringify(text)}`, () => {
    assert.deepEqual(wordsOf(text, "fold"), words);
    assert.deepEqual(tokenise(text, "fold").words, words);
  });
}

test("with case kept, capitals stay", () => {
  assert.deepEqual(tokenise("The Women's ÉMIGRÉ", "keep").words, ["The", "Women", "ÉMIGRÉ"]);
});

test("words pair over spaces and hyphens, not over anything else", () => {
  assert.deepEqual(tokenise("New  York\tCity, t-shirt (red) a\u00a0b. C\nd", "fold").pairs, [
    ...["new york", "york city", "t shirt", "a b"],
  ]);
});

test("the fast tokenizer finds the words of the slow one in any text", () => {
  const alphabet = fc.constantFrom(..."aAbZ019'\u2019s -.,\n\té\u0301ßıİΩς東😀™½²ﬁ\u00a0\u200d\ufe0f\u0345");
  const text = fc.oneof(
    fc.string({ unit: alphabet, maxLength: 30 }),
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  fc.assert(
    fc.property(text, fc.constantFrom<Case>("fold", "keep"), (raw, letters) => {
      // A capital sigma becomes one of two small ones by what stands around it, even over a full stop.
      const given = raw.toWellFormed().replace(/[\0Σ]/g, " ");
      // A mark behind a symbol makes another symbol (← and U+0338): MediaWiki's text is composed, so it has none.
      fc.pre(!/(?:^|[^\p{L}\p{N}\p{M}])\p{M}/u.test(given));
      // A few letters of Unicode fold further at every turn; they are no words.
      const stable = wordsOf(given, letters).filter((word) => wordsOf(word, letters)[0] === word);
      assert.deepEqual(tokenise(given, letters).words, stable);
    }),
    { numRuns: 3000, seed: 5 },
  );
});

test("terms with one key are one query to the matcher, others are not", () => {
  const lemmas = readSynsets(embeddedWordNet()).flatMap((synset) => synset.lemmas);
  const sample = lemmas.filter((lemma, index) => index % 20 === 0 || !/^[a-z ]+$/.test(lemma));
  const keys = [...new Set(sample.map((lemma) => termKey(lemma, "fold")))];
  const matcher = Matcher.of(keys.map((term) => ({ term })));
  for (const lemma of sample) {
    const key = keys.indexOf(termKey(lemma, "fold"));
    const found = matcher.match(lemma);
    assert.ok(found.includes(key), lemma);
    // The whole spelling is one term: none of the same number of words beside it.
    const length = keys[key]?.split(" ").length;
    assert.equal(found.filter((id) => keys[id]?.split(" ").length === length).length, 1, lemma);
    if (key > 2_000) break;
  }
  assert.equal(termKey("T-Shirt", "fold"), termKey("t shirt", "fold"));
  assert.equal(spell("  New\u00a0 York ", "fold"), "new york");
  assert.equal(spell("New York", "keep"), "New York");
});

test("the table of words finds what a Map finds, through growth and for all lengths", () => {
  const table = new ByteTable();
  const map = new Map<string, number>();
  let state = 3;
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 12) % below;
  };
  for (let i = 0; i < 60_000; i++) {
    // Long keys share their beginnings, short ones their letters.
    const key = `${"abcdefgh".slice(0, next(9))}${next(3) === 0 ? "-".repeat(next(20)) : ""}${next(8_000)}`;
    const id = table.idOfText(key);
    table.counts[id] = (table.counts[id] ?? 0) + 1;
    map.set(key, (map.get(key) ?? 0) + 1);
  }
  assert.equal(table.size, map.size);
  const shared = ByteTable.from(structuredClone(table.share()));
  for (const [key, count] of map) {
    const id = table.findText(key);
    assert.equal(table.counts[id], count, key);
    assert.equal(table.text(id), key);
    assert.equal(shared.findText(key), id);
    assert.equal(table.findText(`${key}\u0001`), -1);
  }
});
