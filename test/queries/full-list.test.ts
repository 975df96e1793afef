import { test } from "node:test";
import { compareWithSlowList } from "./compare-lists.ts";

// The same with 500,000 terms takes a minute: npm run test:queries.
test("a list is, term by term, the slow way's, whatever the threads and the memory", () =>
  compareWithSlowList({ copies: 1, shortPages: 3_000, size: 135_000, minCount: 2 }));
