"""`npm run evaluate` from the outside: its output, its warnings, and a line on each thing that can be wrong with a task."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import digits
import pytest
from conftest import Finished, plain_square, run, tar_bytes, train_arguments

from webimagetext_train import checkpoint
from webimagetext_train.errors import UserError
from webimagetext_train.evaluate import evaluate
from webimagetext_train.features import Embedder
from webimagetext_train.tasks import find_task

PICTURE = plain_square((255, 0, 0))
Files = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def finished(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A copy: an evaluation keeps embeddings beside the checkpoint."""
    return replace(finished, out=Path(shutil.copytree(finished.out, tmp_path_factory.mktemp("judged") / "run")))


@pytest.fixture(scope="module")
def digits_task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digits.make_task(tmp_path_factory.mktemp("task") / "digits", 40, size=64)


@pytest.fixture
def task(digits_task: Path, tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    return Path(shutil.copytree(digits_task, tmp_path / "digits"))


def _fill(task: Path, files: Files) -> None:
    (task / "test" / "0.tar").write_bytes(tar_bytes(files))


def _error(finished: Finished, task: Path) -> str:
    """What the person at the keyboard would read."""
    loaded = checkpoint.load(finished.out / "latest.pt")
    with pytest.raises(UserError, match="^[^\n]+$") as caught:
        evaluate(Embedder(loaded.model(), loaded.tokenizer), find_task(str(task)))
    return str(caught.value)


def test_json_files_and_rows(finished: Finished, task: Path, tmp_path: Path) -> None:
    database = tmp_path / "wit.sqlite"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 1")
    command = ("evaluate", "--checkpoint", finished.out / "latest.pt", "--task", task, "--json", "--out", tmp_path / "deep", "--sqlite", database)
    code, output, error = run(*command)
    assert (code, error) == (0, "")
    result = json.loads(output)
    assert result == json.loads((tmp_path / "deep" / "digits.json").read_text())
    assert (result["task"], result["classes"], result["samples"], result["step"], result["model"]) == ("digits", 100, 40, 120, "RN-Tiny")
    assert 0 <= result["ci"][0] <= result["top1"] <= result["ci"][1] <= 1
    assert result["top1"] <= result["top5"]
    assert run(*command)[1] == output  # now out of the cache; its rows replace the first ones
    with closing(sqlite3.connect(database)) as connection:
        rows = {row[0]: row[1:] for row in connection.execute("SELECT metric, value, low, high, chance, task, model, step, samples FROM eval_stats")}
        assert connection.execute("SELECT count(*) FROM evaluation").fetchone() == (4,)
    assert rows["top1"] == (result["top1"], *result["ci"], 0.01, "digits", "RN-Tiny", 120, 40)
    assert rows["top5"][0] == result["top5"] and rows["name_alone"][0] == result["name_alone"]
    drawing = ElementTree.parse(tmp_path / "deep" / "digits.svg").getroot()
    bars = [(bar.attrib["height"], bar[0].text) for bar in drawing.iter("{http://www.w3.org/2000/svg}rect") if len(bar)]
    assert len(bars) == 2 + result["templates"]
    assert bars[-1][1] == f"ensemble: {result['top1']:.1%}"


def test_a_database_that_is_none_of_ours(finished: Finished, task: Path, tmp_path: Path) -> None:
    for name in ("missing.sqlite", "empty.sqlite"):
        if name == "empty.sqlite":
            (tmp_path / name).touch()
        code, output, error = run("evaluate", "--checkpoint", finished.out / "latest.pt", "--task", task, "--sqlite", tmp_path / name)
        assert code == 1 and output.startswith("digits: zero-shot")
        assert error.splitlines()[-1].startswith(f"error: {tmp_path}/{name} takes no results")
    assert not (tmp_path / "missing.sqlite").exists()


def test_a_control_is_judged_beside_it(finished: Finished, shards: str, task: Path, tmp_path: Path) -> None:
    code, _, error = run("train", *train_arguments(shards, tmp_path / "control", "--steps", 2, "--shuffle-captions"))
    assert code == 0, error
    both = ("evaluate", "--checkpoint", finished.out / "latest.pt", "--task", task, "--control")
    code, output, error = run(*both, tmp_path / "control" / "latest.pt", "--json")
    assert (code, error) == (0, "")
    control = json.loads(output)["control"]
    assert control["step"] == 2
    assert 0 <= control["ci"][0] <= control["top1"] <= control["ci"][1] <= 1
    code, _, error = run(*both, finished.out / "latest.pt")
    assert code == 1
    assert "a control needs --shuffle-captions" in error


def test_what_is_left_out_is_warned_of(finished: Finished, task: Path) -> None:
    _fill(task, [("a.png", PICTURE), ("a.cls", b"3"), ("b.png", b"<html>"), ("b.cls", b"4"), ("c.png", PICTURE)])
    whole = tar_bytes([("d.png", PICTURE), ("d.cls", b"5"), ("e.png", b"x" * 5000)])
    (task / "test" / "1.tar").write_bytes(whole[: whole.index(b"e.png") + 900])
    (task / "test" / "2.tar").write_bytes(b"")
    code, output, error = run("evaluate", "--checkpoint", finished.out / "latest.pt", "--task", task)
    assert code == 0
    assert "; 2 pictures, 100 classes" in output
    assert output.count("\n") == 1
    lines = error.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("warning: ") for line in lines)
    for line, part in zip(lines, ("1.tar: cut short", "2.tar: empty", "1 samples lack", "1 pictures cannot be read"), strict=True):
        assert part in line


