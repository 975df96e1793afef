import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { ensureVenv } from "../../../store/python.ts";

/** Runs a Python program that has pyarrow and writes files into `folder`, its first argument. */
export function writeLists(program: string, folder: string): void {
  const python = ensureVenv("bench/.venv-lists", "bench/lists-requirements.txt", () => {});
  const { status, stderr } = spawnSync(python, ["-c", program, folder], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}
