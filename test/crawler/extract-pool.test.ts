import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../folder.ts";

// In a process of its own, and not by --eval: nothing else may keep that one running.
const SCRIPT = `
import { ExtractPool } from "${new URL("../../crawler/extract-pool.ts", import.meta.url)}";
const job = { body: Buffer.from("<p>A page"), url: "http://a.example/", type: "text/html", agent: "test" };
const clock = new Int32Array(new SharedArrayBuffer(4));
for (const ms of [10, 40]) {
  const pool = new ExtractPool(1);
  await pool.read(job);
  const late = pool.read(job);
  // The thread answers, and nobody looks at it before the pool is closed: so it is when an error ends a run.
  Atomics.wait(clock, 0, 0, ms);
  await pool.close();
  await late;
}
console.log("closed");
`;

test("a pool that is closed while a thread has just answered comes to its end", () => {
  const script = join(temporaryFolder("pool"), "close.mjs");
  writeFileSync(script, SCRIPT);
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "closed\n");
});
