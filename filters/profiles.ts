/** Thresholds for pictures. Captions have theirs in the rules. */
export interface Profile {
  /** Smallest short side, pixels. */
  minSide: number;
  /** Largest ratio of the long to the short side. */
  maxAspect: number;
  /** Most pixels, as a guard against bombs: the header is read before anything is decoded. */
  maxPixels: number;
  /** Pictures whose perceptual hashes differ in at most so many bits are one, the smaller pair id stays; else only reported. */
  dropNearDuplicates?: number;
}

/** What the paper says, and where it is silent the mildest sensible value. */
export const CLIP: Profile = { minSide: 64, maxAspect: 3, maxPixels: 64_000_000 };
