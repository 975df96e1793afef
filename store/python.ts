import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import SQLite from "better-sqlite3";

/** Names under which a Python may be found, newest of the unversioned ones first. */
const NAMES = ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];
const OLDEST = [3, 10] as const;
const STAMP = "webimagetext-installed";
/** So long one process waits for another that makes the environment it wants. */
const PATIENCE_MS = 1_800_000;

/**
 * The interpreter of a virtual environment that holds exactly what a requirements file pins, made on first use with
 * `venv` and pip, whose own configuration chooses mirrors and builds. Made again when the file changes, by one process at a time.
 * @param folder of the environment.
 * @param requirements the file, which may include others beside it with `-r`.
 * @param say told what is being done, since it takes a minute.
 * @throws Error with what to install or do.
 */
export function ensureVenv(folder: string, requirements: string, say: (text: string) => void): string {
  const python = join(folder, "bin", "python");
  const wanted = fingerprint(requirements);
  const stamp = join(folder, STAMP);
  // The stamp is written last: an installation that was cut is done again.
  const isThere = () => existsSync(python) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (isThere()) return python;
  const system = findPython();
  mkdirSync(dirname(folder), { recursive: true });
  // SQLite's lock ends with its process, however that ends.
  const lock = new SQLite(`${folder}.lock`, { timeout: PATIENCE_MS });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    if (isThere()) return python;
    say(`making the Python environment ${folder} with ${requirements} (once, about a minute)`);
    run(
      system,
      ["-m", "venv", "--clear", folder],
      "Python's venv module is missing: on Debian, apt-get install python3-venv",
    );
    run(
      python,
      ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
      `see pip's message above, then run the same command again`,
    );
    writeFileSync(stamp, wanted, { flush: true });
    return python;
  } finally {
    lock.close();
  }
}

/**
 * A Python of version 3.10 or newer on this machine.
 * @throws Error when there is none.
 */
export function findPython(): string {
  const found: string[] = [];
  for (const name of NAMES) {
    const answer = spawnSync(name, ["-c", "import sys; print(*sys.version_info[:2])"], { encoding: "utf8" });
    if (answer.status !== 0) continue;
    const [major = 0, minor = 0] = answer.stdout.trim().split(" ").map(Number);
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return name;
    found.push(`${name} is ${major}.${minor}`);
  }
  throw new Error(
    `Python ${OLDEST.join(".")} or newer is needed${found.length > 0 ? ` (${found.join(", ")})` : ""}: install it, or name one with WIT_PYTHON`,
  );
}

function run(program: string, args: string[], advice: string): void {
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")} failed${error ? ` (${error.message})` : ""}: ${advice}`);
}

/** Of a requirements file and those it includes. */
function fingerprint(requirements: string): string {
  const hash = createHash("sha256");
  const add = (file: string) => {
    const text = readFileSync(file, "utf8");
    hash.update(text);
    for (const [, included = ""] of text.matchAll(/^-r\s+(\S+)/gm)) add(join(dirname(file), included));
  };
  add(requirements);
  return hash.digest("hex");
}
