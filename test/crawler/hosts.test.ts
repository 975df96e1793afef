import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { FetchError } from "../../crawler/fetch-error.ts";
import { Hosts, hostOf } from "../../crawler/hosts.ts";
import { temporaryFolder } from "../folder.ts";

const URL_A = new URL("http://www.a.example/x");
const nowhere = async () => undefined;
const folder = temporaryFolder("hosts");

function limits(text: string): string {
  const file = join(folder, `${Math.random()}.tsv`);
  writeFileSync(file, text);
  return file;
}

/** Bytes of what is still referred to. */
function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

/** Runs `count` tasks of `ms` each and returns when they started, and how many ran at once. */
async function starts(
  run: (task: () => Promise<void>) => Promise<void>,
  count: number,
  ms: number,
): Promise<{ at: number[]; most: number }> {
  const began = performance.now();
  const at: number[] = [];
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: count }, () =>
      run(async () => {
        at.push(performance.now() - began);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, ms));
        running--;
      }),
    ),
  );
  return { at, most };
}

test("a registered domain with its port is one host", () => {
  for (const [address, host] of [
    ["http://www.bbc.co.uk/x", "bbc.co.uk"],
    ["https://images.bbc.co.uk/x", "bbc.co.uk"],
    ["http://someone.github.io/", "someone.github.io"],
    ["http://noto.example:8571/", "noto.example:8571"],
    ["http://127.0.0.1:80/", "127.0.0.1"],
    ["http://[2606:4700::1]/", "[2606:4700::1]"],
  ]) {
    assert.equal(hostOf(new URL(address ?? "")), host, address);
  }
});

test("pictures: by default two at a time, four starts a second", async () => {
  const hosts = new Hosts(undefined, nowhere);
  const { at, most } = await starts((task) => hosts.image(URL_A, task), 6, 20);
  assert.ok(most <= 2);
  // Counted from the first, since what is measured a moment late makes the gap before the next one shorter.
  for (const [i, time] of at.entries()) assert.ok(time >= 250 * i - 1, at.join(" "));
  for (let i = 1; i < at.length; i++) assert.ok((at[i] ?? 0) - (at[i - 1] ?? 0) >= 125, at.join(" "));
});

test("pages: one at a time, a second apart, Crawl-delay wins over a limits file", async () => {
  const hosts = new Hosts(undefined, nowhere);
  const { at, most } = await starts((task) => hosts.page(URL_A, undefined, task), 2, 20);
  assert.equal(most, 1);
  assert.ok((at[1] ?? 0) >= 1_000, at.join(" "));
  const fast = new Hosts(limits("a.example\t0\t1000\t8\n"), nowhere);
  const quick = await starts((task) => fast.page(URL_A, undefined, task), 5, 5);
  assert.ok((quick.at[4] ?? 0) < 4_000, quick.at.join(" ")); // Not a second each.
  const asked = await starts((task) => fast.page(URL_A, 0.5, task), 2, 5);
  assert.ok((asked.at[1] ?? 0) >= 500, asked.at.join(" "));
});

test("hosts do not wait for each other", async () => {
  const hosts = new Hosts(undefined, nowhere);
  const { at } = await starts(
    (task) => hosts.page(new URL(`http://h${Math.random()}.example/`), undefined, task),
    20,
    10,
  );
  assert.ok(Math.max(...at) < 19_000); // Not one after the other.
});

test("a Retry-After pauses the host, also for those that wait already; 503 slows it down", async () => {
  const hosts = new Hosts(limits("a.example 0 100 4\n"), nowhere);
  await hosts.image(URL_A, async () => {});
  const waiting = starts((task) => hosts.image(URL_A, task), 2, 1);
  await hosts.record(
    URL_A,
    5,
    0,
    503,
    new FetchError("http_5xx", "", { kind: "host in trouble", status: 503, retryAfterMs: 600 }),
  );
  const { at } = await waiting;
  assert.ok((at[1] ?? 0) >= 550, at.join(" "));
});

test("twenty failures in a row open the circuit; a success in between closes it", async () => {
  const hosts = new Hosts(limits("a.example 0 100000 4\n"), nowhere);
  const failure = new FetchError("reset", "cut", { kind: "retry later" });
  for (let i = 0; i < 19; i++) await hosts.record(URL_A, 1, 0, undefined, failure);
  await hosts.record(URL_A, 1, 10, 200);
  for (let i = 0; i < 19; i++) await hosts.record(URL_A, 1, 0, undefined, failure);
  await hosts.image(URL_A, async () => {});
  // A missing picture is an answer, not a failure of the host.
  await hosts.record(URL_A, 1, 0, 404, new FetchError("http_404", "", { status: 404 }));
  for (let i = 0; i < 20; i++) await hosts.record(URL_A, 1, 0, undefined, failure);
  await assert.rejects(
    hosts.image(URL_A, async () => {}),
    { reason: "host_down" },
  );
  await assert.rejects(
    hosts.page(URL_A, undefined, async () => {}),
    { reason: "host_down" },
  );
});

test("limits by host, by host with port, by range of addresses; bad lines are named", async () => {
  const hosts = new Hosts(limits("# comment\n127.0.0.0/8 0 1000 16\nb.example:81 0 10 3\n"), async ({ hostname }) =>
    hostname === "a.example" ? "127.0.0.1" : "8.8.8.8",
  );
  assert.equal(await hosts.inFlight(new URL("http://a.example/")), 16);
  assert.equal(await hosts.inFlight(new URL("http://b.example:81/")), 3);
  assert.equal(await hosts.inFlight(new URL("http://b.example/")), 2);
  assert.throws(() => new Hosts(limits("a 1 2 3\nb 1 0 3\n"), nowhere), /:2: expected "HOST/);
  assert.throws(() => new Hosts(join(folder, "none"), nowhere), /--host-limits .*none: ENOENT/);
});

test("more dead hosts than memory has room for: their queues are forgotten, that they are dead is not", {
  timeout: 60_000,
}, async () => {
  const hosts = new Hosts(undefined, nowhere);
  const dead = (i: number) => new URL(`http://dead${i}.example/`);
  const failure = new FetchError("connect", "refused", { kind: "host in trouble" });
  const fail = (i: number) => hosts.record(dead(i), 1, 0, undefined, failure);
  const before = heapUsed();
  for (let i = 0; i < 5; i++) await fail(0);
  for (let i = 1; i < 60_000; i++) {
    await fail(i);
    if (i % 100 === 0) await nextTurn(); // The timeout above needs one.
  }
  const held = (heapUsed() - before) / 60_000;
  assert.ok(held < 2_000, `${held.toFixed(0)} bytes a host`);
  await assert.rejects(
    hosts.image(dead(0), async () => {}),
    { reason: "host_down" },
  );
});
