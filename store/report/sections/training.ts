import type { Stats } from "../../stats.ts";
import { type Html, html } from "../html.ts";
import { dataTable, found, section } from "../parts.ts";
import { count } from "../text.ts";

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 50;
const BOTTOM = 30;

/** How the loss of the trainings on this data set went; nothing when there was none. */
export function training({ training: rows }: Stats): Html | undefined {
  if (rows.length === 0) return undefined;
  return section(
    "training",
    "Trainings on it",
    "The contrastive loss after each step; a control with shuffled captions stays where it began.",
    chart(rows),
    dataTable(
      [
        { name: "Checkpoints" },
        { name: "Steps", number: true },
        { name: "Epochs", number: true },
        { name: "Loss", number: true },
        { name: "Pairs a second", number: true },
        { name: "Last step" },
      ],
      rows.map((row) => [
        found(row.run, 60),
        count(row.step),
        row.epoch.toFixed(1),
        row.loss.toFixed(3),
        count(row.samples_per_second),
        row.time.slice(0, 16).replace("T", " "),
      ]),
    ),
  );
}

function chart(rows: Stats["training"]): Html {
  const points = rows.flatMap((row) => row.curve);
  const steps = Math.max(1, ...points.map((point) => point.step));
  const highest = Math.max(Number.EPSILON, ...points.map((point) => point.loss));
  const x = (step: number) => (LEFT + ((WIDTH - LEFT) * step) / steps).toFixed(1);
  const y = (loss: number) => ((HEIGHT - BOTTOM) * (1 - loss / highest) + 5).toFixed(1);
  const line = (row: Stats["training"][number]) =>
    html`<polyline class="curve kept" points="${row.curve.map((point) => `${x(point.step)},${y(point.loss)}`).join(" ")}"><title>${found(row.run, 60)}</title></polyline>`;
  const tick = (loss: number) =>
    html`<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${y(loss)}" y2="${y(loss)}"/><text class="tick" x="${LEFT - 8}" y="${y(loss)}" text-anchor="end">${loss.toFixed(1)}</text>`;
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="loss over steps">
${[0, highest / 2, highest].map(tick)}
${rows.map(line)}
<text class="axis" x="${WIDTH}" y="${HEIGHT - 5}" text-anchor="end">step ${count(steps)}</text>
</svg>`;
}
