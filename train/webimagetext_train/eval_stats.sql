-- The evaluation's part of a workspace's wit.sqlite, made when one first writes to it.
CREATE TABLE IF NOT EXISTS evaluation (
  checkpoint  TEXT NOT NULL,
  step        INTEGER NOT NULL,
  model       TEXT NOT NULL,
  task        TEXT NOT NULL,
  metric      TEXT NOT NULL,     -- top1, top5, few_shot_4, image_to_text_R@5, ...
  value       REAL NOT NULL,
  low         REAL,              -- 95 % interval, where there is one
  high        REAL,
  chance      REAL,              -- what guessing gives
  samples     INTEGER NOT NULL,
  time        TEXT NOT NULL,     -- ISO 8601
  PRIMARY KEY (checkpoint, step, task, metric)
) WITHOUT ROWID;

-- Public, like the views of schema.sql: names and columns are stable.
CREATE VIEW IF NOT EXISTS eval_stats (checkpoint, step, model, task, metric, value, low, high, chance, samples, time) AS
SELECT checkpoint, step, model, task, metric, value, low, high, chance, samples, time FROM evaluation ORDER BY task, checkpoint, step, metric;
