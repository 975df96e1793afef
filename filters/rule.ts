/** What a rule says of one caption or picture; `value` is what it saw, for `explain` ("en 0.93", "short side 40 px"). */
export interface Verdict {
  keep: boolean;
  value: string;
}

/**
 * One reason to drop a caption. A rule sits in a file of its own under filters/caption/; its name is the file's name with
 * underscores and appears in SQL as the drop reason.
 */
export interface CaptionRule {
  readonly name: string;
  /** One line for `--help` and the `reason` table. */
  readonly help: string;
  check(caption: string): Verdict;
}

/** The one verdict of rules that have nothing to say; shared, so that keeping costs no allocation. */
export const KEEP: Verdict = Object.freeze({ keep: true, value: "" });

/** Patterns as one, in capitals too: a single look tells the many captions that match none. */
export function anyOf(patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join("|"), "i");
}

/** A drop with what was seen. */
export function drop(value: string): Verdict {
  return { keep: false, value };
}