def test_errors_are_one_line_and_exit_code_1(finished: Finished, tmp_path: Path) -> None:
    code, output, error = run("evaluate", "--checkpoint", finished.out / "latest.pt", "--task", tmp_path / "nowhere")
    assert (code, output, error.count("\n")) == (1, "", 1)
    assert error.startswith(f"error: {tmp_path}/nowhere is no folder")


@pytest.mark.parametrize("name", ["classnames.txt", "zeroshot_classification_templates.txt"])
def test_missing_empty_and_unreadable_lists(finished: Finished, task: Path, name: str) -> None:
    for content in (b"\n \n", b"caf\xe9 {c}\n"):
        (task / name).write_bytes(content)
        assert f"{task / name} " in _error(finished, task)


def test_without_names_a_task_is_one_of_retrieval(finished: Finished, task: Path) -> None:
    (task / "classnames.txt").unlink()
    error = _error(finished, task)
    assert "holds no picture with a caption" in error and "a task folder has classnames.txt" in error


def test_templates_without_a_place(finished: Finished, task: Path) -> None:
    (task / "zeroshot_classification_templates.txt").write_text("a photo of {c}\na photo of {}\n")
    assert "has a line without {c}" in _error(finished, task)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("a.png", PICTURE), ("a.cls", b"100")], "0/a.cls says class 100, but classnames.txt has 100 lines"),
        ([("a.png", PICTURE), ("a.cls", b"-1")], "0/a.cls says class -1"),
        ([("a.png", PICTURE), ("a.cls", b"seven")], "0/a.cls says b'seven'"),
        ([("a.png", PICTURE), ("a.cls", b"")], "0/a.cls says b''"),
        ([("a.png", b"<html>"), ("a.cls", b"1")], "holds no picture that can be read"),
        ([("a.png", PICTURE), ("b.cls", b"1")], "holds no picture that can be read"),
    ],
)
def test_samples_that_make_no_sense(finished: Finished, task: Path, files: Files, said: str) -> None:
    _fill(task, files)
    assert said in _error(finished, task)


def test_two_tasks_of_one_name(finished: Finished, task: Path, tmp_path: Path) -> None:
    other = shutil.copytree(task, tmp_path / "other" / "digits")
    code, output, error = run("evaluate", "--checkpoint", finished.out / "latest.pt", "--task", task, other, "--out", tmp_path / "out")
    assert (code, output) == (1, "")
    assert "two tasks are called digits" in error


def test_no_shards_is_about_the_task_and_not_about_crawling(finished: Finished, task: Path) -> None:
    (task / "test" / "0.tar").unlink()
    error = _error(finished, task)
    assert "test/*.tar" in error
    assert "crawl" not in error
