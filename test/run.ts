/**
 * `npm test`: the TypeScript tests, then the trainer's, whose Python environment is made on first use.
 * `npm test -- FILE...` runs only those TypeScript tests.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { ensurePython } from "../train/launch.ts";

const only = process.argv.slice(2);
const files = only.length > 0 ? only : globSync("test/**/*.test.ts").sort();
// First, because a test of the shards reads them with Python too.
const python = only.length === 0 ? ensurePython({ tests: true }) : undefined;
const node = spawnSync(process.execPath, ["--test", "--test-concurrency=2", ...files], { stdio: "inherit" });
if (node.status !== 0 || python === undefined) process.exit(node.status ?? 1);
const pytest = spawnSync(python, ["-m", "pytest", "-q", "train/tests"], {
  stdio: "inherit",
  env: { ...process.env, PYTHONPATH: "train" },
});
process.exit(pytest.status ?? 1);
