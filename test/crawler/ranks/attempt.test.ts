import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Stopped } from "../../../crawler/fetch-error.ts";
import { attempt, type Task } from "../../../crawler/ranks/attempt.ts";
import { readMarker } from "../../../crawler/ranks/names.ts";
import { type Objects, openObjects } from "../../../store/objects.ts";
import { temporaryFolder } from "../../folder.ts";

const folder = temporaryFolder("attempt");
let stores = 0;

async function newStore(): Promise<Objects> {
  return openObjects(join(folder, `store-${++stores}`));
}

async function namesOf(store: Objects, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list(prefix)) names.push(name);
  return names;
}

/** A rank of a stage that publishes one object, and does `more` before. */
function task(store: Objects, more: Task["run"] | undefined = undefined): Task {
  return {
    store,
    scratch: folder,
    stage: "gather",
    rank: 7,
    world: 16,
    stop: new AbortController().signal,
    quiet: true,
    run: async (stage, context) => {
      await more?.(stage, context);
      const name = `cluster/${stage}/out/00007.${context.attempt}/pairs.bin`;
      await context.store.put(name, Buffer.from("pairs"));
      return { items: 5, bytes: 5, outputs: [name] };
    },
  };
}

test("a rank that is done has a marker that names its outputs, and is not done again", async () => {
  const store = await newStore();
  const done = await attempt(task(store));
  assert.deepEqual(await readMarker(store, "gather", 7), done);
  assert.deepEqual([done.rank, done.items, done.bytes], [7, 5, 5]);
  assert.ok(done.seconds >= 0 && done.cpuSeconds >= 0 && Date.parse(done.started) <= Date.now());
  // Nothing else is left: no heartbeat, no failure.
  assert.deepEqual(await namesOf(store), ["cluster/gather/done/00007.json", ...done.outputs]);
  const again = await attempt(task(store, () => Promise.reject(new Error("must not run"))));
  assert.deepEqual(again, done);
});

test("while it runs it beats, with how far it is and what it wrote last", async () => {
  const store = await newStore();
  const started = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const running = attempt({
    ...task(store, async (_, { progress }) => {
      progress(3, 10);
      process.stderr.write("reading part 3\n");
      started.resolve();
      await go.promise;
      return { items: 0, bytes: 0, outputs: [] };
    }),
    beatMs: 20,
  });
  await started.promise;
  const beat = async () => JSON.parse(String((await store.getIfPresent("cluster/gather/beat/00007.json")) ?? "{}"));
  while ((await beat()).items !== 3) await sleep(10);
  const { total, rank, attempt: name } = await beat();
  assert.deepEqual([total, rank], [10, 7]);
  const log = `cluster/gather/log/00007.${name}.log`;
  while (!/reading part 3\n[\s\S]*3 of 10/.test(String((await store.getIfPresent(log)) ?? ""))) await sleep(10);
  go.resolve();
  await running;
  assert.deepEqual(await namesOf(store, "cluster/gather/beat/"), []);
});

test("one that fails says so, with its log, and leaves no marker; the next try takes that back", async () => {
  const store = await newStore();
  const failing = task(store, async () => {
    process.stderr.write("about to fail\n");
    throw new Error("the disk is on fire");
  });
  await assert.rejects(attempt(failing), /the disk is on fire/);
  assert.equal(await readMarker(store, "gather", 7), undefined);
  const failure = JSON.parse(String(await store.get("cluster/gather/failed/00007.json")));
  assert.equal(failure.message, "the disk is on fire");
  const log = String(await store.get(`cluster/gather/log/00007.${failure.attempt}.log`));
  assert.match(log, /about to fail\n[\s\S]*Error: the disk is on fire/);
  const done = await attempt(task(store));
  assert.notEqual(done.attempt, failure.attempt);
  assert.deepEqual(await namesOf(store, "cluster/gather/failed/"), []);
});

test("one that is stopped leaves neither a marker nor a failure", async () => {
  const store = await newStore();
  await assert.rejects(attempt(task(store, () => Promise.reject(new Stopped()))), (error) => error instanceof Stopped);
  assert.deepEqual(await namesOf(store), []);
});

test("of many tries at once one counts, and only its outputs stay", async () => {
  const store = await newStore();
  const tries = await Promise.all(Array.from({ length: 6 }, () => attempt(task(store))));
  const marker = await readMarker(store, "gather", 7);
  for (const done of tries) assert.deepEqual(done, marker);
  assert.deepEqual(await namesOf(store, "cluster/gather/out/"), marker?.outputs);
});

test("a store that takes no heartbeat for a moment is no reason to give up", async () => {
  const store = await newStore();
  const put = store.put.bind(store);
  let refused = 0;
  store.put = async (name, content) => {
    if (name.includes("/beat/") && refused++ >= 0) throw new Error("SlowDown");
    return put(name, content);
  };
  assert.equal((await attempt({ ...task(store, async () => sleep(60) as Promise<never>), beatMs: 10 })).items, 5);
  assert.ok(refused > 1);
});
