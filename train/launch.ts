import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { databaseFile } from "../store/database.ts";
import { ensureVenv, findPython } from "../store/python.ts";
import { type EngineFlags, trainOn } from "./engines.ts";

// The compiled program lies in dist/, the Python beside it in the package.
const here = fileURLToPath(new URL(".", import.meta.url));
const FOLDER = existsSync(join(here, "pyproject.toml")) ? here : join(here, "..", "..", "train");

/** Options of `npm run train` and `npm run evaluate` that Node looks at; the trainer checks all others. */
export interface TrainFlags extends EngineFlags {
  data: string;
  quiet: boolean;
  json: boolean;
  seed: number;
  shards?: string;
  out?: string;
  model?: string;
  steps?: number;
  /** Arguments for the trainer alone. */
  passThrough: string[];
}

/** Options of `npm run evaluate`. */
export interface EvaluateFlags extends Pick<TrainFlags, "data" | "json" | "quiet" | "passThrough"> {
  checkpoint?: string;
  task?: string[];
}

/**
 * The Python that trains: `$WIT_PYTHON`, else `train/.venv`, made on first use.
 * @param tests with what the trainer's tests need as well.
 * @throws Error when there is none and none can be made.
 */
export function ensurePython(options: { tests: boolean }): string {
  const own = process.env["WIT_PYTHON"];
  if (own) return own;
  const requirements = join(FOLDER, options.tests ? "requirements-test.txt" : "requirements.txt");
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  // What the tests need holds what training needs: one environment for both.
  const withTests = join(FOLDER, ".venv-test");
  if (!options.tests && existsSync(withTests)) return ensureVenv(withTests, join(FOLDER, "requirements-test.txt"), say);
  return ensureVenv(options.tests ? withTests : join(FOLDER, ".venv"), requirements, say);
}

/** `npm run train`: trains, then evaluates on every task of the workspace beside a control that cannot have learnt. */
export async function runTrain(flags: TrainFlags): Promise<number> {
  if (asksForHelp(flags)) return trainerHelp("options", "--shards DIR/shards/*.tar and --out DIR/checkpoints");
  const python = ensurePython({ tests: false });
  const prints = flags.passThrough.some((argument) => /^--(nodes|slurm|list-batches)(=|$)/.test(argument));
  const out = flags.out ?? join(flags.data, "checkpoints");
  const shards = flags.shards ?? join(flags.data, "shards", "*.tar");
  const options = [
    "--shards",
    shards,
    "--seed",
    String(flags.seed),
    ...given(flags, ["model", "steps", "json", "quiet"]),
    // The view train_stats, for `npm run stats`; a folder that was never crawled into has no database.
    ...(!prints && existsSync(databaseFile(flags.data)) ? ["--sqlite", databaseFile(flags.data)] : []),
  ];
  const asked = [...options, "--out", out, ...flags.passThrough];
  if (flags.executor !== undefined) return trainOn(flags, python, asked.map(absolute), FOLDER);
  const trained = await runModule(python, "train", asked);
  if (prints) return trained;
  const tasks = tasksIn(flags.data);
  if (trained !== 0 || tasks.length === 0 || !existsSync(join(out, "latest.pt"))) return trained;
  const control = join(out, "control");
  const say = (text: string) => void (flags.quiet || flags.json || process.stderr.write(`${text}\n`));
  say("\ncontrol: the same training with every caption on another's picture, which can teach nothing");
  const controlled = await runModule(python, "train", [
    ...options,
    "--out",
    control,
    ...flags.passThrough,
    "--shuffle-captions",
  ]);
  if (controlled !== 0) return controlled;
  say("");
  const judged = ["--checkpoint", join(out, "latest.pt"), "--control", join(control, "latest.pt")];
  return runModule(python, "evaluate", [...judged, ...evaluation(flags, tasks), ...given(flags, ["json", "quiet"])]);
}

/** `npm run evaluate`: a checkpoint on the tasks named, or on all of the workspace. */
export async function runEvaluate(flags: EvaluateFlags): Promise<number> {
  if (asksForHelp(flags))
    return trainerHelp(
      "evaluate_options",
      "--checkpoint DIR/checkpoints/latest.pt, --task all of DIR/tasks and --out DIR/evaluation",
    );
  const checkpoint = flags.checkpoint ?? join(flags.data, "checkpoints", "latest.pt");
  const tasks = flags.task ?? tasksIn(flags.data);
  if (tasks.length === 0)
    throw new Error(`${join(flags.data, "tasks")} holds no task: name a folder with --task, or run \`npm start\``);
  const python = ensurePython({ tests: false });
  const options = ["--checkpoint", checkpoint, ...evaluation(flags, tasks), ...given(flags, ["json", "quiet"])];
  return runModule(python, "evaluate", [...options, ...flags.passThrough]);
}

