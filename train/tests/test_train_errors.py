"""What cannot be done is said in one line that tells what to do, with exit code 1 and nothing half done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from conftest import Finished, run, start, tar_bytes, train_arguments

from webimagetext_train.errors import UserError
from webimagetext_train.tokenizer import ClipTokenizer
from webimagetext_train.train import pick_device


def _error(*arguments: object) -> str:
    """The one line of a run that fails."""
    code, output, error = run("train", *arguments)
    assert code == 1, error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "done" not in output
    return error


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Path:
    """A run that may be spoilt."""
    return Path(shutil.copytree(finished.out, tmp_path / "copy"))


def test_no_shards(tmp_path: Path) -> None:
    error = _error("--shards", tmp_path / "*.tar", "--out", tmp_path / "run")
    assert f"no shards match {tmp_path}/*.tar" in error
    assert "npm run crawl" in error


def test_too_few_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes([("a.jpg", b"x"), ("a.txt", b"x")]))
    error = _error("--shards", tmp_path / "*.tar", "--out", tmp_path / "run", "--device", "cpu", "--json")
    assert "holds 1 pairs, fewer than one batch of 64" in error


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_bad_device(shards: str, tmp_path: Path, device: str) -> None:
    error = _error(*train_arguments(shards, tmp_path, "--device", device))
    assert f"device {device} cannot be used" in error
    assert "--device cpu" in error


def test_one_device_for_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(UserError, match="--device cuda:1 is one for all processes"):
        pick_device("cuda:1")


def test_batches_after_the_last(shards: str, tmp_path: Path) -> None:
    assert "begins with step 121, but the run has 120 steps" in _error(*train_arguments(shards, tmp_path, "--list-batches", "121:130"))


def test_another_seed_in_the_same_folder(shards: str, finished: Finished) -> None:
    before = {path.name: path.read_bytes() for path in finished.out.iterdir()}
    error = _error(*train_arguments(shards, finished.out, "--seed", 1, "--steps", 200))
    assert f"{finished.out} holds a run with --seed 0, not 1" in error
    assert "--restart" in error
    assert {path.name: path.read_bytes() for path in finished.out.iterdir()} == before


def test_other_data_or_another_tokenizer_in_the_same_folder(shards: str, copy: Path, tmp_path: Path) -> None:
    assert "other data" in _error(*train_arguments(shards.replace("*", "0000[01]"), copy))
    ClipTokenizer([("a", "b")]).save(tmp_path / "other.txt.gz")
    assert "another --tokenizer" in _error(*train_arguments(shards, copy, "--tokenizer", tmp_path / "other.txt.gz"))


def test_an_imported_model_is_no_run_to_go_on_with(shards: str, copy: Path) -> None:
    state = torch.load(copy / "latest.pt", weights_only=True)
    torch.save({**state, "run": {"source": "elsewhere.pt"}}, copy / "latest.pt")
    error = _error(*train_arguments(shards, copy))
    assert f"{copy}/latest.pt was imported" in error and "--init" in error


def test_a_model_to_begin_with_brings_its_tokenizer(shards: str, finished: Finished, tmp_path: Path) -> None:
    ClipTokenizer([("a", "b")]).save(tmp_path / "other.txt.gz")
    more = ("--init", finished.out / "latest.pt", "--tokenizer", tmp_path / "other.txt.gz")
    assert "leave out --tokenizer, or --init" in _error(*train_arguments(shards, tmp_path / "run", *more))


def test_damaged_checkpoint(shards: str, copy: Path) -> None:
    (copy / "latest.pt").write_bytes((copy / "latest.pt").read_bytes()[:100_000])
    assert "latest.pt is not a checkpoint of this trainer" in _error(*train_arguments(shards, copy))


def test_out_that_is_a_file(shards: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert "cannot be written" in _error(*train_arguments(shards, tmp_path / "file"))


def test_two_runs_in_one_folder(shards: str, tmp_path: Path) -> None:
    first = start("train", *train_arguments(shards, tmp_path / "run", "--steps", 1_000_000))
    try:
        assert first.stdout
        assert json.loads(first.stdout.readline())["event"] == "start"
        assert "another run is writing to" in _error(*train_arguments(shards, tmp_path / "run"))
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()


def test_no_picture_that_can_be_read(tmp_path: Path) -> None:
    files = [file for number in range(8) for file in ((f"{number}.jpg", b"<html>"), (f"{number}.txt", b"x"))]
    (tmp_path / "a.tar").write_bytes(tar_bytes(files))
    assert "no picture of step 1's batch can be read" in _error(*train_arguments(str(tmp_path / "a.tar"), tmp_path / "run"))


def test_a_loss_that_is_no_number_names_its_samples(shards: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    error = _error(*train_arguments(shards, out, "--warmup", 0, "--checkpoint-every", 1, "--lr", "1e30"))
    assert "loss became nan at step 2" in error
    assert "lower --lr" in error
    report = json.loads((out / "non-finite.json").read_text())
    assert len(report["keys"]) == 8
    assert all(key.startswith("0000") for key in report["keys"])
    # The step that went wrong touched no weights: what was saved before can be read.
    assert all(value.isfinite().all() for value in torch.load(out / "latest.pt", weights_only=True)["state_dict"].values())
