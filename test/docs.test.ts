/** The commands of the documentation exist as they are written: every npm script, and every option of ours. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import manifest from "../package.json" with { type: "json" };

const FILES = ["README.md", "CONTRIBUTING.md", "docs/*.md", "examples/*", "*/README.md"].flatMap((pattern) =>
  globSync(pattern).filter((file) => !file.startsWith("node_modules")),
);

interface Command {
  place: string;
  script: string;
  options: string[];
}

/** `npm run SCRIPT -- OPTIONS` wherever it stands: in a block, between backticks, in a shell script over several lines. */
function commandsOf(file: string): Command[] {
  const text = readFileSync(file, "utf8").replace(/\\\n\s*/g, " ");
  return [...text.matchAll(/npm run ([\w:-]+)([^`\n]*)/g)].map(([, script = "", rest = ""]) => ({
    place: `${file}: npm run ${script}${rest}`,
    script,
    // Quoted options are handed to others (--slurm-args); comments and further commands of the line are not its own.
    options: rest.replace(/'[^']*'|"[^"]*"|\s#.*|&&.*|\|\s.*/g, "").match(/(?<=\s)--[a-z][\w-]*/g) ?? [],
  }));
}

const commands = FILES.flatMap(commandsOf);
const scripts: Record<string, string> = manifest.scripts;

/** Their help is the trainer's, which needs its Python environment: all options that it and cli.ts declare are taken as one. */
const TRAINER = /^(?:train|evaluate|export-model|import-model)$/;
const trainerOptions = ["cli.ts", ...globSync("train/*.py"), ...globSync("train/*/*.py")]
  .filter((file) => !file.includes(".venv"))
  .flatMap((file) => readFileSync(file, "utf8").match(/(?<=\(\s*")--[a-z][\w-]*/g) ?? []);

function optionsOf(command: string): Set<string> {
  const help = execFileSync(process.execPath, ["cli.ts", command, "--help"], { encoding: "utf8" });
  return new Set(help.match(/(?<=^ {2}(?:-\w, )?)--[a-z][\w-]*/gm));
}

test("every npm script of the documentation exists", () => {
  assert.ok(commands.length > 60, `${commands.length} commands found`);
  for (const { place, script } of commands) {
    // CONTRIBUTING.md's `npm run test:NAME` stands for several.
    if (/:$|NAME$/.test(script)) continue;
    assert.ok(script in scripts, place);
  }
});

test("every option that the documentation gives a command is one it takes", () => {
  const known = new Map<string, Set<string>>();
  let checked = 0;
  for (const { place, script, options } of commands) {
    const [, name] = /\bcli\.ts ([\w-]+)$/.exec(scripts[script] ?? "") ?? [];
    if (name === undefined) continue;
    let own = known.get(name);
    if (!own) {
      own = TRAINER.test(name) ? new Set(["--help", ...trainerOptions]) : optionsOf(name);
      known.set(name, own);
    }
    for (const option of options) {
      checked++;
      assert.ok(own.has(option), `${option} of ${place}`);
    }
  }
  assert.ok(checked > 60, `${checked} options checked`);
});
