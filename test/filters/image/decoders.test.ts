import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Decoders } from "../../../filters/image/decoders.ts";
import type { ImageError } from "../../../filters/image/image-error.ts";
import { USUAL } from "./options.ts";
import { photo } from "./photo.ts";

const easy = await photo(1, 300, 200).jpeg().toBuffer();
/** 36 million pixels that repeat too late for PNG to see it: well over a second of work. */
const slow = await photo(2, 6000, 60).extend({ bottom: 5940, extendWith: "repeat" }).jpeg({ quality: 60 }).toBuffer();
const ENTIRE = { ...USUAL, resize: { mode: "none", size: 0 }, format: "png" } as const;
/** For pictures that are to be decoded, on however slow a machine. */
const PATIENT = { size: 1, cpuSeconds: 1_000 };

test("pictures come back as they would from this process, errors with their reason", async (t) => {
  const decoders = start(t, { size: 2 });
  const made = await Promise.all(Array.from({ length: 12 }, () => decoders.make(easy, USUAL)));
  for (const { width, height, image } of made) assert.deepEqual([width, height, image[0]], [300, 200, 0xff]);
  assert.equal(decoders.pids.length, 2);
  await assert.rejects(decoders.make(Buffer.from("<!doctype html>"), USUAL), { reason: "undecodable" });
  await assert.rejects(decoders.make(easy.subarray(0, easy.length / 2), USUAL), { reason: "undecodable" });
  assert.equal(decoders.pids.length, 2, "a bad picture costs no process");
});

function start(t: TestContext, options: ConstructorParameters<typeof Decoders>[0]): Decoders {
  const decoders = new Decoders(options);
  t.after(() => decoders.close());
  return decoders;
}

/** Kills the decoder at work, `times` times. */
async function killing(decoders: Decoders, signal: NodeJS.Signals, times: number): Promise<void> {
  for (const killed = new Set<number>(); killed.size < times; await sleep(5)) {
    const pid = decoders.pids.find((candidate) => !killed.has(candidate));
    if (pid === undefined) continue;
    await sleep(150);
    process.kill(pid, signal);
    killed.add(pid);
  }
}

test("a decoder that aborts under a picture: another takes it, and the second abort marks the picture", async (t) => {
  const decoders = start(t, PATIENT);
  const first = decoders.make(slow, ENTIRE);
  await killing(decoders, "SIGABRT", 1);
  assert.equal((await first).width, 6000);

  const unlucky = start(t, PATIENT);
  const twice = unlucky.make(slow, ENTIRE);
  const next = unlucky.make(easy, USUAL);
  const killed = killing(unlucky, "SIGSEGV", 2);
  await assert.rejects(twice, { reason: "decoder_failed", message: /SIGSEGV/ });
  await killed;
  assert.equal((await next).width, 300, "the next picture is not affected");
});

test("a picture that needs more CPU than allowed is dropped, and its decoder replaced", async (t) => {
  const decoders = start(t, { size: 1, cpuSeconds: 0.2 });
  const outcome = await decoders.make(slow, ENTIRE).catch((error: ImageError) => error);
  assert.ok("reason" in outcome && outcome.reason === "decoder_failed", "it was decoded in 0.2 s");
  assert.match(outcome.message, /0\.2 s of CPU/);
});

test("decoders end with the process that started them, also by kill -9", async () => {
  const program = `
    import { Decoders } from "./filters/image/decoders.ts";
    const decoders = new Decoders({ size: 1 });
    await decoders.make(Buffer.from("no picture"), {}).catch(() => {});
    console.log(decoders.pids[0]);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pid = Number(String(await once(parent.stdout, "data").then(([chunk]) => chunk)));
  const running = () => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  assert.ok(running());
  parent.kill("SIGKILL");
  await once(parent, "close");
  while (running()) await sleep(20);
  assert.ok(!existsSync(`/proc/${pid}/exe`));
});

test("decoders that cannot even start end the crawl, not the pictures", async (t) => {
  const before = process.env["NODE_OPTIONS"];
  process.env["NODE_OPTIONS"] = "--import=data:text/javascript,process.exit(1)";
  t.after(() => {
    if (before === undefined) delete process.env["NODE_OPTIONS"];
    else process.env["NODE_OPTIONS"] = before;
  });
  const decoders = start(t, { size: 1 });
  await assert.rejects(decoders.make(easy, USUAL), (error: Error) => {
    assert.notEqual(error.name, "ImageError");
    assert.match(error.message, /cannot start \(exit code 1\): run `npm ci`/);
    return !("reason" in error);
  });
});
