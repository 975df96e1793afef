import { UsageError } from "../store/usage-error.ts";
import type { ViewRule } from "./pageviews.ts";
import type { PairRule } from "./pmi.ts";

/** What a profile decides; every value can be overruled by an option. */
export interface ListProfile {
  pairs: Omit<PairRule, "minCount"> & { minCount: number | undefined };
  /** Words seen less often are in no pair; undefined is `--min-count`. */
  minPairWord: number | undefined;
  views: Pick<ViewRule, "desktopOnly" | "minHourly" | "minViews" | "noColons" | "cutQualifiers">;
}

/** The two readings of CLIP's section 2.2; docs/decisions/010 and 011 say why ours differs. */
export const PROFILES: Record<"clip" | "metaclip", ListProfile> = {
  clip: {
    pairs: { minCount: undefined, minPmi: 0, rank: "pmi" },
    minPairWord: undefined,
    views: { desktopOnly: false, minHourly: 0, minViews: 70, noColons: false, cutQualifiers: true },
  },
  metaclip: {
    pairs: { minCount: 1, minPmi: 30, rank: "pmi" },
    minPairWord: 1,
    views: { desktopOnly: true, minHourly: 50, minViews: 70, noColons: true, cutQualifiers: false },
  },
};

/** Scripts that do not put spaces between words: cutting them needs a dictionary, which we do not have. */
const UNSPACED = new Set([
  "bo",
  "bug",
  "cdo",
  "cr",
  "dz",
  "gan",
  "hak",
  "ja",
  "jv-x-bms",
  "km",
  "lo",
  "mnw",
  "my",
  "nan",
]);
for (const code of ["shn", "th", "wuu", "yue", "zh", "zh-classical", "zh-min-nan", "zh-yue"]) UNSPACED.add(code);

/**
 * Checks a language code of Wikipedia.
 * @throws UsageError for one that is none, or whose words are not separated by spaces.
 */
export function checkLanguage(language: string): void {
  if (!/^[a-z][a-z-]{1,20}$/.test(language))
    throw new UsageError(`--lang ${language}: expected Wikipedia's code of a language, such as en, de or pt`);
  if (UNSPACED.has(language))
    throw new UsageError(
      `--lang ${language}: its words are not separated by spaces, and cutting them is not built in; --counts takes a list of words cut by another tool`,
    );
}
