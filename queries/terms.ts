import { foldText } from "../filters/words.ts";

/**
 * The canonical form of a term. Two spellings are one term when they are the same words to the matcher
 * (filters/words.ts): "T-Shirt", "t-shirt" and "t shirt" match the same captions, so the list holds one of them.
 */

/** Whether "The" and "the" are one term (`fold`, what our matcher does) or two (`keep`, what MetaCLIP did). */
export type Case = "fold" | "keep";

/** A run of letters, digits and marks, with the apostrophes inside it; a final 's is passed over. */
const WORD =
  /((?:[\p{L}\p{N}\p{M}]+)(?:'(?!s(?![\p{L}\p{N}\p{M}]))[\p{L}\p{N}\p{M}]+)*)(?:'s(?![\p{L}\p{N}\p{M}]))?/giu;

/** The words of a text as the matcher sees them; with `keep` in their own case. */
export function wordsOf(text: string, letters: Case): string[] {
  const folded = foldText(text, letters).toString("utf8");
  return Array.from(folded.matchAll(WORD), (match) => match[1] ?? "");
}

/** Most terms: their own key. */
const PLAIN = /^[a-z0-9]+(?: [a-z0-9]+)*$/;

/** What makes two spellings the same term; "" for a text without words. */
export function termKey(text: string, letters: Case): string {
  if (PLAIN.test(text)) return text;
  return wordsOf(text, letters).join(" ");
}

/** How a term is written on the list: NFC, single spaces, lower case unless it is kept. */
export function spell(text: string, letters: Case): string {
  if (PLAIN.test(text)) return text;
  const spelled = text.normalize("NFC").replace(/\s+/gu, " ").trim();
  return letters === "fold" ? spelled.toLowerCase() : spelled;
}

/** A term needs a letter or digit to be found in a caption, and a length that a caption can hold. */
export function isTerm(text: string): boolean {
  return text.length <= MAX_TERM && (PLAIN.test(text) || (/[\p{L}\p{N}]/u.test(text) && !/[\t\r\n]/.test(text)));
}

/** Longer entries are no queries: MetaCLIP 2 cuts at the same length. */
const MAX_TERM = 256;

/** Order of strings by UTF-16 code units: the same on every machine and in every locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
