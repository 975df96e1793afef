-- The trainer's part of a workspace's wit.sqlite; beside store/schema.sql, made when a training first writes to it.
CREATE TABLE IF NOT EXISTS train_step (
  run                TEXT NOT NULL,     -- the folder of its checkpoints
  step               INTEGER NOT NULL,
  epoch              REAL NOT NULL,     -- passes over the data so far
  loss               REAL NOT NULL,
  lr                 REAL NOT NULL,
  logit_scale        REAL NOT NULL,
  gradient_norm      REAL NOT NULL,
  samples_per_second REAL NOT NULL,
  data_wait          REAL NOT NULL,     -- share of the time that the model waited for pictures
  memory_mb          REAL NOT NULL,
  time               TEXT NOT NULL,     -- ISO 8601
  PRIMARY KEY (run, step)
) WITHOUT ROWID;

-- Public, like the views of schema.sql: names and columns are stable.
CREATE VIEW IF NOT EXISTS train_stats (run, step, epoch, loss, lr, logit_scale, gradient_norm, samples_per_second, data_wait, memory_mb, time) AS
SELECT run, step, epoch, loss, lr, logit_scale, gradient_norm, samples_per_second, data_wait, memory_mb, time FROM train_step ORDER BY run, step;
