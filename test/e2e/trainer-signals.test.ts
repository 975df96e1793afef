import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";

const folder = temporaryFolder("trainer-signals");

/** A trainer that ends itself. */
function train(name: string, signal: string) {
  const python = join(folder, signal);
  writeFileSync(python, `#!/bin/sh\nkill -${signal} $$\n`, { mode: 0o755 });
  return run([name, "--data", folder, ...(name === "evaluate" ? ["--task", folder] : [])], {
    env: { ...process.env, WIT_PYTHON: python },
  });
}

test("a trainer that the system kills is told, with what to do", async () => {
  const { code, error } = await train("train", "KILL");
  assert.equal(code, 137);
  assert.match(error, /^error: the process of train was killed, .*--accum.* goes on from the last checkpoint\n$/);
  const evaluated = await train("evaluate", "KILL");
  assert.deepEqual(
    [evaluated.code, evaluated.error],
    [137, "error: the process of evaluate was killed, as systems do that run out of memory\n"],
  );
});

test("one that Ctrl-C ends before it can answer it has the exit code of that", async () => {
  assert.deepEqual(await train("train", "INT"), { code: 130, out: "", error: "" });
  assert.deepEqual(await train("train", "TERM"), { code: 143, out: "", error: "" });
});

test("one that a fault ends is not silent", async () => {
  const error = "error: the process of train was ended by SIGBUS: run it again\n";
  assert.deepEqual(await train("train", "BUS"), { code: 135, out: "", error });
});
