"""Where the numbers of a run are kept: metrics.csv always; TensorBoard, Weights & Biases and SQLite when asked.

A resumed run takes back what was logged after the checkpoint that it goes on from: no step is there twice.
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import sqlite3
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from .errors import UserError, pip_install
from .files import write_atomically

FIELDS = ("step", "epoch", "loss", "lr", "logit_scale", "gradient_norm", "samples_per_second", "data_wait", "memory_mb")
MACHINE = ("samples_per_second", "data_wait", "memory_mb")
"""Of these, the ones that tell of the machine and differ from run to run."""


class Sink(Protocol):
    """Takes the values named in FIELDS."""

    def write(self, **values: float) -> None:
        """One logged step."""

    def close(self) -> None:
        """No more of them."""


class Rows:
    """A CSV file whose first column is the step; rows after the step that a run resumes from are taken back."""

    def __init__(self, path: Path, fields: tuple[str, ...], resumed_step: int):
        rows = []
        if path.exists() and resumed_step > 0:
            with open(path, newline="") as file:
                # The last row of a killed run may be cut; it lies after the checkpoint or is complete.
                rows = [row for row in csv.reader(file) if len(row) == len(fields) and row[0].isdigit() and int(row[0]) <= resumed_step]
        write_atomically(path, "".join(",".join(row) + "\r\n" for row in [list(fields), *rows]).encode())
        self._path, self._fields = path, fields
        self._file = open(path, "a", newline="")
        self._writer = csv.writer(self._file)

    def write(self, **values: object) -> None:
        """One row, visible at once."""
        self.write_all([[values[name] for name in self._fields]])

    def write_all(self, rows: list[list[object]]) -> None:
        """Several."""
        try:
            self._writer.writerows(rows)
            self._file.flush()
        except OSError as error:
            raise UserError(f"{self._path} cannot be written ({error.strerror}): make room, then run the same command again") from error

    def close(self) -> None:
        """No more rows."""
        with suppress(OSError):  # was said when it was written
            self._file.close()


class Database:
    """The table `train_step` of a workspace, which `npm run stats` and the report read through `train_stats`.

    A crawl may be writing at the same time: SQLite lets one wait for the other. What cannot be written is not worth
    losing a training for: the first failure is said and ends the logging there.
    """

    def __init__(self, path: Path, run: str, resumed_step: int, progress: Any):
        self._run, self._path, self._progress = run, path, progress
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            if self._connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                raise sqlite3.Error("no workspace's database")
            self._connection.executescript(Path(__file__).with_name("train_stats.sql").read_text())
            self._connection.execute("DELETE FROM train_step WHERE run = ? AND step > ?", (run, resumed_step))
        except sqlite3.Error as error:
            self._fail(error)

    def write(self, **values: float) -> None:
        """One row."""
        if self._connection:
            row = [self._run, *(values[name] for name in FIELDS), datetime.now(timezone.utc).isoformat(timespec="seconds")]
            try:
                self._connection.execute(f"INSERT OR REPLACE INTO train_step (run, {', '.join(FIELDS)}, time) VALUES ({', '.join('?' * len(row))})", row)
            except sqlite3.Error as error:
                self._fail(error)

    def close(self) -> None:
        """Closes the file."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _fail(self, error: sqlite3.Error) -> None:
        self._progress.event("sqlite", f"warning: {self._path} takes no training statistics ({error}); metrics.csv has them", reason=str(error))
        self.close()


def _need(module: str, package: str, option: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"{option} needs the package {package}: {pip_install(package)}, or leave it out") from error


class TensorBoard:
    """Event files in OUT/tensorboard."""

    def __init__(self, folder: Path, resumed_step: int):
        module = _need("torch.utils.tensorboard", "tensorboard", "--tensorboard")
        self._writer = module.SummaryWriter(str(folder), purge_step=resumed_step + 1)

    def write(self, **values: float) -> None:
        """A curve for each field."""
        for name in FIELDS[1:]:
            self._writer.add_scalar(f"train/{name}", values[name], int(values["step"]))
        self._writer.flush()

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()


class WeightsAndBiases:
    """One run of a W&B project, the same one after a resume."""

    def __init__(self, project: str, folder: Path, config: dict):
        identity = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
        module = _need("wandb", "wandb", "--wandb")
        self._run = module.init(project=project, id=identity, name=folder.name, dir=str(folder), config=config, resume="allow")

    def write(self, **values: float) -> None:
        """One point of each curve."""
        self._run.log({f"train/{name}": values[name] for name in FIELDS[1:]}, step=int(values["step"]))

    def close(self) -> None:
        """Waits until everything is sent."""
        self._run.finish()
