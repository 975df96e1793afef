import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { merge } from "../../../crawler/sources/merge.ts";

async function* count(name: string, to: number, ms = 0): AsyncGenerator<string> {
  for (let i = 1; i <= to; i++) {
    if (ms > 0) await sleep(ms);
    yield `${name}${i}`;
  }
}

/** Gives them in turn, also such that are added meanwhile. */
function oneOf<T>(sources: AsyncIterator<T>[]): () => AsyncIterator<T> | undefined {
  return () => sources.shift();
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

test("everything of every source, each in its own order, none waiting for a slow one", async () => {
  const merged = await all(merge(oneOf([count("slow", 3, 30), count("a", 50), count("b", 50)]), 3));
  assert.equal(merged.length, 103);
  for (const name of ["slow", "a", "b"]) {
    const own = merged.filter((item) => item.startsWith(name));
    assert.deepEqual(
      own,
      own.toSorted((x, y) => Number(x.slice(name.length)) - Number(y.slice(name.length))),
    );
  }
  assert.equal(merged.at(-1), "slow3");
});

test("no more than the width at once; a source that gives up its turn goes on after those that wait", async () => {
  let running = 0;
  let most = 0;
  const queue: AsyncGenerator<string>[] = [];
  async function* turn(name: string, left: number): AsyncGenerator<string> {
    most = Math.max(most, ++running);
    yield `${name}${left}`;
    running--;
    if (left > 1) queue.push(turn(name, left - 1));
  }
  for (const name of ["a", "b", "c"]) queue.push(turn(name, 2));
  assert.deepEqual(await all(merge(oneOf(queue), 1)), ["a2", "b2", "c2", "a1", "b1", "c1"]);
  assert.equal(most, 1);
});

test("an item is dealt with before its source goes on; a failure ends all", async () => {
  let dealt = 0;
  async function* careful(): AsyncGenerator<number> {
    for (let i = 0; i < 5; i++) {
      assert.equal(dealt, i);
      yield i;
    }
    throw new Error("broken source");
  }
  await assert.rejects(async () => {
    for await (const _ of merge(oneOf([careful()]), 4)) dealt++;
  }, /broken source/);
  assert.equal(dealt, 5);
});

test("thousands of sources cost no more than their items", async () => {
  const sources = Array.from({ length: 3_000 }, (_, i) => count(`${i}:`, 3));
  assert.equal((await all(merge(oneOf(sources), 3_000))).length, 9_000);
});
