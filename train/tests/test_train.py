"""A run from beginning to end, as its own process: what it writes, says and learns."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from conftest import PAIRS, Finished, events, run, start, tar_bytes, train_arguments

from webimagetext_train import checkpoint
from webimagetext_train.metrics import FIELDS
from webimagetext_train.presets import PRESETS, TINY
from webimagetext_train.shards import find_shards
from webimagetext_train.tokenizer import ClipTokenizer

FILES = ["bpe.txt.gz", "latest.pt", "lock", "metrics.csv"]


def test_writes_a_checkpoint_metrics_and_a_tokenizer(finished: Finished) -> None:
    assert sorted(path.name for path in finished.out.iterdir()) == FILES
    loaded = checkpoint.load(finished.out / "latest.pt")
    assert loaded.step == 120
    assert loaded.config.vocab_size == ClipTokenizer.load(finished.out / "bpe.txt.gz").size
    assert loaded.state["run"]["broken"] == 0
    with open(finished.out / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, 121))
    assert tuple(rows[0]) == FIELDS
    assert float(rows[-1]["epoch"]) == pytest.approx(120 * 8 / PAIRS, abs=1e-4)


def test_says_what_it_does(finished: Finished) -> None:
    assert finished.stderr == ""
    first, *middle, done = finished.events
    assert first["event"] == "start"
    assert (first["pairs"], first["steps"], first["step"], first["batch_size"], first["device"]) == (PAIRS, 120, 0, 8, "cpu")
    assert done == {"event": "done", "step": 120, "checkpoint": str(finished.out / "latest.pt"), "trained": 120}
    assert [entry["step"] for entry in middle if entry["event"] == "step"] == list(range(1, 121))
    assert [entry["step"] for entry in middle if entry["event"] == "checkpoint"] == list(range(10, 121, 10))


def test_loss_falls(finished: Finished) -> None:
    losses = [entry["loss"] for entry in finished.events if entry["event"] == "step"]
    assert all(map(math.isfinite, losses))
    assert losses[0] > 0.8 * math.log(8)  # nothing known: one of eight
    assert sum(losses[-20:]) / 20 < math.log(8) - 0.4


def test_learning_rate_follows_the_schedule(finished: Finished) -> None:
    rates = [entry["lr"] for entry in finished.events if entry["event"] == "step"]
    assert max(rates) == rates[11] == PRESETS[TINY].recipe.lr  # warm-up: a tenth of the steps
    assert rates[-1] == 0


def test_a_finished_run_has_nothing_to_do(finished: Finished, shards: str) -> None:
    before = {path.name: path.read_bytes() for path in finished.out.iterdir()}
    arguments = [argument for argument in train_arguments(shards, finished.out) if argument != "--json"]
    code, output, error = run("train", *arguments)
    assert (code, output) == (0, "")
    assert "nothing to do" in error
    assert error.count("\n") == 1
    assert {path.name: path.read_bytes() for path in finished.out.iterdir()} == before


def test_steps_can_be_added_the_scale_stays_below_100_and_a_restart_forgets(finished: Finished, shards: str, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(finished.out, out)
    state = torch.load(out / "latest.pt", weights_only=True)
    state["state_dict"]["logit_scale"].fill_(9.0)
    torch.save(state, out / "latest.pt")
    code, output, error = run("train", *train_arguments(shards, out, "--steps", 123, "--spike", 0))
    assert code == 0, error
    assert events(output)[-1]["trained"] == 3
    assert [entry["logit_scale"] for entry in events(output) if entry["event"] == "step"] == pytest.approx([100] * 3, rel=1e-5)
    code, output, error = run("train", *train_arguments(shards, out, "--steps", 3, "--seed", 1, "--restart"))
    assert code == 0, error
    assert (events(output)[0]["step"], events(output)[-1]["trained"]) == (0, 3)
    assert len((out / "metrics.csv").read_text().splitlines()) == 4
    assert checkpoint.load(out / "latest.pt").step == 3


def test_a_time_budget_ends_a_run_that_can_go_on(shards: str, tmp_path: Path) -> None:
    """No time at all is one step; the precision and the threads are other than usual by the way."""
    arguments = train_arguments(shards, tmp_path / "run", "--time-budget", 0, "--precision", "bf16", "--workers", 3, "--shuffle-captions")
    for step in (1, 2):
        code, output, error = run("train", *arguments)
        assert code == 0, error
        assert events(output)[-1] == {"event": "stopped", "step": step, "reason": "time"}
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == FILES


def test_bad_data_is_said_and_left_out(shards: str, tmp_path: Path) -> None:
    for path in find_shards(shards)[:1]:
        shutil.copy(path, tmp_path)
    whole = tar_bytes([("a.jpg", b"<html>"), ("a.txt", b"broken"), ("b.jpg", b"no caption"), ("c.jpg", b"x" * 2000)])
    (tmp_path / "cut.tar").write_bytes(whole[: whole.index(b"c.jpg") + 600])
    code, output, error = run("train", *train_arguments(str(tmp_path / "*.tar"), tmp_path / "run", "--steps", 8))
    assert code == 0, error
    said = {entry["event"]: entry for entry in events(output)}
    assert "cut.tar" in said["damaged"]["shard"]
    assert said["incomplete"]["samples"] == 1
    assert said["broken"] == {"event": "broken", "key": "cut/a", "reason": said["broken"]["reason"]}
    broken = [entry for entry in events(output) if entry["event"] == "broken"]
    assert checkpoint.load(tmp_path / "run" / "latest.pt").state["run"]["broken"] == len(broken) >= 2


def test_weights_load_into_a_plain_dictionary(finished: Finished) -> None:
    """As other programs read them."""
    weights = torch.load(finished.out / "latest.pt", weights_only=True)["state_dict"]
    assert weights["visual.conv1.weight"].shape == (8, 3, 3, 3)
    assert all(value.isfinite().all() for value in weights.values())


def test_killed_at_once_a_restarted_run_is_not_taken_for_the_old_one(finished: Finished, shards: str, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(finished.out, out)
    arguments = train_arguments(shards, out, "--steps", 100_000, "--checkpoint-every", 100_000, "--lr", 1e-4)
    process = start("train", *arguments, "--restart")
    assert process.stdout
    for line in process.stdout:
        if json.loads(line)["event"] == "step":
            process.kill()
            break
    process.communicate()
    code, output, error = run("train", *arguments, "--time-budget", 0)
    assert code == 0, error
    assert (events(output)[0]["step"], events(output)[-1]["step"]) == (0, 1)
    assert len((out / "metrics.csv").read_text().splitlines()) == 2


def test_every_step_that_is_to_be_kept_is_saved(shards: str, tmp_path: Path) -> None:
    code, _, error = run("train", *train_arguments(shards, tmp_path / "run", "--steps", 7, "--checkpoint-every", 5, "--keep-every", 3))
    assert code == 0, error
    assert {path.name for path in (tmp_path / "run").iterdir()} == {*FILES, "step-3.pt", "step-6.pt"}
    assert checkpoint.load(tmp_path / "run" / "step-3.pt").step == 3


@pytest.mark.slow
def test_all_that_can_be_switched_on_goes_together_and_resumes(shards: str, tmp_path: Path) -> None:
    """One run in two parts against one in one: half-precision moments, average, scaler and dropout go on bit for bit."""
    options = ["--model", "ViT-Tiny/8", "--half-statistics", "--ema", 0.9, "--precision", "fp16", "--accum", 2, "--patch-dropout", 0.25]
    options += ["--checkpointing", "--loss", "sigmoid", "--clip-norm", 1, "--keep-every", 2, "--checkpoint-every", 2, "--steps", 6]
    for name, budgets in (("whole", [[]]), ("parts", [["--time-budget", 0], []])):
        for budget in budgets:
            code, _, error = run("train", *train_arguments(shards, tmp_path / name, *options, *budget))
            assert code == 0, error
    whole, parts = (torch.load(tmp_path / name / "latest.pt", weights_only=True) for name in ("whole", "parts"))
    assert {path.name for path in (tmp_path / "whole").iterdir()} == {*FILES, "step-2.pt", "step-4.pt", "step-6.pt"}
    assert checkpoint.load(tmp_path / "whole" / "step-4.pt").step == 4
    for group in ("state_dict", "ema_state_dict"):
        assert all(torch.equal(value, whole[group][name]) for name, value in parts[group].items())
    assert whole["scaler"] == parts["scaler"]
    assert whole["ema_state_dict"].keys() == {name for name in whole["state_dict"] if "running" not in name and "num_batches" not in name}
    assert whole["optimizer"]["state"]["logit_bias"]["exp_avg"].dtype == torch.bfloat16
