import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Bin } from "./distributions.ts";
import { type Html, html, raw } from "./html.ts";
import { count, percent, shorten } from "./text.ts";

/** A part of a bar; its colour is a variable of the style sheet. */
export interface Segment {
  bar: string;
  kind: string;
  count: number;
  colour: string;
}

/** Values in descending order, drawn over their rank. */
export interface RankCurve {
  /** What one value counts: stands in the tooltip. */
  meaning: string;
  values: readonly number[];
  colour: string;
  /** Colour of the area below, if that is to be filled. */
  soft?: string;
}

/** CSS pixels: a drawing the width of the page, one of two beside each other, and what a phone shows of either. */
const WIDE = 1000;
const HALF = 500;
const NARROW = 350;
/** Enough for a smooth line, few enough for a small page. */
const POINTS = 120;

/** 10K, 2.5M */
const short = new Intl.NumberFormat("en", { notation: "compact" }).format;

const { document } = parseHTML("<!doctype html><html></html>");

/**
 * Has Observable Plot draw static SVG, once for a wide window and once for a narrow one: letters keep their size, and the
 * style sheet shows one of the two. Text goes through the DOM, so nothing found on the web can be markup.
 */
function draw(title: string, width: number, options: (width: number) => Plot.PlotOptions): Html {
  const drawn = [width, NARROW].map((width, i) => {
    const svg = Plot.plot({ document, width, marginBottom: 44, style: { fontSize: "12px" }, ...options(width) });
    svg.setAttribute("class", `plot ${i === 0 ? "wide" : "narrow"}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", title);
    // Its few rules are in plots.css.
    svg.querySelector("style")?.remove();
    return raw(svg.outerHTML);
  });
  return html`${drawn}`;
}

/** Curves of values over their rank, both axes logarithmic, with a dashed line across when `limit` is given. */
export function rankChart(options: {
  curves: readonly RankCurve[];
  limit?: { value: number; label: string };
  title: string;
}): Html {
  const { curves, limit, title } = options;
  const largest = Math.max(10, limit?.value ?? 0, ...curves.map(({ values }) => values[0] ?? 0));
  const ranks = Math.max(10, ...curves.map(({ values }) => values.length));
  const axis = { type: "log", grid: true, tickFormat: short } as const;
  return draw(title, WIDE, (width) => ({
    height: width === WIDE ? 440 : 280,
    marginLeft: 48,
    x: { ...axis, domain: [1, ranks], ticks: powersOfTen(ranks), label: "queries, largest first (logarithmic)" },
    y: { ...axis, domain: [1, 1.7 * largest], ticks: powersOfTen(largest), label: "pairs (logarithmic)" },
    marks: [
      ...curves.flatMap(({ meaning, values, colour, soft }) => {
        const points = thinned(values);
        const at = { x: "rank", y: "value" };
        return [
          ...(soft ? [Plot.areaY(points, { x: "rank", y1: 1, y2: "value", fill: soft })] : []),
          Plot.lineY(points, { ...at, stroke: colour, strokeWidth: 2.5 }),
          // Unseen: something for the pointer to rest on.
          Plot.dot(points, { ...at, r: 7, fill: "transparent", title: tip(meaning) }),
        ];
      }),
      ...(limit
        ? [
            Plot.ruleY([limit.value], { stroke: "var(--limit)", strokeDasharray: "6 5" }),
            Plot.text([limit.label], {
              x: ranks,
              y: limit.value,
              dy: -8,
              textAnchor: "end",
              fill: "var(--limit)",
              fontWeight: 600,
            }),
          ]
        : []),
    ],
  }));
}

function tip(meaning: string): (point: { rank: number; value: number }) => string {
  return ({ rank, value }) => `query ${count(rank)}: ${count(value)} ${meaning}`;
}

function powersOfTen(end: number): number[] {
  return Array.from({ length: Math.floor(Math.log10(end) + 1e-9) + 1 }, (_, i) => 10 ** i);
}

/** Some of the values, at ranks that lie evenly on a logarithmic axis. */
function thinned(values: readonly number[]): { rank: number; value: number }[] {
  const ranks = Array.from({ length: POINTS }, (_, i) => Math.round(values.length ** (i / (POINTS - 1))));
  return [...new Set(ranks)].flatMap((rank) => values.slice(rank - 1, rank).map((value) => ({ rank, value })));
}

/** Lying bars of one or more segments each, in the order given. */
export function stackedBars(title: string, segments: readonly Segment[], label: string): Html {
  const bars = [...new Set(segments.map(({ bar }) => bar))];
  return draw(title, WIDE, (width) => ({
    height: 30 * bars.length + 56,
    marginTop: 8,
    marginLeft: 12 + 8 * Math.max(...bars.map((bar) => bar.length)),
    marginRight: 24,
    x: { label, grid: true, tickFormat: short, ticks: width / 90 },
    y: { domain: bars, label: null, tickSize: 0 },
    marks: [
      Plot.barX(segments, {
        x: "count",
        y: "bar",
        fill: "colour",
        insetTop: 2,
        title: ({ bar, kind, count: pairs }: Segment) => `${bar}, ${kind}: ${count(pairs)}`,
      }),
    ],
  }));
}

/** Upright bars, one a bin, with their shares above them. */
export function histogram(title: string, bins: readonly Bin[], label: string): Html | undefined {
  if (bins.length === 0) return undefined;
  const total = bins.reduce((sum, bin) => sum + bin.pairs, 0);
  const at = { x: "label", y: "pairs" };
  return html`<figure class="chart"><figcaption>${title}</figcaption>${draw(title, HALF, () => ({
    height: 240,
    marginLeft: 44,
    // Few bins are no wider than many.
    x: { domain: bins.map((bin) => bin.label), padding: Math.max(0.1, 1 - bins.length / 8), label, tickSize: 0 },
    y: { label: "pairs", tickFormat: short, ticks: 4, grid: true },
    marks: [
      Plot.barY(bins, {
        ...at,
        fill: "var(--accent)",
        title: ({ label, pairs }: Bin) => `${label}: ${count(pairs)} pairs`,
      }),
      Plot.text(bins, { ...at, text: ({ pairs }: Bin) => percent(pairs, total), dy: -7, fontSize: 10 }),
    ],
  }))}</figure>`;
}

/** Lying bars, one a label: for names that need room. */
export function barList(title: string, bins: readonly Bin[]): Html | undefined {
  if (bins.length === 0) return undefined;
  const named = bins.map(({ label, pairs }) => ({ label: shorten(label, 24), pairs }));
  const at = { x: "pairs", y: "label" };
  return html`<figure class="chart"><figcaption>${title}</figcaption>${draw(title, HALF, (width) => ({
    height: 24 * bins.length + 56,
    marginTop: 8,
    marginLeft: 14 + 7 * Math.max(...named.map(({ label }) => label.length)),
    marginRight: 60,
    x: { label: "pairs", tickFormat: short, ticks: width / 120, grid: true },
    y: { domain: named.map(({ label }) => label), label: null, tickSize: 0 },
    marks: [
      Plot.barX(named, { ...at, fill: "var(--accent)", insetTop: 2 }),
      Plot.text(named, { ...at, text: ({ pairs }: Bin) => count(pairs), textAnchor: "start", dx: 6 }),
    ],
  }))}</figure>`;
}

/** The loss of each training over its steps. */
export function lossChart(points: readonly { run: string; step: number; loss: number }[]): Html {
  const at = { x: "step", y: "loss", z: "run" };
  return draw("loss over steps", WIDE, (width) => ({
    height: 260,
    x: { label: "step", tickFormat: short, ticks: width / 100 },
    y: { label: "loss", grid: true, zero: true },
    marks: [
      Plot.lineY(points, { ...at, stroke: "var(--accent)", strokeWidth: 2, title: "run" }),
      Plot.dot(points, {
        ...at,
        r: 5,
        fill: "transparent",
        title: ({ run, step, loss }) => `${run}, step ${count(step)}: ${loss.toFixed(3)}`,
      }),
    ],
  }));
}
