import { loadLanguageModel, modelFile } from "../../filters/caption/fasttext.ts";
import type { Database } from "../database.ts";
import type { Bin } from "./distributions.ts";

/** Captions that are asked for their language: a sample by hash, enough for shares. */
const ASKED = 2000;
const SHOWN = 12;
/** Below this probability a guess is no answer. */
const SURE = 0.3;

/** Languages of the captions that were dropped for their language. */
export interface Languages {
  asked: number;
  bins: Bin[];
}

/** The captions whose language is to be told: the first by pair id, which is a hash, so a sample. */
export function foreignCaptions(db: Database): string[] {
  return db
    .prepare<[], string>(
      `SELECT caption FROM pair WHERE state = 'dropped' AND reason IN ('not_english', 'other_language') ORDER BY id LIMIT ${ASKED}`,
    )
    .pluck()
    .all();
}

/** The likeliest language of each caption by fastText's model, most first; 50 ms and microseconds a caption. */
export function tellLanguages(captions: readonly string[]): Languages {
  if (captions.length === 0) return { asked: 0, bins: [] };
  const model = loadLanguageModel(modelFile());
  const mean = new Float32Array(model.dimension);
  const names = new Intl.DisplayNames("en", { type: "language", fallback: "code" });
  const counts = new Map<string, number>();
  for (const caption of captions) {
    mean.fill(0);
    let vectors = model.addEnd(mean);
    // Lower-cased: capitals mislead fastText.
    for (const token of caption.toLowerCase().split(" ")) vectors += model.addToken(token, mean, 0);
    for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) / vectors;
    const { language, probability } = model.likeliest(-1, mean, 0);
    const name = probability < SURE ? "not clear" : nameOf(names, model.languages[language] ?? "");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const bins = [...counts].map(([label, pairs]) => ({ label, pairs }));
  bins.sort((a, b) => b.pairs - a.pairs || (a.label < b.label ? -1 : 1));
  const rest = bins.slice(SHOWN).reduce((sum, bin) => sum + bin.pairs, 0);
  return {
    asked: captions.length,
    bins: rest > 0 ? [...bins.slice(0, SHOWN), { label: `${bins.length - SHOWN} others`, pairs: rest }] : bins,
  };
}

function nameOf(names: Intl.DisplayNames, code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}
