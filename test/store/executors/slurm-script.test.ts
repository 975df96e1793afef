import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type SlurmOptions, slurmScript } from "../../../store/executors/slurm-script.ts";
import { temporaryFolder } from "../../folder.ts";

const folder = temporaryFolder("sbatch");
/** Writes its arguments and script down, as the real one would queue them; the real one is asked by test:slurm. */
writeFileSync(
  join(folder, "sbatch"),
  `#!/bin/bash\nn=$(cat "${folder}/n" 2>/dev/null || echo 100); echo $((n + 1)) > "${folder}/n"\n{ printf '%s\\n' "$@"; echo ---; cat; } > "${folder}/job-$n"\necho $n\n`,
);
chmodSync(join(folder, "sbatch"), 0o755);

const options: SlurmOptions = {
  id: "0123abcd",
  rank: ["node", "a folder/cli.ts", "rank", "--data", "it's"],
  goOn: ["node", "cli.ts", "crawl"],
  logs: join(folder, "the logs"),
};

/** Runs a script: the ids it prints, and what each job was submitted with. */
function submitted(script: string) {
  rmSync(join(folder, "n"), { force: true });
  const { stdout, stderr, status } = spawnSync("bash", ["-s"], {
    input: script,
    encoding: "utf8",
    env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
  });
  assert.equal(status, 0, stderr);
  const ids = stdout.trim().split("\n");
  const jobs = ids.map((id) => {
    const [args = "", body = ""] = readFileSync(join(folder, `job-${id}`), "utf8").split("---\n");
    return { args: args.trim().split("\n"), body };
  });
  return { ids, jobs };
}

test("a chain: each array after the one before, and killed where that failed", () => {
  const stages = [
    { stage: "discover", tasks: 16 },
    { stage: "threshold-1", tasks: 1 },
  ];
  const { ids, jobs } = submitted(slurmScript({ ...options, workers: 4, args: "--partition='my cpus'" }, stages, true));
  assert.deepEqual(ids, ["100", "101", "102"]);
  const [discover, threshold, goOn] = jobs;
  assert.ok(discover?.args.includes("--array=0-15%4"));
  assert.ok(discover?.args.includes("--partition=my cpus"));
  assert.ok(discover?.args.includes("--job-name=wit-0123abcd-discover"));
  assert.ok(!discover?.args.some((arg) => arg.startsWith("--dependency")));
  assert.ok(threshold?.args.includes("--array=0-0%4"));
  assert.ok(threshold?.args.includes("--dependency=afterok:100"));
  assert.ok(goOn?.args.includes("--dependency=afterok:101"));
  for (const job of [threshold, goOn]) assert.ok(job?.args.includes("--kill-on-invalid-dep=yes"));
  assert.match(goOn?.body ?? "", /^exec node cli\.ts crawl$/m);
});

test("past a thousand ranks jobs do several, and only jobs with something to do are submitted again", () => {
  const many = submitted(slurmScript(options, [{ stage: "discover", tasks: 2_500 }], false)).jobs[0];
  assert.ok(many?.args.includes("--array=0-999"));
  assert.match(many?.body ?? "", /--stage discover --stride 1000 /);
  const again = { stage: "discover", tasks: 2_500, ranks: [3, 4, 1_003, 5, 9, 2_011] };
  assert.ok(submitted(slurmScript(options, [again], false)).jobs[0]?.args.includes("--array=3-5,9,11"));
  const grouped = submitted(slurmScript({ ...options, ranksPerJob: 8 }, [{ stage: "discover", tasks: 100 }], false));
  assert.ok(grouped.jobs[0]?.args.includes("--array=0-12"));
});

test("a job tries again what failed, but neither wrong use nor what was stopped", () => {
  const { body = "" } = submitted(slurmScript(options, [{ stage: "discover", tasks: 1 }], false)).jobs[0] ?? {};
  assert.match(body, /node 'a folder\/cli\.ts' rank --data 'it'\\''s' --stage discover --stride 1 && exit 0/);
  const run = (codes: string) => {
    writeFileSync(
      join(folder, "node"),
      `#!/bin/bash\necho run >> "${folder}/runs"\nset -- ${codes}\nshift $(($(wc -l < "${folder}/runs") - 1))\nexit $1\n`,
    );
    chmodSync(join(folder, "node"), 0o755);
    rmSync(join(folder, "runs"), { force: true });
    const quick = body.replaceAll("sleep", ": sleep");
    const { status } = spawnSync("bash", ["-c", quick], {
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
    });
    return [status, readFileSync(join(folder, "runs"), "utf8").trim().split("\n").length];
  };
  assert.deepEqual(run("0"), [0, 1]);
  assert.deepEqual(run("1 7 0"), [0, 3]);
  assert.deepEqual(run("1 1 9 0"), [9, 3]);
  assert.deepEqual(run("2 0"), [2, 1]);
  assert.deepEqual(run("143 0"), [143, 1]);
});
