"""Each logged step is there once, however often a run was cut off, in metrics.csv and in a workspace's database."""

from __future__ import annotations

import resource
import sqlite3
import sys
import threading
from pathlib import Path

import pytest

from webimagetext_train.errors import UserError
from webimagetext_train.metrics import FIELDS, Database, Rows, TensorBoard, WeightsAndBiases
from webimagetext_train.progress import Progress

SCHEMA = Path(__file__).parents[2] / "store" / "schema.sql"


def _row(step: int) -> dict[str, float]:
    return {**dict.fromkeys(FIELDS, 0.5), "step": step, "loss": 0.1 + 0.2}


def _write(path: Path, resumed: int, last: int) -> None:
    metrics = Rows(path, FIELDS, resumed)
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


def _workspace(folder: Path) -> Path:
    """A database as a crawl makes it, still held open by one that reads."""
    path = folder / "wit.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA.read_text())
    return path


def _logged(path: Path) -> list[tuple]:
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT run, step, loss FROM train_stats").fetchall()


def test_a_full_disk_names_the_table(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk's."""
    rows, limits = Rows(tmp_path / "metrics.csv", ("step", "key"), 0), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"metrics\.csv cannot be written \(File too large\): make room"):
            rows.write_all([[1, "x" * 4_000]])
        rows.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_workspaces_view_has_each_step_of_each_run_once(tmp_path: Path) -> None:
    path, progress = _workspace(tmp_path), Progress(False, True)
    for run, resumed, last in (("a", 0, 7), ("b", 0, 2), ("a", 5, 9), ("b", 0, 1)):
        sink = Database(path, run, resumed, progress)
        for step in range(resumed + 1, last + 1):
            sink.write(**_row(step))
        sink.close()
    assert _logged(path) == [("a", step, 0.1 + 0.2) for step in range(1, 10)] + [("b", 1, 0.1 + 0.2)]


def test_what_cannot_be_logged_is_said_once_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("no database, and long enough to be taken for one " * 100)
    sqlite3.connect(tmp_path / "empty").close()
    for name in ("text", "empty", "missing/wit.sqlite"):
        sink = Database(tmp_path / name, "a", 0, Progress(False, False))
        for step in (1, 2):
            sink.write(**_row(step))
        sink.close()
        assert capsys.readouterr().err.count("takes no training statistics") == 1
    assert not (tmp_path / "missing").exists()


def test_a_crawl_that_writes_is_waited_for(tmp_path: Path) -> None:
    path = _workspace(tmp_path)
    sink = Database(path, "a", 0, Progress(False, True))
    crawl = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    crawl.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, crawl.execute, ["COMMIT"])
    release.start()
    sink.write(**_row(1))
    release.join()
    sink.close()
    crawl.close()
    assert len(_logged(path)) == 1


def test_loggers_that_are_not_installed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A None in sys.modules is what Python takes for a package that is not there."""
    for module in ("torch.utils.tensorboard", "wandb"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match="--tensorboard needs the package tensorboard: .*python.* -m pip install tensorboard, or"):
        TensorBoard(tmp_path, 0)
    with pytest.raises(UserError, match="--wandb needs the package wandb"):
        WeightsAndBiases("project", tmp_path, {})
