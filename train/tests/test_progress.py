"""Events and sentences go where they belong."""

from __future__ import annotations

import json

import pytest

from webimagetext_train.progress import Progress, duration

STEP = {"step": 1, "loss": 0.1 + 0.2, "lr": 1e-3, "logit_scale": 14.2857, "samples_per_second": 9.5, "data_wait": 0.02, "memory_mb": 1234.0, "eta": 61.0}


@pytest.mark.parametrize(("as_json", "quiet", "out", "error"), [(True, False, 2, 0), (False, False, 0, 2), (False, True, 0, 0), (True, True, 2, 0)])
def test_events_on_stdout_sentences_on_stderr(as_json: bool, quiet: bool, out: int, error: int, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(as_json, quiet)
    progress.event("start", "training begins", pairs=3)
    progress.event("checkpoint", step=1)  # no sentence
    progress.step(9, 1, **STEP)
    progress.finish()
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert (len(lines), captured.err.count("\n")) == (out and 3, error)
    if as_json:
        assert [json.loads(line)["event"] for line in lines] == ["start", "checkpoint", "step"]
        assert json.loads(lines[2])["loss"] == 0.1 + 0.2
    elif not quiet:
        assert captured.err.splitlines()[1] == "step 1/9  loss 0.300  lr 1.00e-03  scale 14.3  10 pairs/s  waiting 2%  1.2 GB  1:01 left  1 broken"


def test_a_gradient_without_end_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    """fp16 has such steps, which its scaler leaves out."""
    Progress(True, False).step(9, 0, **STEP, gradient_norm=float("inf"))
    line = capsys.readouterr().out
    assert json.loads(line, parse_constant=pytest.fail)["gradient_norm"] is None


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0, 59.6, 61, 3599, 3600, 90_061)] == ["0:00", "1:00", "1:01", "59:59", "1:00:00", "25:01:01"]
