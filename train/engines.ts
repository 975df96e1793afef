import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { rayPython, submitJob } from "../store/executors/ray.ts";
import { UsageError } from "../store/usage-error.ts";

/** Training on many machines, on an engine that the user has. */
export interface EngineFlags {
  executor?: "slurm" | "ray";
  slurmArgs?: string;
  wait?: boolean;
}

/** How many machines, and processes on each. */
interface Size {
  nodes: number;
  processes: number;
}

const RAY = fileURLToPath(new URL("../store/executors/ray_torchrun.py", import.meta.url));

/**
 * Gives a training to Slurm or Ray: one torchrun on each of so many nodes.
 * @param args the trainer's; --nodes and --processes among them say how many.
 * @param folder that holds the trainer's package.
 * @returns an exit code: with `wait` the training's, else 0 when it was taken.
 * @throws UsageError when the options do not go together.
 */
export async function trainOn(flags: EngineFlags, python: string, args: string[], folder: string): Promise<number> {
  const [nodes, some] = taken(args, "--nodes");
  const [processes = 1, own] = taken(some, "--processes");
  if (nodes === undefined) throw new UsageError("--nodes is missing: how many machines train together");
  if (flags.executor === "ray" && flags.slurmArgs !== undefined)
    throw new UsageError("--slurm-args is for --executor slurm");
  const size = { nodes, processes };
  return flags.executor === "ray" ? onRay(flags, size, python, own, folder) : onSlurm(flags, size, python, own, folder);
}

/** An option's number, and the other arguments. */
function taken(args: readonly string[], name: string): [value: number | undefined, rest: string[]] {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  if (at < 0) return [undefined, [...args]];
  const joined = args[at]?.slice(name.length + 1);
  const text = joined || args[at + 1];
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${name} ${text}: expected a whole number, 1 or more`);
  return [value, [...args.slice(0, at), ...args.slice(at + (joined ? 1 : 2))]];
}

/** The trainer writes the script. */
async function onSlurm(
  flags: EngineFlags,
  size: Size,
  python: string,
  args: string[],
  folder: string,
): Promise<number> {
  const { slurmArgs = "", wait = false } = flags;
  const asked = [...args, "--nodes", String(size.nodes), "--processes", String(size.processes), "--slurm"];
  const env = { ...process.env, PYTHONPATH: folder };
  const script = spawnSync(python, ["-m", "webimagetext_train.train", ...asked], { env, encoding: "utf8" });
  if (script.status !== 0) {
    process.stderr.write(script.stderr);
    return script.status ?? 1;
  }
  // --wait: sbatch stays until the job ends, and ends as it did.
  const child = spawn("bash", ["-c", `sbatch --parsable ${wait ? "--wait " : ""}${slurmArgs}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(script.stdout);
  child.stdout.on("data", (job) => {
    const id = String(job).trim();
    process.stderr.write(`job ${id}; what it says is in clip-${id}.log here\n`);
  });
  const [code] = await once(child, "exit");
  return code ?? 1;
}

/** The driver stays until the training ends; without --wait it is a job of Ray's. */
function onRay({ wait = false }: EngineFlags, size: Size, python: string, args: string[], folder: string): number {
  const onCpu = /(^| )--device[ =]cpu( |$)/.test(args.join(" "));
  const driver = [
    ...[rayPython(), "-u", RAY, "--nodes", String(size.nodes), "--processes", String(size.processes)],
    ...(onCpu ? [] : ["--gpus"]),
    ...["--", python, "-m", "webimagetext_train.train", ...args],
  ];
  if (!wait) {
    submitJob(["ray", "job", "submit", "--no-wait", "--", "env", `PYTHONPATH=${folder}`, ...driver]);
    return 0;
  }
  const [program = "", ...rest] = driver;
  const { status, error } = spawnSync(program, rest, { stdio: "inherit", env: { ...process.env, PYTHONPATH: folder } });
  if (error) throw new Error(`${program} cannot be started (${error.message}): WIT_RAY_PYTHON names a Python with Ray`);
  return status ?? 1;
}
