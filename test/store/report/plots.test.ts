import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { load } from "cheerio";
import { barList, histogram, lossChart, rankChart, stackedBars } from "../../../store/report/plots.ts";

const HOSTILE = `</title><script>alert("1")</script>&<b>`;

test("names in a plot are text, never markup", () => {
  const bins = [{ label: HOSTILE, pairs: 3 }];
  const plots = [
    barList("bars", bins),
    histogram("columns", bins, "of what"),
    stackedBars(HOSTILE, [{ bar: HOSTILE, kind: HOSTILE, count: 2, colour: "var(--accent)" }], HOSTILE),
    lossChart([1, 2].map((step) => ({ run: HOSTILE, step, loss: 3 / step }))),
  ];
  for (const plot of plots) {
    const $ = load(String(plot));
    assert.equal($("script, b, style").length, 0);
    assert.match($.text(), /<script>|<\/title/);
  }
});

test("bars are as long as their counts", () => {
  const $ = load(
    String(
      barList("bars", [
        { label: "a", pairs: 300 },
        { label: "b", pairs: 100 },
      ]),
    ),
  );
  const lengths = $("svg.wide [aria-label=bar] rect")
    .map((_, bar) => Number($(bar).attr("width")))
    .get();
  assert.equal(lengths.length, 2);
  assert.ok(Math.abs((lengths[0] ?? 0) / (lengths[1] ?? 1) - 3) < 1e-6, String(lengths));
});

test("a curve of half a million values is thinned, from its first to its last", () => {
  const values = Array.from({ length: 500_000 }, (_, i) => Math.ceil(1e6 / (i + 1)));
  const plot = String(
    rankChart({ curves: [{ meaning: "pairs", values, colour: "var(--accent)" }], title: "pairs over rank" }),
  );
  assert.ok(plot.length < 60_000, `${plot.length} bytes`);
  const titles = load(plot)("svg.wide title");
  assert.equal(titles.first().text(), "query 1: 1,000,000 pairs");
  assert.equal(titles.last().text(), "query 500,000: 2 pairs");
});

test("one value and none can be plotted", () => {
  for (const values of [[], [1]])
    assert.doesNotMatch(String(rankChart({ curves: [{ meaning: "", values, colour: "red" }], title: "few" })), /NaN/);
  assert.equal(barList("none", []), undefined);
  assert.equal(histogram("none", [], ""), undefined);
});

test("commands start without the plotting library", () => {
  const refuse = `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (/^(@observablehq|linkedom|d3)/.test(name)) throw new Error("loads " + name);
      return next(name, context);
    } });`;
  const hook = `data:text/javascript,${encodeURIComponent(refuse)}`;
  const cli = (...words: string[]) => spawnSync(process.execPath, ["--import", hook, ...words], { encoding: "utf8" });
  assert.equal(cli("cli.ts", "--help").stderr, "");
  assert.match(cli("store/report/page.ts").stderr, /loads @observablehq/);
});
