import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { withoutEdges } from "../../../filters/caption/edges.ts";

test("what is neither letter nor digit goes at both ends, as the pattern says", () => {
  const unit = fc.constantFrom("a", "É", "1", "犬", "\u{20000}", "\u0301", " ", "-", "\u{1f436}", "\ud83d", "\udc36");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 8 }), (text) => {
      assert.equal(withoutEdges(text), text.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, ""));
    }),
  );
});
