/**
 * `npm run test:parity`: our models, words and probes beside those of open_clip, OpenAI, transformers, ONNX Runtime and
 * scikit-learn, in a Python environment of their own.
 */
import { spawnSync } from "node:child_process";
import { ensureVenv } from "../../store/python.ts";

const say = (text: string) => void process.stderr.write(`${text}\n`);
const python = ensureVenv("train/.venv-parity", "train/requirements-parity.txt", say);
const { status } = spawnSync(python, ["-m", "pytest", "-q", "train/parity", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, PYTHONPATH: "train", HF_HUB_OFFLINE: "1" },
});
process.exit(status ?? 1);
