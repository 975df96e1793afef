import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { copyUnits, Interner } from "../../../filters/caption/interner.ts";

test("texts are numbered as a map would, whatever the texts and wherever they stand", () => {
  const text = fc.oneof(fc.string({ unit: fc.constantFrom("a", "b", "é", "\ud800"), maxLength: 4 }), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.nat(3)), { maxLength: 60 }), (asked) => {
      const numbers = new Map<string, number>();
      const interner = new Interner(64, 4096);
      const units = new Uint16Array(256);
      for (const [text, from] of asked) {
        const to = copyUnits("x".repeat(from) + text, units);
        const number = numbers.get(text) ?? numbers.size;
        numbers.set(text, number);
        assert.equal(interner.number(units, from, to), number);
        assert.equal(interner.size, numbers.size);
      }
      for (const [text, number] of numbers) assert.equal(interner.text(number), text);
    }),
  );
});

test("room is told beforehand, for texts and for letters; cleared it numbers anew", () => {
  const interner = new Interner(3, 10);
  const units = new Uint16Array(8);
  const number = (text: string) => interner.number(units, 0, copyUnits(text, units));
  assert.deepEqual([number("ab"), number("cdef")], [0, 1]);
  assert.ok(interner.hasRoom(1, 4));
  assert.ok(!interner.hasRoom(2, 4));
  assert.ok(!interner.hasRoom(1, 5));
  interner.clear();
  assert.ok(interner.hasRoom(3, 10));
  assert.deepEqual([number("cdef"), number("ab"), interner.text(1)], [0, 1, "ab"]);
});

test("as many units are copied as fit", () => {
  const units = new Uint16Array(3);
  assert.equal(copyUnits("abcd", units), 3);
  assert.deepEqual([...units], [97, 98, 99]);
});