/** `npm run export-model`: a checkpoint for other programs. */
export async function runExportModel(
  flags: Pick<EvaluateFlags, "data" | "checkpoint" | "passThrough">,
): Promise<number> {
  const checkpoint = flags.checkpoint ?? join(flags.data, "checkpoints", "latest.pt");
  return runModule(ensurePython({ tests: false }), "export", ["--checkpoint", checkpoint, ...flags.passThrough]);
}

/** `npm run import-model`: another program's checkpoint for us. */
export async function runImportModel(flags: Pick<EvaluateFlags, "passThrough">): Promise<number> {
  return runModule(ensurePython({ tests: false }), "import_model", flags.passThrough);
}

/** Engines start programs in other folders: what is a path here is made whole. */
function absolute(word: string, at: number, words: readonly string[]): string {
  return /^--(shards|out|sqlite)$/.test(words[at - 1] ?? "") && !/^\w+:\/\//.test(word) ? resolve(word) : word;
}

/** What is judged, and where the figures go; a folder that was never crawled into has no database. */
function evaluation(flags: { data: string }, tasks: string[]): string[] {
  const database = databaseFile(flags.data);
  const sqlite = existsSync(database) ? ["--sqlite", database] : [];
  return ["--task", ...tasks, "--out", join(flags.data, "evaluation"), ...sqlite];
}

function asksForHelp({ passThrough }: { passThrough: string[] }): boolean {
  return passThrough.some((argument) => argument === "--help" || argument === "-h");
}

function tasksIn(data: string): string[] {
  const folder = join(data, "tasks");
  if (!existsSync(folder)) return [];
  // A name with .tmp is a task whose writing was cut.
  return readdirSync(folder)
    .filter((name) => !name.endsWith(".tmp"))
    .sort()
    .map((name) => join(folder, name));
}

function given<T extends object>(flags: T, names: (keyof T & string)[]): string[] {
  return names.flatMap((name) => {
    const value = flags[name];
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, String(value)];
  });
}

/** A program's own options; any Python can print them, torch is not needed for it. */
function trainerHelp(module: string, standsFor: string): number {
  const env = { ...process.env, PYTHONPATH: FOLDER };
  process.stdout.write(
    `npm run ${module === "options" ? "train" : "evaluate"} -- [--data DIR] [options]: --data stands for ${standsFor}\n\n`,
  );
  return spawnSync(findPython(), ["-m", `webimagetext_train.${module}`], { stdio: "inherit", env }).status ?? 1;
}

/** Without it a training that the system has ended for its memory would end with no word. */
function killed(name: string): string {
  const why = `the process of ${name} was killed, as systems do that run out of memory`;
  return name === "train"
    ? `${why}: --accum, a smaller --batch-size or fewer --workers need less; the same command goes on from the last checkpoint`
    : why;
}

/** Runs a program of the trainer to its end; signals reach it, so that it can write a checkpoint first. */
function runModule(python: string, name: string, args: string[]): Promise<number> {
  const child = spawn(python, ["-m", `webimagetext_train.${name}`, ...args], {
    stdio: "inherit",
    // Threads of OpenMP that spin while they wait for each other take twelve times as long on two cores with other work.
    env: { OMP_WAIT_POLICY: "PASSIVE", ...process.env, PYTHONPATH: FOLDER, PYTHONUNBUFFERED: "1" },
  });
  const terminate = () => void child.kill("SIGTERM");
  // A terminal sends Ctrl-C to both of us: waiting for the child is all there is to do.
  const ignore = () => {};
  process.on("SIGTERM", terminate);
  process.on("SIGINT", ignore);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`${python} cannot be started (${error.message})`)));
    child.once("exit", (code, signal) => {
      process.off("SIGTERM", terminate);
      process.off("SIGINT", ignore);
      if (signal === "SIGKILL") console.error(`error: ${killed(name)}`);
      else if (signal && signal !== "SIGINT" && signal !== "SIGTERM")
        console.error(`error: the process of ${name} was ended by ${signal}: run it again`);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 1));
    });
  });
}
