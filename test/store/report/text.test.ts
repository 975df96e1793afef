import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeHtml, html, raw } from "../../../store/report/html.ts";
import { bytes, count, displayWidth, duration, percent, plain, shorten } from "../../../store/report/text.ts";

// The same texts in every run.
fc.configureGlobal({ seed: 1 });

test("plain text is one line without escapes, control characters or turned directions", () => {
  assert.equal(plain(" a\u001b[31mb\u001b[0m\n\tc\u0000d \u202eevil\u2069 "), "ab c d evil");
  assert.equal(plain("\u009b31m\u009d0;x\u009cy").includes("\u009b"), false);
  assert.equal(plain("family 👩‍👧 fine"), "family 👩‍👧 fine");
});

test("shortened text never takes more columns than allowed and says when something is missing", () => {
  assert.equal(shorten("a dog", 5), "a dog");
  assert.equal(shorten("a dogs", 5), "a do…");
  assert.equal(shorten("犬犬犬", 5), "犬犬…");
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.integer({ min: 1, max: 40 }), (text, width) => {
      const short = shorten(text, width);
      assert.ok(displayWidth(short) <= width && short.length <= 4 * width + 2);
    }),
  );
  assert.ok(shorten("e\u0301".repeat(10) + "\u0301".repeat(1e6), 20).length <= 100);
});

test("the template escapes what is put into it and nothing else", () => {
  const hostile = `<script>"'&\u0000`;
  assert.equal(escapeHtml(hostile), "&lt;script&gt;&quot;&#39;&amp; ");
  assert.equal(
    html`<p title="${hostile}">${[hostile, 3, undefined, false, html`<b>${"<"}</b>`]}</p>`.toString(),
    '<p title="&lt;script&gt;&quot;&#39;&amp; ">&lt;script&gt;&quot;&#39;&amp; 3<b>&lt;</b></p>',
  );
  assert.equal(html`${raw("<i>")}`.toString(), "<i>");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/[<>"']/.test(escapeHtml(text))));
});

test("numbers are readable", () => {
  assert.deepEqual([0, 1234567].map(count), ["0", "1,234,567"]);
  assert.deepEqual([0, 999, 1000, 45_234_000, 999_999, 2e15].map(bytes), [
    "0 B",
    "999 B",
    "1.00 kB",
    "45.2 MB",
    "1.00 MB",
    "2.00 PB",
  ]);
  assert.deepEqual([0.42, 83, 250, 12_000].map(duration), ["0.4 s", "83 s", "4 min 10 s", "3 h 20 min"]);
  assert.deepEqual(
    [percent(0, 0), percent(0, 9), percent(1, 1e6), percent(1, 3), percent(999, 1000), percent(5, 5)],
    ["-", "0%", "<0.1%", "33%", "99.9%", "100%"],
  );
});
