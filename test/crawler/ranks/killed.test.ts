import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../folder.ts";
import { beginBuild, byOneProcess } from "./build.ts";
import { startRanksWeb } from "./web.ts";
import { wholeOf } from "./whole.ts";

const DRIVER = join(import.meta.dirname, "drive-main.ts");

test("ranks killed in the middle and run again, with or without what they left on their machine, change nothing", async (t) => {
  const folder = temporaryFolder("ranks-killed");
  const web = await startRanksWeb(join(folder, "in"));
  t.after(() => web.close());
  const settings = { cap: 12, shardSize: 20 };
  const { hosts: _, ...one } = wholeOf(await byOneProcess(folder, web, settings));
  const { data, scratch } = await beginBuild(folder, web.flags, settings, 4);

  /** Runs on until it is killed, if it is. @param watch calls what it is given when that moment has come. */
  const run = async (watch: (kill: () => void) => void): Promise<boolean> => {
    const child = spawn(process.execPath, [DRIVER, data, scratch], { stdio: ["ignore", "ignore", "inherit"] });
    watch(() => child.kill("SIGKILL"));
    const [code, signal] = await once(child, "close");
    web.onRequest = () => {};
    assert.ok(code === 0 || signal === "SIGKILL", `code ${code}`);
    return signal === "SIGKILL";
  };
  const afterRequests = (most: number) => (kill: () => void) => {
    let seen = 0;
    web.onRequest = () => {
      if (++seen === most) kill();
    };
  };
  // When it has published what it fetched and goes on fetching: nothing else of that survives.
  const parts = join(data, "cluster", "download-1", "part");
  const published = () => globSync(join(parts, "**", "*.rows"));
  const afterPublishing = (kill: () => void) => {
    const before = published().length;
    web.onRequest = () => {
      if (published().length > before) kill();
    };
  };
  assert.ok(await run(afterRequests(5)), "killed among pages");
  assert.ok(await run(afterRequests(9)), "killed among pages");
  rmSync(scratch, { recursive: true });
  web.delayMs = 120;
  assert.ok(await run(afterPublishing), "killed among pictures");
  assert.ok(await run(afterPublishing), "killed among pictures");
  rmSync(scratch, { recursive: true });
  assert.ok(await run(afterPublishing), "killed among pictures");
  rmSync(scratch, { recursive: true });
  web.delayMs = 0;
  assert.equal(await run(() => {}), false);
  const attempts = Map.groupBy(published(), (name) => dirname(name)).values();
  assert.ok(
    [...attempts].some((names) => new Set(names.map((name) => basename(name).split(".")[1])).size > 1),
    "a rank went on with what another try had published",
  );
  // What was fetched twice counts twice among the hosts' requests, and nowhere else.
  const { hosts: __, ...found } = wholeOf(data);
  assert.deepEqual(found, one);
});
