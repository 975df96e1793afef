"""metrics.csv has each step once, however often a run was cut off; events and sentences go where they belong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from webimagetext_train.progress import FIELDS, Metrics, Progress, duration


def _row(step: int) -> dict[str, float]:
    return {"step": step, "loss": 0.1 + 0.2, "lr": 1e-3, "logit_scale": 14.2857, "samples_per_second": 9.5}


def _write(path: Path, resumed: int, last: int) -> None:
    metrics = Metrics(path, resumed)
    for step in range(resumed + 1, last + 1):
        metrics.write(**_row(step))
    metrics.close()


def test_rows_after_the_checkpoint_are_taken_back(tmp_path: Path) -> None:
    whole, resumed = tmp_path / "whole.csv", tmp_path / "resumed.csv"
    _write(whole, 0, 9)
    _write(resumed, 0, 7)
    with open(resumed, "a") as file:
        file.write("8,0.30")  # cut by a kill
    _write(resumed, 5, 9)
    assert resumed.read_bytes() == whole.read_bytes()
    assert whole.read_text().splitlines()[0] == ",".join(FIELDS)
    assert "0.30000000000000004" in whole.read_text()  # every bit of the loss


def test_a_run_that_begins_anew_begins_a_new_table(tmp_path: Path) -> None:
    _write(tmp_path / "m.csv", 0, 9)
    _write(tmp_path / "m.csv", 0, 2)
    assert len((tmp_path / "m.csv").read_text().splitlines()) == 3


def test_a_lost_table_is_begun_where_the_run_goes_on(tmp_path: Path) -> None:
    _write(tmp_path / "m.csv", 5, 6)
    assert (tmp_path / "m.csv").read_text().splitlines()[1].startswith("6,")


@pytest.mark.parametrize(("as_json", "quiet", "out", "error"), [(True, False, 2, 0), (False, False, 0, 2), (False, True, 0, 0), (True, True, 2, 0)])
def test_events_on_stdout_sentences_on_stderr(as_json: bool, quiet: bool, out: int, error: int, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(as_json, quiet)
    progress.event("start", "training begins", pairs=3)
    progress.event("checkpoint", step=1)  # no sentence
    progress.step(9, 1, eta=61.0, **_row(1))
    progress.finish()
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert (len(lines), captured.err.count("\n")) == (out and 3, error)
    if as_json:
        assert [json.loads(line)["event"] for line in lines] == ["start", "checkpoint", "step"]
        assert json.loads(lines[2])["loss"] == 0.1 + 0.2
    elif not quiet:
        assert captured.err.splitlines()[1] == "step 1/9  loss 0.300  lr 1.00e-03  scale 14.3  10 pairs/s  1:01 left  1 broken"


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0, 59.6, 61, 3599, 3600, 90_061)] == ["0:00", "1:00", "1:01", "59:59", "1:00:00", "25:01:01"]
