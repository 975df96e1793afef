import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { allocate, grow, release, trim } from "../../crawler/buffers.ts";
import { BodyMemory } from "../../crawler/memory.ts";
import { generator } from "../random.ts";

const MIB = 1024 * 1024;

test("pictures of all sizes, in steps or at once: all come to their end, within the limit and the largest of them", async () => {
  const [begun, beyond, largest] = [40, 8 * MIB, 5 * MIB];
  const roll = generator(7);
  const memory = new BodyMemory(begun, beyond);
  let [most, done, left] = [0, 0, 0];
  const one = async () => {
    const held = await memory.hold();
    const end = roll() < 0.5 ? largest : roll() * 400_000;
    const leaves = roll() < 0.1;
    for (let size = roll() < 0.3 ? end : 100_000; ; size = Math.min(2 * size, end)) {
      // Whoever leaves does so while it waits.
      const wait = held.room(size);
      if (leaves && wait) {
        left++;
        return held.release();
      }
      await wait;
      most = Math.max(most, memory.bytes);
      await turn();
      if (size === end) break;
    }
    held.settle(end);
    await turn();
    held.release();
    done++;
  };
  await Promise.all(Array.from({ length: 500 }, one));
  assert.equal(done + left, 500);
  assert.ok(left > 5 && done > 300, `${left} left`);
  assert.equal(memory.bytes, 0);
  const usual = memory.hold().then((held) => {
    const bytes = memory.bytes;
    held.release();
    return bytes;
  });
  const bound = begun * (await usual) + beyond + largest;
  assert.ok(most <= bound && most > 8 * MIB, `${most} of ${bound}`);
});

test("one more than may begin waits for another's end, and small ones do not wait for large ones", async () => {
  const memory = new BodyMemory(3, MIB);
  const [first, second, third] = await Promise.all([memory.hold(), memory.hold(), memory.hold()]);
  assert.equal(first.room(20 * MIB), undefined, "one alone gets all it needs");
  const waits = second.room(20 * MIB);
  assert.ok(waits instanceof Promise);
  let fourth = false;
  const begins = memory.hold().then((held) => {
    fourth = true;
    return held;
  });
  await turn();
  assert.ok(!fourth);
  third.release();
  await begins;
  first.release();
  await waits;
});

test("memory keeps what is in it while it grows and is trimmed, and is used again when it is released", () => {
  const bytes = Buffer.from(Array.from({ length: 3 * MIB }, (_, i) => i % 251));
  let buffer = allocate(100_000);
  let filled = 0;
  for (const size of [100_000, 100_001, 300_000, 960 * 1024, 2 * MIB, bytes.length]) {
    if (size > buffer.length) buffer = grow(buffer, size, bytes.length);
    assert.ok(buffer.length >= size);
    bytes.copy(buffer, filled, filled, size);
    filled = size;
  }
  const trimmed = trim(buffer, 2_500_001);
  assert.ok(trimmed.equals(bytes.subarray(0, 2_500_001)));
  release(trimmed);
  assert.equal(trimmed.length, 0, "a large one is gone at once");

  const small = allocate(100_000);
  release(trim(small, 1));
  const again = allocate(100_000);
  assert.equal(again.buffer, small.buffer);
  assert.equal(again.fill(1).length, 144 * 1024);
  release(again);
});
