import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Matcher } from "../../filters/matcher.ts";

/** The slow obvious twin: words by one regular expression, every n-gram looked up in a map. */
function slowWords(text: string): string[] {
  const folded = /^[\x00-\x7f]*$/.test(text)
    ? text.toLowerCase()
    : text
        .normalize("NFKC")
        .toLowerCase()
        .replaceAll("\u2019", "'")
        .replace(/\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\ufe0f|\u200d/gu, " ");
  const word = "[\\p{L}\\p{N}\\p{M}\\u{10000}-\\u{10ffff}]";
  return [...folded.matchAll(new RegExp(`${word}+(?:'(?!s(?!${word}))${word}+)*('s(?!${word}))?`, "gu"))].map(
    ([text, genitive]) => (genitive ? text.slice(0, -2) : text),
  );
}

function slowMatch(terms: readonly string[], caption: string): number[] {
  const byWords = new Map<string, number[]>();
  for (const [id, term] of terms.entries()) {
    const key = slowWords(term).join(" ");
    byWords.set(key, [...(byWords.get(key) ?? []), id]);
  }
  const words = slowWords(caption);
  const found = new Set<number>();
  for (let start = 0; start < words.length; start++) {
    for (let end = start + 1; end <= words.length; end++)
      for (const id of byWords.get(words.slice(start, end).join(" ")) ?? []) found.add(id);
  }
  return [...found].sort((a, b) => a - b);
}

const matcherOf = (terms: readonly string[]) => new Matcher(terms.map((term) => ({ term })));

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
  const word = fc.oneof(
    fc.constantFrom(
      "new",
      "york",
      "city",
      "a",
      "b",
      "é",
      "e\u0301",
      "ß",
      "İ",
      "x's",
      "don't",
      "'s",
      "'",
      "日本",
      "\u{1f600}",
      "\u{20000}",
      "-",
      "",
      "3d",
      "Ⅳ",
      "½",
    ),
    fc.string({ unit: "grapheme", maxLength: 4 }),
  );
  const text = fc
    .array(fc.tuple(word, fc.constantFrom(" ", "-", "", ", ", "\n", "\u00a0", "\u2019")), { maxLength: 8 })
    .map((parts) => parts.flat().join(""));
  const terms = fc.array(text, { maxLength: 30 });
  fc.assert(
    fc.property(terms, fc.array(text, { maxLength: 10 }), (list, captions) => {
      const usable = [...new Set(list)];
      const matcher = matcherOf(usable);
      for (const caption of [...captions, usable.join(" ")]) {
        const expected = slowMatch(usable, caption);
        assert.deepEqual(matcher.match(caption), expected, JSON.stringify([usable, caption]));
      }
    }),
    { numRuns: 2_000, seed: 7 },
  );
});
