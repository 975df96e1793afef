import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../cli.ts";
import { temporaryFolder } from "../folder.ts";

const KILLED = "see what did that (full memory?), then run it again\n";

test("a Python that a signal ended: the README's exit code, and a word where nobody asked for it", async () => {
  const folder = temporaryFolder("train-signals");
  const python = join(folder, "python");
  for (const [signal, code, error] of [
    ["INT", 130, ""],
    ["TERM", 143, ""],
    ["BUS", 135, `error: Python was ended by SIGBUS: ${KILLED}`],
    ["KILL", 137, `error: Python was ended by SIGKILL: ${KILLED}`],
  ] as const) {
    writeFileSync(python, `#!/bin/sh\nulimit -c 0\nkill -${signal} $$\n`);
    chmodSync(python, 0o755);
    const ended = await run(["train", "--data", folder], { env: { ...process.env, WIT_PYTHON: python } });
    assert.deepEqual(ended, { code, out: "", error });
  }
});
