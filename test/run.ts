/**
 * `npm test`: the TypeScript tests and, beside them, the trainer's, whose Python environment is made on first use.
 * `npm test -- FILE...` runs only those TypeScript tests.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { ensurePython } from "../train/launch.ts";

/** So many cores are used at most. */
const MOST = 8;

const only = process.argv.slice(2);
const files = only.length > 0 ? only : globSync("test/**/*.test.ts").sort();
// One file more than there are cores: some wait most of their time, for what is meant to take time.
const concurrency = `--test-concurrency=${Math.min(availableParallelism(), MOST) + 1}`;
const node = spawn(process.execPath, ["--test", concurrency, ...files], { stdio: "inherit" });
const trainer = only.length === 0 ? testTrainer(makePython()) : undefined;
const [status] = await once(node, "close");
const failed = (await trainer) ?? 0;
process.exit(status !== 0 ? (status ?? 1) : failed);

/** Takes a minute the first time, in which the others run; a test that needs it before it is there waits. */
function makePython(): string {
  try {
    return ensurePython({ tests: true });
  } catch (error) {
    node.kill();
    throw error;
  }
}

/** Its output comes in one piece at the end, not between the lines of the others. */
async function testTrainer(python: string): Promise<number> {
  const pytest = spawn(python, ["-m", "pytest", "-q", "train/tests"], {
    stdio: ["ignore", "pipe", "pipe"],
    // One thread a process: the others need the cores as well.
    env: { ...process.env, PYTHONPATH: "train", OMP_NUM_THREADS: "1" },
  });
  const output: Buffer[] = [];
  for (const stream of [pytest.stdout, pytest.stderr]) stream.on("data", (bytes: Buffer) => output.push(bytes));
  const [[code]] = await Promise.all([once(pytest, "close"), once(node, "close")]);
  process.stdout.write(Buffer.concat(output));
  return code ?? 1;
}
