/** The slow obvious twins of filters/matcher.ts, and texts that are hard for a matcher. */
import fc from "fast-check";
import { Matcher } from "../../filters/matcher.ts";
import type { MatchMode } from "../../filters/words.ts";

const WORD = String.raw`[[\p{L}\p{N}\p{M}]--[\u{fe0f}\u{20e3}]]`;
const WORDS = new RegExp(`${WORD}+(?:'(?!s(?!${WORD}))${WORD}+)*('s(?!${WORD}))?`, "gv");

/** A text's words by one regular expression. */
export function slowWords(text: string): string[] {
  const folded = text
    .toWellFormed()
    .replace(/[\u2100\u2101\u2105\u2106\u2120\u2121\u2122¼½¾\u2150-\u215f\u2189]/g, " $&")
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll("\u2019", "'");
  return [...folded.matchAll(WORDS)].map(([word, genitive]) => (genitive ? word.slice(0, -2) : word));
}

/** The word sequences of a list, for {@link slowMatch}. */
export function slowIndex(terms: readonly string[]): Map<string, number[]> {
  const byWords = new Map<string, number[]>();
  for (const [id, term] of terms.entries()) {
    const key = slowWords(term).join(" ");
    const ids = byWords.get(key);
    if (ids) ids.push(id);
    else byWords.set(key, [id]);
  }
  return byWords;
}

/** Every n-gram of the caption looked up in a map. */
export function slowMatch(index: ReadonlyMap<string, readonly number[]>, caption: string, longest = 1000): number[] {
  const words = slowWords(caption);
  const found = new Set<number>();
  for (let start = 0; start < words.length; start++) {
    let key = "";
    for (let end = start; end < Math.min(words.length, start + longest); end++) {
      key += end > start ? ` ${words[end]}` : words[end];
      for (const id of index.get(key) ?? []) found.add(id);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/** MetaCLIP's rule as its paper and published tool have it: " term " is a sub-string of the spaced caption. */
export function slowMetaclip(terms: readonly string[], caption: string): number[] {
  const spaced = ` ${caption} `.replace(/[,.;:?!`]/g, " $& ").replace(/[\t\n\r]/g, " ");
  return [...terms.keys()].filter((id) => terms[id] !== "" && spaced.includes(` ${terms[id]} `));
}

export const matcherOf = (terms: readonly string[], mode: MatchMode = "fold") =>
  Matcher.of(
    terms.map((term) => ({ term })),
    mode,
  );

const piece = fc.oneof(
  fc.constantFrom(
    ..."new york city a b é e\u0301 ß İ x's don't 's ' 日本 \u{1f600} \u{20000} - 3d Ⅳ ½ 3½ ™ ﬁ 1\ufe0f\u20e3 . , ? : ` ;".split(
      " ",
    ),
    "",
  ),
  fc.string({ unit: "grapheme", maxLength: 4 }),
  fc.string({ unit: "binary", maxLength: 3 }),
);
const joint = fc.constantFrom(" ", "-", "", ", ", "\n", "\u00a0", "\u2019", "  ", "\t", ".");
/** Words that prefix each other, odd Unicode, lone surrogates, nothing; joined in odd ways. */
export const oddText = fc
  .array(fc.tuple(piece, joint), { maxLength: 8 })
  .map((parts) => parts.flat().join("").toWellFormed());
