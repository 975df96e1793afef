import { UsageError } from "../store/usage-error.ts";
import type { MatchMode } from "./words.ts";

/** What a build asks of captions and pictures: settings of the rules in caption/ and image/. */
export interface Profile {
  /** Whose rules these are, for `--help`. */
  help: string;
  /** Smallest short side, pixels. */
  minSide: number;
  /** Largest ratio of the long to the short side. */
  maxAspect: number;
  /** Most pixels, as a guard against bombs: the header is read before anything is decoded. */
  maxPixels: number;
  /** Pictures whose perceptual hashes differ in at most so many bits are one, the smaller pair id stays; else only reported. */
  dropNearDuplicates?: number;
  /** Fewest bytes of the picture as it was sent. */
  minBytes?: number;
  captions: CaptionLimits;
  /** How captions are matched and balanced when the command line does not say. */
  match?: MatchMode;
  balance?: "exact" | "metaclip";
}

/** What a profile asks of captions; a rule whose setting is missing is not asked. */
export interface CaptionLimits {
  /** Drop names made by devices and programs, camera texts, boilerplate, markup and captions without letters. */
  names?: true;
  /** Only captions in the language of `--lang`. */
  language?: true;
  minCharacters?: number;
  maxCharacters?: number;
  minWords?: number;
  maxWords?: number;
  /** Largest share of words that repeat an earlier one. */
  maxRepeated?: number;
  /** At least one noun of WordNet. */
  noun?: true;
  /** At least one determiner ("a", "the", "this", ...). */
  determiner?: true;
  /** No word that English Wikipedia and WordNet do not know. */
  commonWords?: true;
  /** A caption that stands beside more pictures than these is dropped with all of them. */
  maxPictures?: number;
}

const MAX_PIXELS = 64_000_000;
/** A guard, not a rule: what is longer was never a caption. */
const LONGEST = 1_000;

/** What the paper says, and where it is silent the mildest sensible value. */
export const CLIP: Profile = {
  help: "what CLIP's paper says, mild where it is silent (the default)",
  minSide: 64,
  maxAspect: 3,
  maxPixels: MAX_PIXELS,
  captions: { names: true, language: true, maxCharacters: LONGEST, maxRepeated: 0.65 },
};

/**
 * The published sets' own rules and thresholds, as far as they need no other model than ours: no CLIP scores, faces or
 * NSFW classifiers. Parts of speech are looked up, not tagged; "rare" is what our word list does not have.
 */
export const PROFILES: Readonly<Record<string, Profile>> = {
  clip: CLIP,
  laion: {
    help: "LAION-400M: English, 5 characters or more, 5 KB or more",
    minSide: 1,
    maxAspect: Number.POSITIVE_INFINITY,
    maxPixels: MAX_PIXELS,
    minBytes: 5_000,
    captions: { language: true, minCharacters: 5, maxCharacters: 2_000 },
  },
  datacomp: {
    help: "DataComp's basic filtering: English, over 2 words and 5 characters, 200 px, 3:1",
    minSide: 200,
    maxAspect: 3,
    maxPixels: MAX_PIXELS,
    captions: { language: true, minCharacters: 6, minWords: 3 },
  },
  coyo: {
    help: "COYO-700M: English, 3 to 256 words with a noun, beside 10 pictures at most, 200 px, 3:1, 5 KB",
    minSide: 200,
    maxAspect: 3,
    maxPixels: MAX_PIXELS,
    minBytes: 5_000,
    captions: {
      language: true,
      minCharacters: 6,
      maxCharacters: 1_000,
      minWords: 3,
      maxWords: 256,
      noun: true,
      maxPictures: 10,
    },
  },
  cc3m: {
    help: "Conceptual Captions: 3 to 256 words, noun and determiner, no rare words, a fifth repeated at most, over 400 px, 2:1",
    minSide: 401,
    maxAspect: 2,
    maxPixels: MAX_PIXELS,
    captions: {
      language: true,
      minWords: 3,
      maxWords: 256,
      maxRepeated: 0.2,
      noun: true,
      determiner: true,
      commonWords: true,
    },
  },
  cc12m: {
    help: "Conceptual 12M: as cc3m, but 2.5:1 and without determiner",
    minSide: 401,
    maxAspect: 2.5,
    maxPixels: MAX_PIXELS,
    captions: { language: true, minWords: 3, maxWords: 256, maxRepeated: 0.2, noun: true, commonWords: true },
  },
  align: {
    help: "ALIGN: 3 to 20 words, none rare, beside 10 pictures at most, over 200 px, below 3:1",
    minSide: 201,
    maxAspect: 3,
    maxPixels: MAX_PIXELS,
    captions: { minWords: 3, maxWords: 20, commonWords: true, maxPictures: 10 },
  },
  metaclip: {
    help: "MetaCLIP: English, its own matching and sampling, nothing else",
    minSide: 1,
    maxAspect: Number.POSITIVE_INFINITY,
    maxPixels: MAX_PIXELS,
    captions: { language: true },
    match: "metaclip",
    balance: "metaclip",
  },
};

/**
 * A profile by name.
 * @throws UsageError with the known names.
 */
export function profileNamed(name: string): Profile {
  const profile = Object.hasOwn(PROFILES, name) ? PROFILES[name] : undefined;
  if (!profile) throw new UsageError(`--profile ${name}: expected one of ${Object.keys(PROFILES).join(", ")}`);
  return profile;
}
