"""TensorBoard and Weights & Biases as they are installed beside the benchmarks: what they were told can be read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from webimagetext_train.metrics import FIELDS, TensorBoard, WeightsAndBiases

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def _row(step: int) -> dict[str, float]:
    return {**dict.fromkeys(FIELDS, 0.5), "step": step, "loss": 1 / step}


def test_tensorboard_has_each_step_once_after_a_resume(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for resumed, last in ((0, 7), (5, 9)):
        sink = TensorBoard(tmp_path, resumed)
        for step in range(resumed + 1, last + 1):
            sink.write(**_row(step))
        sink.close()
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert set(read.Tags()["scalars"]) == {f"train/{name}" for name in FIELDS[1:]}
    assert [event.step for event in read.Scalars("train/loss")] == list(range(1, 10))
    assert read.Scalars("train/loss")[3].value == 0.25


def test_weights_and_biases_keeps_a_run_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    sink = WeightsAndBiases("project", tmp_path, {"batch_size": 8})
    for step in (1, 2, 3):
        sink.write(**_row(step))
    sink.close()
    (log,) = (tmp_path / "wandb").rglob("*.wandb")
    assert b"train/loss" in log.read_bytes()
