import type { Database } from "./database.ts";

/** One training as the view `train_stats` has it. */
export interface TrainingRow {
  /** Folder of its checkpoints. */
  run: string;
  /** The last step logged, and what it said. */
  step: number;
  /** Passes over the data so far. */
  epoch: number;
  loss: number;
  samples_per_second: number;
  /** ISO 8601 */
  time: string;
  /** Evenly thinned out, the last step among them. */
  curve: { step: number; loss: number }[];
}

/** Points of a curve: enough for a smooth line. */
const POINTS = 240;

/** The trainings that logged to this workspace, by folder; none before the first one made the view. */
export function readTraining(db: Database): TrainingRow[] {
  if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'train_stats'").get() === undefined) return [];
  const curve = db.prepare<[string, number], { step: number; loss: number }>(
    `SELECT step, loss FROM (SELECT step, loss, row_number() OVER (ORDER BY step DESC) - 1 AS place FROM train_stats WHERE run = ?)
     WHERE place % ? = 0 ORDER BY step`,
  );
  return db
    .prepare<[], Omit<TrainingRow, "curve"> & { steps: number }>(
      `SELECT s.run, step, epoch, loss, samples_per_second, time, steps
       FROM (SELECT run, max(step) AS last, count(*) AS steps FROM train_stats GROUP BY run) l
       JOIN train_stats s ON s.run = l.run AND s.step = l.last ORDER BY s.run`,
    )
    .all()
    .map(({ steps, ...row }) => ({ ...row, curve: curve.all(row.run, Math.max(1, Math.ceil(steps / POINTS))) }));
}
