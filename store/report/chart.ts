import { type Html, html } from "./html.ts";
import { count } from "./text.ts";

/** Values in descending order, drawn over their rank. */
export interface RankCurve {
  /** Class of the style sheet: says the colour. */
  style: string;
  values: readonly number[];
  filled?: boolean;
}

const WIDTH = 720;
const HEIGHT = 400;
const LEFT = 78;
const RIGHT = 20;
const TOP = 18;
const BOTTOM = 62;
/** Enough for a smooth line, few enough for a small page. */
const POINTS = 240;

/** Curves of values over their rank, both axes logarithmic, with a dashed line across when `limit` is given. */
export function rankChart(options: {
  curves: readonly RankCurve[];
  limit?: { value: number; label: string };
  xLabel: string;
  yLabel: string;
  title: string;
}): Html {
  const { curves, limit } = options;
  const xEnd = Math.max(10, ...curves.map((curve) => curve.values.length));
  const yEnd = 1.7 * Math.max(10, limit?.value ?? 0, ...curves.map((curve) => curve.values[0] ?? 0));
  const x = (rank: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log10(rank)) / Math.log10(xEnd);
  const y = (value: number): number =>
    HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * Math.log10(value)) / Math.log10(yEnd);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${options.title}">
${powersOfTen(yEnd).map((value) => yTick(value, y(value)))}
${powersOfTen(xEnd).map((value) => xTick(value, x(value)))}
${limit && limitLine(limit.label, y(limit.value))}
${curves.map((curve) => drawn(curve, x, y))}
<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${options.xLabel}</text>
<text class="axis" transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${options.yLabel}</text>
</svg>`;
}

function powersOfTen(end: number): number[] {
  return Array.from({ length: Math.floor(Math.log10(end) + 1e-9) + 1 }, (_, i) => 10 ** i);
}

function yTick(value: number, y: number): Html {
  return html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y)}" y2="${round(y)}"/><text class="tick" x="${LEFT - 10}" y="${round(y + 5)}" text-anchor="end">${short(value)}</text>`;
}

function xTick(value: number, x: number): Html {
  return html`<line class="grid" x1="${round(x)}" x2="${round(x)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text class="tick" x="${round(x)}" y="${HEIGHT - BOTTOM + 22}" text-anchor="middle">${short(value)}</text>`;
}

function limitLine(label: string, y: number): Html {
  return html`<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y)}" y2="${round(y)}"/><text class="limit-label" x="${WIDTH - RIGHT - 4}" y="${round(y - 7)}" text-anchor="end">${label}</text>`;
}

function drawn(curve: RankCurve, x: (rank: number) => number, y: (value: number) => number): Html | undefined {
  const total = curve.values.length;
  if (total === 0) return undefined;
  const ranks = new Set(
    Array.from({ length: POINTS }, (_, i) => Math.min(total, Math.round(total ** (i / (POINTS - 1))))),
  );
  const points = [...ranks].map((rank) => `${round(x(rank))},${round(y(curve.values[rank - 1] ?? 1))}`);
  const floor = round(y(1));
  const area = `${round(x(1))},${floor} ${points.join(" ")} ${round(x(total))},${floor}`;
  return html`${curve.filled && html`<polygon class="area ${curve.style}" points="${area}"/>`}<polyline class="curve ${curve.style}" points="${points.join(" ")}"/>`;
}

function short(value: number): string {
  if (value >= 1e6) return `${count(value / 1e6)}M`;
  return value >= 1e4 ? `${count(value / 1e3)}k` : count(value);
}

function round(value: number): string {
  return value.toFixed(1);
}
