import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const data = mkdtempSync(join(tmpdir(), "wit-explain-"));

function explain(args: string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["cli.ts", "explain", "--data", data, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.on("close", (code) => (code === 0 ? resolve(out) : reject(new Error(`exit code ${code}`))));
    child.stdin.end(input);
  });
}

test("explain --stdin: one JSON object a line, in order, also for thousands of lines", async () => {
  const lines = [
    "A red apple on a table",
    "DSC_0123.JPG",
    "",
    "a dog ".repeat(3),
    ...Array.from({ length: 5_000 }, (_, i) => `A photo of ${i} cats`),
  ];
  const answers = (await explain(["--stdin"], `${lines.join("\n")}\n`))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(answers.length, lines.length);
  assert.deepEqual(Object.keys(answers[0]), ["caption", "kept", "reason", "queries"]);
  assert.equal(answers[0].kept, true);
  assert.ok(answers[0].queries.includes("red") && answers[0].queries.includes("apple"));
  assert.deepEqual([answers[1].kept, answers[1].reason, answers[1].queries], [false, "auto_name", []]);
  assert.equal(answers[2].kept, false);
  assert.equal(answers[5_003].caption, "A photo of 4999 cats");
});

test("explain CAPTION: every rule's verdict, then the queries", async () => {
  const out = await explain(["A red apple on a table"]);
  assert.match(out, /keeps {6}auto_name/);
  assert.match(out, /keeps {6}not_english/);
  assert.match(out, /queries {4}.*\bapple\b/);
  assert.match(out, /kept: goes on to the cap/);
  assert.match(await explain(["IMG_20160716_113957.JPG"]), /DROPS {6}auto_name[\s\S]*dropped: auto_name/);
});
