"""The index of large data sets on disk: walking a hundred million samples takes an hour, mapping the result no time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .files import write_atomically
from .shards import ShardIndex

WORTH_IT = 1_000_000_000
"""Bytes of shards; the headers of fewer are walked again each time, which takes about a second."""
_FORMAT = 1


def open_index(paths: Sequence[str], parts: Sequence[tuple[str, ...]], folder: Path, say: Callable[[str], None], worth_it: int = WORTH_IT) -> ShardIndex:
    """What `ShardIndex.build` gives, from `folder` when the shards are those it was made of (path, size, time of change).

    The arrays are mapped, so that all processes of a machine share one copy, and none needs it in memory.
    """
    files = [(path, stat.st_size, stat.st_mtime_ns) for path, stat in ((path, os.stat(path)) for path in paths)]
    if sum(size for _, size, _ in files) < worth_it:
        return ShardIndex.build(paths, parts, say)
    name = hashlib.sha256(json.dumps([_FORMAT, files, list(parts)]).encode()).hexdigest()[:16]
    arrays, facts = folder / f"{name}.npy", folder / f"{name}.json"
    if facts.exists():
        return _load(paths, parts, arrays, facts)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w") as lock:
        # One process of a machine walks, the others wait for what it writes.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if facts.exists():
            return _load(paths, parts, arrays, facts)
        index = ShardIndex.build(paths, parts, say)
        _save(index, arrays, facts)
    return index


def _save(index: ShardIndex, arrays: Path, facts: Path) -> None:
    kind = [("shard", "<i4"), ("start", "<i8"), ("place", "<i8", index.places.shape[1:])]
    rows = np.empty(len(index), dtype=kind)
    rows["shard"], rows["start"], rows["place"] = index.shard, index.starts, index.places
    write_atomically(arrays, lambda file: np.save(file, rows))
    # Written last: where it is, the other one is whole.
    write_atomically(facts, json.dumps({"incomplete": index.incomplete, "damaged": index.damaged}).encode())


def _load(paths: Sequence[str], parts: Sequence[tuple[str, ...]], arrays: Path, facts: Path) -> ShardIndex:
    rows = np.load(arrays, mmap_mode="r")
    known = json.loads(facts.read_text())
    return ShardIndex(list(paths), list(parts), rows["shard"], rows["start"], rows["place"], known["incomplete"], known["damaged"])
