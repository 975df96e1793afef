/**
 * `npm run test:train-long`: the trainer's tests that take minutes or need its peers (open_clip, TensorBoard, W&B), in the
 * environment of `npm run bench:train`.
 */
import { spawnSync } from "node:child_process";
import { ensureVenv } from "../../store/python.ts";

const python = ensureVenv("bench/.venv-train", "bench/train-requirements.txt", (text) => console.error(text));
const { status } = spawnSync(python, ["-m", "pytest", "-q", "-m", "slow", "train/tests", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, PYTHONPATH: "train:bench" },
});
process.exit(status ?? 1);
