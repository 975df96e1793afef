import assert from "node:assert/strict";
import { test } from "node:test";
import { FetchError, Stopped } from "../../crawler/fetch-error.ts";
import { Address, Host } from "../../crawler/host.ts";
import { Hosts } from "../../crawler/hosts.ts";

// How hosts are spared: limits of an address, slowing down and recovering, the circuit, the end of a run, the clock.

const never = new AbortController().signal;
const FAST = { pageGap: 0, imagesPerSecond: 1_000_000, inFlight: 4 };
const busy = new FetchError("http_5xx", "", { kind: "host in trouble", status: 503 });

/** Runs tasks that end when told, and says how many ran at once and in all. */
function gauge() {
  const running: (() => void)[] = [];
  const seen = { most: 0, all: 0 };
  const task = () =>
    new Promise<void>((resolve) => {
      running.push(resolve);
      seen.all++;
      seen.most = Math.max(seen.most, running.length);
      setTimeout(() => running.splice(running.indexOf(resolve), 1)[0]?.(), 20);
    });
  return { seen, task };
}

test("hosts behind one address share eight requests in flight, and sixteen starts a second", async () => {
  const { seen, task } = gauge();
  const hosts = new Hosts(undefined, async () => "8.8.8.8");
  const began = performance.now();
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => hosts.page(new URL(`http://h${i}.example/`), undefined, task)),
  );
  assert.equal(seen.all, 20);
  assert.ok(seen.most <= 8, String(seen.most));
  assert.ok(performance.now() - began >= (19 * 1000) / 16 - 5);
});

test("a machine's /64 of IPv6 is one address", async () => {
  const { seen, task } = gauge();
  const hosts = new Hosts(undefined, async ({ hostname }) => `2606:4700:1:2:${hostname.slice(1, 2)}::1`);
  await Promise.all(Array.from({ length: 9 }, (_, i) => hosts.page(new URL(`http://h${i}.example/`), undefined, task)));
  assert.ok(seen.most < 9, String(seen.most));
});

test("slots of an address are given back, also by those that are stopped", async () => {
  const address = new Address(1, 1_000_000);
  const release = await address.take(never);
  const second = address.take(never);
  release();
  (await second)();
  const stop = new AbortController();
  const slow = new Address(1, 0.001);
  (await slow.take(never))();
  const waiting = slow.take(stop.signal);
  stop.abort();
  await assert.rejects(waiting, Stopped);
  assert.equal(slow.idle, false); // Its next start is far away, but nobody holds it.
  await assert.rejects(slow.take(stop.signal), Stopped);
});

test("503, 429 and timeouts halve what is in flight, ten good answers bring it back step by step", async () => {
  const host = new Host(FAST, false, undefined, never);
  const most = async () => {
    const { seen, task } = gauge();
    await Promise.all(Array.from({ length: 12 }, () => host.image(task)));
    return seen.most;
  };
  assert.equal(await most(), 4);
  host.note(busy);
  assert.equal(await most(), 2);
  host.note(new FetchError("timeout", "", { kind: "host in trouble" }));
  assert.equal(await most(), 1);
  for (let i = 0; i < 9; i++) host.note(undefined);
  assert.equal(await most(), 1);
  host.note(undefined);
  assert.equal(await most(), 2);
  for (let i = 0; i < 9; i++) host.note(undefined);
  host.note(busy); // Trouble begins the count anew.
  assert.equal(await most(), 1);
  for (let i = 0; i < 20; i++) host.note(undefined);
  assert.equal(await most(), 4);
});

test("the circuit: twenty errors, or five without any connection; what is only missing closes it again", async () => {
  const opensAfter = async (error: FetchError) => {
    const host = new Host(FAST, false, undefined, never);
    for (let errors = 1; errors <= 25; errors++) {
      host.note(error);
      const outcome = await host.image(async () => "ran").catch((thrown) => thrown.reason);
      if (outcome === "host_down") return errors;
    }
    return Number.POSITIVE_INFINITY;
  };
  assert.equal(await opensAfter(new FetchError("reset", "", { kind: "retry later" })), 20);
  assert.equal(await opensAfter(new FetchError("connect", "", { kind: "host in trouble" })), 5);
  assert.equal(await opensAfter(new FetchError("dns", "", { kind: "gone" })), 5);
  assert.equal(await opensAfter(new FetchError("http_404", "")), Number.POSITIVE_INFINITY);
  assert.equal(await opensAfter(new FetchError("tls", "", { kind: "refused by policy" })), Number.POSITIVE_INFINITY);
});

test("a Retry-After of an hour is waited for, one of ten years ends the host's part of the run", async () => {
  const years = new Host(FAST, false, undefined, never);
  years.note(new FetchError("http_5xx", "", { kind: "host in trouble", status: 503, retryAfterMs: 315_360_000_000 }));
  await assert.rejects(
    years.image(async () => {}),
    { reason: "host_down" },
  );
  await assert.rejects(
    years.page(undefined, async () => {}),
    { reason: "host_down" },
  );
  const stop = new AbortController();
  const hour = new Host(FAST, false, undefined, stop.signal);
  hour.note(new FetchError("http_429", "", { kind: "host in trouble", status: 429, retryAfterMs: 3_600_000 }));
  const waiting = hour.image(async () => {});
  setTimeout(() => stop.abort(), 50);
  await assert.rejects(waiting, Stopped);
});

test("the end of a run ends all waiting, however long", async () => {
  const stop = new AbortController();
  const hosts = new Hosts(undefined, async () => undefined, stop.signal);
  const url = new URL("http://a.example/");
  await hosts.page(url, 60, async () => {});
  await hosts.record(
    url,
    1,
    0,
    503,
    new FetchError("http_5xx", "", { kind: "host in trouble", retryAfterMs: 3_600_000 }),
  );
  const waiting = [
    hosts.page(url, 60, async () => "ran"),
    hosts.page(url, 60, async () => "ran"),
    hosts.image(url, async () => "ran"),
  ];
  stop.abort();
  for (const one of await Promise.allSettled(waiting)) {
    assert.equal(one.status, "rejected");
    assert.ok(one.reason instanceof Stopped);
  }
});

test("44. a clock that is put back an hour neither stalls a host nor lets it be hurried", async () => {
  const hosts = new Hosts(undefined, async () => undefined);
  const url = new URL("http://a.example/");
  const wallClock = Date.now;
  const began = performance.now();
  const at: number[] = [];
  try {
    for (let i = 0; i < 3; i++) {
      await hosts.image(url, async () => void at.push(performance.now() - began));
      const jump = i % 2 === 0 ? -3_600_000 : 3_600_000;
      Date.now = () => wallClock() + jump;
    }
  } finally {
    Date.now = wallClock;
  }
  for (const [i, time] of at.entries()) assert.ok(time >= 250 * i - 1, at.join(" "));
});
