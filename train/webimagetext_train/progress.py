"""What a run says while it runs: events as JSON lines, or one status line redrawn on a terminal."""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path

from .files import write_atomically

FIELDS = ("step", "loss", "lr", "logit_scale", "samples_per_second")


class Progress:
    """Events go to stdout when `as_json`; sentences go to stderr unless `quiet` or `as_json`."""

    def __init__(self, as_json: bool, quiet: bool):
        self.as_json, self.quiet = as_json, quiet
        self._terminal = sys.stderr.isatty()
        self._drawn = False

    def event(self, name: str, sentence: str | None = None, **values: object) -> None:
        """Something that happened once."""
        if self.as_json:
            print(json.dumps({"event": name, **values}), flush=True)
        elif sentence and not self.quiet:
            self._clear()
            print(sentence, file=sys.stderr, flush=True)

    def step(self, steps: int, broken: int, **values: float) -> None:
        """One more logged step; on a terminal it replaces the last one."""
        if self.as_json:
            print(json.dumps({"event": "step", "steps": steps, "broken": broken, **values}), flush=True)
        elif not self.quiet:
            line = (
                f"step {values['step']}/{steps}  loss {values['loss']:.3f}  lr {values['lr']:.2e}  scale {values['logit_scale']:.1f}  "
                f"{values['samples_per_second']:.0f} pairs/s  {duration(values['eta'])} left"
            )
            line += f"  {broken} broken" if broken else ""
            self._clear()
            print(line, end="" if self._terminal else "\n", file=sys.stderr, flush=True)
            self._drawn = self._terminal

    def finish(self) -> None:
        """Leaves the last status line standing."""
        if self._drawn:
            print(file=sys.stderr)
            self._drawn = False

    def _clear(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr)
            self._drawn = False


class Metrics:
    """`metrics.csv`; rows after the step that a run resumes from are taken back, so that no step is there twice."""

    def __init__(self, path: Path, resumed_step: int):
        rows = []
        if path.exists() and resumed_step > 0:
            with open(path, newline="") as file:
                # The last row of a killed run may be cut; it lies after the checkpoint or is complete.
                rows = [row for row in csv.reader(file) if len(row) == len(FIELDS) and row[0].isdigit() and int(row[0]) <= resumed_step]
        write_atomically(path, "".join(",".join(row) + "\r\n" for row in [list(FIELDS), *rows]).encode())
        self._file = open(path, "a", newline="")
        self._writer = csv.writer(self._file)

    def write(self, **values: float) -> None:
        """One row, visible at once."""
        self._writer.writerow([values[name] for name in FIELDS])
        self._file.flush()

    def close(self) -> None:
        """No more rows."""
        self._file.close()


class Clock:
    """Pairs a second since the last look, and how long the rest takes at the rate of the whole run."""

    def __init__(self) -> None:
        self.started = self._last = time.monotonic()
        self._pairs = self._steps = 0

    def add(self, pairs: int) -> None:
        """One step done."""
        self._pairs += pairs
        self._steps += 1

    def look(self, steps_left: int) -> dict[str, float]:
        """-> samples_per_second, eta"""
        now = time.monotonic()
        rate = self._pairs / max(1e-9, now - self._last)
        eta = (now - self.started) / max(1, self._steps) * steps_left
        self._last, self._pairs = now, 0
        return {"samples_per_second": round(rate, 1), "eta": round(eta, 1)}


def duration(seconds: float) -> str:
    """1:02:03, 2:03"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
