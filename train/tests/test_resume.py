"""Running the same command again goes on where a run was stopped, and the losses are bit for bit those of one that was not."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import torch
from conftest import Finished, run, start, train_arguments

from webimagetext_train.metrics import MACHINE


def _until(event: str, count: int, arguments: list[object], number: signal.Signals) -> tuple[int, list[dict]]:
    """Sends the signal when the event was said `count` times -> exit code, events."""
    process = start("train", *arguments)
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(json.loads(line))
        if [entry["event"] for entry in said].count(event) == count:
            process.send_signal(number)
            break
    rest, _ = process.communicate()
    return process.returncode, said + [json.loads(line) for line in rest.splitlines() if line.endswith("}")]


def _rows(folder: Path) -> list[dict[str, str]]:
    """metrics.csv without the columns that are a matter of the machine's mood."""
    with open(folder / "metrics.csv", newline="") as file:
        return [{name: value for name, value in row.items() if name not in MACHINE} for row in csv.DictReader(file)]


def _assert_same(out: Path, finished: Finished) -> None:
    """Losses and weights, bit for bit, and nothing that should not be there."""
    assert _rows(out) == _rows(finished.out)
    ours, theirs = (torch.load(folder / "latest.pt", weights_only=True) for folder in (out, finished.out))
    for key, value in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][key], value), key
    for key, value in theirs["optimizer"]["state"].items():
        assert all(torch.equal(ours["optimizer"]["state"][key][name], moment) for name, moment in value.items())
    assert (out / "bpe.txt.gz").read_bytes() == (finished.out / "bpe.txt.gz").read_bytes()
    assert sorted(path.name for path in out.iterdir()) == ["bpe.txt.gz", "latest.pt", "lock", "metrics.csv"]


def test_killed_runs_go_on_bit_for_bit(shards: str, finished: Finished, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = train_arguments(shards, out)
    code, said = _until("checkpoint", 2, arguments, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert said[-1]["event"] != "done"
    # What a kill in the middle of a save leaves; the next run clears it away.
    (out / ".latest.pt.99999.tmp").write_bytes(b"half a checkpoint")

    code, said = _until("step", 17, arguments, signal.SIGKILL)  # between two checkpoints
    assert code == -signal.SIGKILL
    assert said[0]["event"] == "start"
    assert said[0]["step"] >= 20

    code, output, error = run("train", *arguments)
    assert code == 0, error
    assert json.loads(output.splitlines()[0])["step"] >= 30
    _assert_same(out, finished)


def test_asked_to_stop_a_run_saves_and_goes_on_bit_for_bit(shards: str, finished: Finished, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = train_arguments(shards, out, "--checkpoint-every", 100_000)  # the only checkpoints are those of stopping
    stopped_at = 0
    for number, expected in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        code, said = _until("step", 5, arguments, number)
        assert code == expected
        assert said[0]["step"] == stopped_at
        *_, saved, stopped = said
        stopped_at = stopped["step"]
        assert (stopped["event"], stopped["reason"]) == ("stopped", "signal")
        assert (saved["event"], saved["step"]) == ("checkpoint", stopped_at)
        assert torch.load(out / "latest.pt", weights_only=True)["step"] == stopped_at
    code, _, error = run("train", *arguments, "--workers", 3)  # threads may come and go
    assert code == 0, error
    _assert_same(out, finished)
