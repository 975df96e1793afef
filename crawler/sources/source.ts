import type { REASONS } from "../../store/reasons.ts";
import type { Candidate } from "../../store/types.ts";

/** Something dropped before it could become a pair. */
export interface EarlyDrop {
  reason: keyof typeof REASONS.extract;
  pairs: number;
  /** What was dropped, or where: an address, or file:line. */
  example: string;
}

/**
 * What a source found in one go (a page, some rows of a list). The consumer writes all of it and calls `done` in one
 * transaction, so that a killed run neither loses nor counts anything twice.
 */
export interface Batch {
  candidates: Candidate[];
  drops: EarlyDrop[];
  /** Writes how far the source has come; inside the consumer's transaction. */
  done: () => void;
}

/** Where candidates come from: one file a source in this folder. */
export type Source = AsyncIterable<Batch>;
