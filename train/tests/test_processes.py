"""Runs of many processes as a user starts them; each sample exactly once an epoch, whatever happens to the run."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections import defaultdict
from pathlib import Path

import pytest
import torch
from conftest import PAIRS, events, run, start, train_arguments

from webimagetext_train.train import main

EPOCHS, BATCH = 4, 9
STEPS = EPOCHS * PAIRS // BATCH


def _logged(out: Path) -> dict[int, set[str]]:
    """Step -> keys, from the tables of all processes; a key twice in a step is an error."""
    steps: dict[int, set[str]] = defaultdict(set)
    for path in sorted(out.glob("keys-*.csv")):
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                assert row["key"] not in steps[int(row["step"])]
                assert row["seen"] == "1"
                steps[int(row["step"])].add(row["key"])
    return steps


def _losses(out: Path) -> list[float]:
    with open(out / "metrics.csv", newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def _kill_at(step: int, arguments: list[object]) -> None:
    process = start("train", *arguments)
    assert process.stdout
    for line in process.stdout:
        if json.loads(line).get("step") == step and json.loads(line)["event"] == "step":
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL  # and not done: thirty steps are left


def test_each_sample_once_an_epoch_across_a_kill_and_other_numbers_of_processes_and_workers(
    shards: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def arguments(name: str, *more: object) -> list[object]:
        # A ViT: batch norms see only the rows of their process.
        return train_arguments(shards, tmp_path / name, "--model", "ViT-Tiny/8", "--steps", STEPS, "--batch-size", BATCH, "--checkpoint-every", 4, "--log-keys", *more)

    code, _, error = run("train", *arguments("undisturbed"))
    assert code == 0, error
    _kill_at(11, arguments("killed", "--workers", 3))  # in the middle of the second epoch
    code, output, error = run("train", *arguments("killed", "--processes", 2, "--workers", 0))
    assert code == 0, error
    assert events(output)[0]["processes"] == 2
    assert events(output)[0]["step"] in range(8, STEPS, 4)  # a save or two may overtake the kill

    steps = _logged(tmp_path / "killed")
    assert steps == _logged(tmp_path / "undisturbed")
    assert set(steps) == set(range(1, STEPS + 1))
    for epoch in range(EPOCHS):
        keys = [key for step in range(1 + epoch * PAIRS // BATCH, 1 + (epoch + 1) * PAIRS // BATCH) for key in steps[step]]
        assert len(keys) == len(set(keys)) == PAIRS
    # And they can be listed without a log.
    assert main([str(argument) for argument in arguments("killed", "--list-batches", f"1:{STEPS + 5}")]) == 0
    listed = {entry["step"]: entry["keys"] for entry in map(json.loads, capsys.readouterr().out.splitlines())}
    assert {step: set(keys) for step, keys in listed.items()} == steps
    assert all(len(keys) == BATCH for keys in listed.values())

    assert _losses(tmp_path / "killed") == pytest.approx(_losses(tmp_path / "undisturbed"), rel=1e-5)
    ours, theirs = (torch.load(tmp_path / name / "latest.pt", weights_only=True)["state_dict"] for name in ("killed", "undisturbed"))
    assert all((ours[name] - weight).abs().mean() < 1e-5 for name, weight in theirs.items())


@pytest.mark.slow
def test_told_to_stop_all_processes_save_once_and_end(shards: str, tmp_path: Path) -> None:
    arguments = train_arguments(shards, tmp_path / "run", "--processes", 2, "--steps", 100_000, "--checkpoint-every", 100_000)
    process = start("train", *arguments)
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(json.loads(line))
        if len(said) == 5:
            process.send_signal(signal.SIGTERM)
    process.wait()
    assert process.returncode == 143
    assert [entry["event"] for entry in said[-2:]] == ["checkpoint", "stopped"]
    assert torch.load(tmp_path / "run" / "latest.pt", weights_only=True)["step"] == said[-1]["step"]


@pytest.mark.slow
def test_an_error_of_all_is_said_once_and_one_of_another_process_is_not_lost(shards: str, tmp_path: Path) -> None:
    code, _, error = run("train", *train_arguments(shards, tmp_path / "run", "--processes", 2, "--lr", "1e30", "--warmup", 0))
    assert code == 1
    assert error.count("error: ") == 1
    assert "loss became nan" in error
    code, _, error = run("train", *train_arguments(shards, tmp_path / "run", "--processes", 2, "--batch-size", 2, "--accum", 2))
    assert code == 1
    assert error == "error: a batch of 2 is less than one pair for each of 2 processes x --accum 2: raise --batch-size\n"


@pytest.mark.slow
def test_a_process_that_is_killed_is_named(shards: str, tmp_path: Path) -> None:
    process = start("train", *train_arguments(shards, tmp_path / "run", "--processes", 2, "--steps", 100_000))
    assert process.stdout and process.stderr
    for line in process.stdout:
        if json.loads(line)["event"] == "step":
            break
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[1]), signal.SIGKILL)
    _, error = process.communicate()
    assert process.returncode == 137
    assert error.splitlines()[-1].startswith("error: process 1 was ended by SIGKILL: ")
    assert "Traceback" not in error


def test_lines_for_many_machines(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--model", "ViT-B/32", "--batch-size", "32768", "--out", "a b", "--shards", "s3://bucket/{000..999}.tar"]
    assert main([*options, "--nodes", "4", "--processes", "8"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert "-m torch.distributed.run --nnodes 4 --nproc-per-node 8 " in line
    assert line.endswith("-m webimagetext_train.train --model ViT-B/32 --batch-size 32768 --out 'a b' --shards 's3://bucket/{000..999}.tar'")
    assert main([*options, "--nodes=4", "--processes=8", "--slurm"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("#!/bin/bash\n#SBATCH ")
    for setting in ("--nodes=4", "--ntasks-per-node=1", "--gpus-per-node=8", "--requeue"):
        assert f"#SBATCH {setting}\n" in output
    assert output.rstrip().endswith("--out 'a b' --shards 's3://bucket/{000..999}.tar'")
    assert "--slurm" not in output
