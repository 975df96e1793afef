import assert from "node:assert/strict";
import { test } from "node:test";
import { buildId, shareOf } from "../../../crawler/ranks/environment.ts";

test("the share of a job of an array, as Slurm, Kubernetes and AWS Batch tell it", () => {
  assert.deepEqual(shareOf({ SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_COUNT: "16" }, undefined), {
    index: 3,
    stride: 16,
  });
  // Only some of the jobs were submitted again: their count says nothing.
  assert.deepEqual(shareOf({ SLURM_ARRAY_TASK_ID: "9", SLURM_ARRAY_TASK_COUNT: "2" }, 16), { index: 9, stride: 16 });
  assert.deepEqual(shareOf({ JOB_COMPLETION_INDEX: "0" }, 4), { index: 0, stride: 4 });
  const batch = { AWS_BATCH_JOB_ARRAY_INDEX: "1", AWS_BATCH_JOB_ARRAY_SIZE: "2" };
  assert.deepEqual(shareOf(batch, undefined), { index: 1, stride: 2 });
  assert.equal(shareOf({}, 4), undefined);
});

test("what cannot be a share is said", () => {
  assert.throws(() => shareOf({ JOB_COMPLETION_INDEX: "0" }, undefined), /JOB_COMPLETION_INDEX.*--stride/);
  assert.throws(
    () => shareOf({ SLURM_ARRAY_TASK_ID: "16" }, 16),
    /SLURM_ARRAY_TASK_ID=16: with 16 jobs it must be less/,
  );
  assert.throws(() => shareOf({ SLURM_ARRAY_TASK_ID: "x" }, 16), /expected a whole number/);
});

test("a build has one id, however its place is written", () => {
  assert.equal(buildId("data"), buildId("./data/"));
  assert.equal(buildId("s3://b/p"), buildId("s3://b/p/"));
  assert.notEqual(buildId("data"), buildId("data2"));
});
