import { test } from "node:test";
import { compareWithSlowList } from "../queries/compare-lists.ts";

// CLIP's 100 occurrences are for 2.8 billion words; the grown sample has eight million, so two must do.
test("500,000 terms are, term by term, the slow way's, whatever the threads and the memory", () =>
  compareWithSlowList({ copies: 15, shortPages: 90_000, size: 500_000, minCount: 2 }));
