import type { Stats } from "../../stats.ts";
import type { Html } from "../html.ts";
import { dataTable, found, section } from "../parts.ts";
import { lossChart } from "../plots.ts";
import { count, shorten } from "../text.ts";

/** How the loss of the trainings on this data set went; nothing when there was none. */
export function training({ training: rows }: Stats): Html | undefined {
  if (rows.length === 0) return undefined;
  return section(
    "training",
    "Trainings on it",
    "The contrastive loss after each step; a control with shuffled captions stays where it began.",
    lossChart(rows.flatMap(({ run, curve }) => curve.map((point) => ({ run: shorten(run, 60), ...point })))),
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
