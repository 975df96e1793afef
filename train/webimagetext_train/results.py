"""Where an evaluation's figures go: a sentence for people, JSON, the view `eval_stats` of a workspace's wit.sqlite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

from .errors import UserError
from .files import write_atomically

DIRECTIONS = ("image_to_text", "text_to_image")


def figures(result: dict) -> Iterator[tuple[str, float, list[float] | None, float | None]]:
    """(metric, value, interval, chance) of each number that is worth a row."""
    for direction in DIRECTIONS:
        for metric, value in result.get(direction, {}).items():
            if metric != "ci":
                yield f"{direction}_{metric}", value, result[direction]["ci"] if metric == "R@1" else None, None
    if "top1" in result:
        yield "top1", result["top1"], result["ci"], result["chance"]
        for metric in ("top5", "mean_per_class_recall", "name_alone"):
            if metric in result:
                yield metric, result[metric], None, None
    if "control" in result:
        yield "control_top1", result["control"]["top1"], result["control"]["ci"], result["chance"]
    for shots, found in result.get("few_shot", {}).items():
        yield f"few_shot_{shots}", found["top1"], None, result["chance"]
    if "linear_probe" in result:
        yield "linear_probe", result["linear_probe"]["top1"], result["linear_probe"]["ci"], result["chance"]


def sentence(result: dict) -> str:
    """The lines for people."""
    if result["kind"] == "retrieval":
        lines = [f"{result['task']}: {result['samples']} pictures, {result['captions']} captions"]
        for direction, words in zip(DIRECTIONS, ("captions for a picture", "pictures for a caption"), strict=True):
            found = result[direction]
            shares = ", ".join(f"{metric} {found[metric]:.1%}" for metric in ("R@1", "R@5", "R@10"))
            lines.append(f"  {words}: {shares}, median rank {found['median_rank']:.0f}")
        return "\n".join(lines)
    low, high = result["ci"]
    control = f", control with shuffled captions {result['control']['top1']:.1%}" if "control" in result else ""
    lines = [
        f"{result['task']}: zero-shot top-1 {result['top1']:.1%} (95 % CI {low:.1%} to {high:.1%}), top-5 {result['top5']:.1%}, "
        f"chance {result['chance']:.1%}{control}; {result['samples']} pictures, {result['classes']} classes, {result['templates']} templates"
    ]
    if "few_shot" in result:
        lines.append("  few-shot top-1: " + ", ".join(f"{shots} a class {found['top1']:.1%}" for shots, found in result["few_shot"].items()))
    if "linear_probe" in result:
        found = result["linear_probe"]
        lines.append(f"  linear probe on {found['training_pictures']} pictures: {found['top1']:.1%} (C {found['c']:.3g})")
    return "\n".join(lines)


def write_json(path: Path, result: dict) -> None:
    """Replaces the file."""
    write_atomically(path, (json.dumps(result, indent=1) + "\n").encode())


def write_sqlite(path: Path, result: dict) -> None:
    """A row for each figure; those of the same checkpoint, step and task are replaced."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    rows = [
        (result["checkpoint"], result["step"], result["model"], result["task"], metric, value, *(interval or (None, None)), chance, result["samples"], now)
        for metric, value, interval, chance in figures(result)
    ]
    try:
        # Opening would make an empty file where there is none.
        with closing(sqlite3.connect(f"file:{path}?mode=rw", timeout=30, isolation_level=None, uri=True)) as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                raise sqlite3.Error("no workspace's database")
            connection.executescript(Path(__file__).with_name("eval_stats.sql").read_text())
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM evaluation WHERE checkpoint = ? AND step = ? AND task = ?", (result["checkpoint"], result["step"], result["task"]))
            connection.executemany(f"INSERT INTO evaluation VALUES ({', '.join('?' * 11)})", rows)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise UserError(f"{path} takes no results ({error}): leave out --sqlite, the result is above") from error
