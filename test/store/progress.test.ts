import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Progress } from "../../store/progress.ts";

test("a stage that hears nothing goes on saying how far it is, until it is done", { timeout: 60_000 }, async (t) => {
  const lines: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => lines.push(text) > 0);
  const progress = new Progress("download", false);
  progress.update(2, 3, "1 failed");
  while (lines.length === 0) await sleep(100);
  assert.match(lines[0] ?? "", /^download .* 2\/3 .* s left {2}1 failed\n$/);
  progress.done("2 pictures");
  assert.match(lines.at(-1) ?? "", /^download {3}2 pictures in /);
});
