"""What a run says while it runs: events as JSON lines, or one status line redrawn on a terminal."""

from __future__ import annotations

import json
import math
import sys
import time


class Progress:
    """Events go to stdout when `as_json`; sentences go to stderr unless `quiet` or `as_json`. Of many processes one speaks."""

    def __init__(self, as_json: bool, quiet: bool, speaks: bool = True):
        self.as_json, self.quiet = as_json and speaks, quiet or not speaks
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
            # JSON has no infinity, and with fp16 a gradient may be as long: the scaler leaves such a step out.
            finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
            print(json.dumps({"event": "step", "steps": steps, "broken": broken, **finite}), flush=True)
        elif not self.quiet:
            line = (
                f"step {values['step']}/{steps}  loss {values['loss']:.3f}  lr {values['lr']:.2e}  scale {values['logit_scale']:.1f}  "
                f"{values['samples_per_second']:.0f} pairs/s  waiting {values['data_wait']:.0%}  {values['memory_mb'] / 1e3:.1f} GB  {duration(values['eta'])} left"
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


class Clock:
    """Pairs a second and the share of waiting since the last look; how long the rest takes at the rate of the whole run."""

    def __init__(self) -> None:
        self.started = self._last = time.monotonic()
        self._pairs = self._steps = 0
        self._waited = 0.0

    def add(self, pairs: int, waited: float = 0.0) -> None:
        """One step done, for whose batch it waited so many seconds."""
        self._pairs += pairs
        self._steps += 1
        self._waited += waited

    def look(self, steps_left: int) -> dict[str, float]:
        """-> samples_per_second, data_wait, eta"""
        now = time.monotonic()
        since = max(1e-9, now - self._last)
        values = {
            "samples_per_second": round(self._pairs / since, 1),
            "data_wait": round(min(1.0, self._waited / since), 4),
            "eta": round((now - self.started) / max(1, self._steps) * steps_left, 1),
        }
        self._last, self._pairs, self._waited = now, 0, 0.0
        return values


def duration(seconds: float) -> str:
    """1:02:03, 2:03"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
