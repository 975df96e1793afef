import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { Repeats, textKey } from "../../filters/repeats.ts";
import { temporaryFolder } from "../folder.ts";
import { generator } from "../random.ts";

const folder = temporaryFolder("repeats");

/** The slow twin: a Map of all keys. */
function slow(keys: readonly string[], moreThan: number, spareFirst: boolean): number[] {
  const times = new Map<string, number>();
  for (const key of keys) times.set(key, (times.get(key) ?? 0) + 1);
  const met = new Set<string>();
  return [...keys.keys()].filter((row) => {
    const key = keys[row] ?? "";
    const first = !met.has(key);
    met.add(key);
    return (times.get(key) ?? 0) > moreThan && !(spareFirst && first);
  });
}

function fast(keys: readonly [number, number][], bits: number, moreThan: number, spareFirst: boolean): number[] {
  const repeats = new Repeats(join(folder, "keys.tmp"), bits);
  for (const [high, low] of keys) repeats.add(high, low);
  const marks = repeats.mark(moreThan, spareFirst);
  const found = [...keys.keys()].filter((row) => marks.has(row));
  assert.equal(marks.count, found.length);
  repeats.close();
  return found;
}

test("repeated keys are found as by a Map, in any number of partitions (property)", () => {
  const part = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(part, part), { maxLength: 200 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      (keys, bits, moreThan, spareFirst) => {
        const expected = slow(keys.map(String), moreThan, spareFirst);
        assert.deepEqual(fast(keys, bits, moreThan, spareFirst), expected);
      },
    ),
    { numRuns: 150, seed: 2 },
  );
});

test("half a million rows, most of them through the file, which is removed", () => {
  const random = generator(1);
  const key = new Int32Array(2);
  const keys = Array.from({ length: 500_000 }, (): [number, number] => {
    textKey(`https://a.example/${Math.floor(random() * 400_000)}.jpg`, key);
    return [key[0] ?? 0, key[1] ?? 0];
  });
  assert.deepEqual(fast(keys, 4, 1, true), slow(keys.map(String), 1, true));
  assert.deepEqual(fast(keys, 4, 3, false), slow(keys.map(String), 3, false));
  assert.ok(!existsSync(join(folder, "keys.tmp")));
});
