import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../../store/pace.ts";

test("a fast beginning says nothing of a slow end, and a pause nothing of either", () => {
  const pace = new Pace(0);
  for (let at = 100; at <= 20_000; at += 100) pace.add(at / 10, at);
  assert.equal(pace.rate(2_000, 20_000), 100);
  let done = 2_000;
  for (let at = 50_000; at <= 200_000; at += 30_000) pace.add(++done, at);
  assert.equal(done, 2_006);
  const slow = pace.rate(done, 200_000);
  assert.ok(slow > 0.02 && slow < 0.05, String(slow));
  for (let at = 205_000; at <= 600_000; at += 5_000) pace.add(done, at);
  assert.equal(pace.rate(done, 600_000), 0);
});

test("few large things are counted over more than half a minute", () => {
  const pace = new Pace(0);
  for (let at = 1_000; at <= 2_400_000; at += 1_000) pace.add(Math.floor(at / 600_000), at);
  const rate = pace.rate(4, 2_400_000);
  assert.ok(rate > 1 / 1_200 && rate < 1 / 300, String(rate));
});

test("before anything is done there is no pace", () => {
  assert.equal(new Pace(5).rate(0, 5), 0);
});
