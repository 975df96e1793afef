import { createHash } from "node:crypto";

/** A text with the language its source says, ISO 639. */
interface Labelled {
  text: string;
  language: string;
}

/**
 * Tells the texts whose label is no evidence. Translators leave words as they are, so a text counts as one of its language
 * only when no rule here objects; the rules look at texts and labels alone, never at what a filter says of them:
 * - the text is labelled with another language too (not translated, or a name);
 * - it is one or more keywords, and most of them are English keywords as well;
 * - Hindi in Latin letters: CLDR's hi-Latn is "Hinglish", which mixes the two by intent.
 * @param english keywords in English.
 */
export function findDoubtful(samples: Iterable<Labelled>, english: Iterable<string>): (sample: Labelled) => boolean {
  const labels = new Map<string, Set<string>>();
  for (const { text, language } of samples) {
    const key = text.toLowerCase();
    labels.set(key, (labels.get(key) ?? new Set()).add(language));
  }
  const keywords = new Set([...english].map((keyword) => keyword.toLowerCase()));
  return ({ text, language }) => {
    if (language === "en") return false;
    const key = text.toLowerCase();
    if (language === "hi" && !/\p{Script=Devanagari}/u.test(text)) return true;
    if ((labels.get(key)?.size ?? 0) > 1) return true;
    const items = key.split(", ");
    return items.filter((item) => keywords.has(item)).length > items.length / 2;
  };
}

/** The half of the texts that no weight, threshold or list was chosen on. */
export function heldOut(text: string): boolean {
  return Number.parseInt(createHash("md5").update(text).digest("hex").slice(0, 1), 16) % 2 === 1;
}

/** Words as a reader counts them, in any script that has spaces. */
export function countWords(text: string): number {
  return text.match(/[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*/gu)?.length ?? 0;
}
