"""The index on disk is the one that walking the shards gives, and forgotten when they change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import PAIRS, tar_bytes

from webimagetext_train.data import PARTS
from webimagetext_train.index_cache import open_index
from webimagetext_train.shards import ShardIndex, find_shards


@pytest.fixture
def paths(shards: str, tmp_path: Path) -> list[str]:
    """Copies, and one that is damaged."""
    copied = [shutil.copy(path, tmp_path) for path in find_shards(shards)]
    whole = tar_bytes([("a.jpg", b"x"), ("a.txt", b"x"), ("b.jpg", b"no caption"), ("c.jpg", b"x" * 2000)])
    (tmp_path / "cut.tar").write_bytes(whole[: whole.index(b"c.jpg") + 600])
    return [*map(str, copied), str(tmp_path / "cut.tar")]


def _open(paths: list[str], folder: Path) -> ShardIndex:
    return open_index(paths, PARTS, folder, lambda text: None, worth_it=0)


def test_it_is_what_walking_gives(paths: list[str], tmp_path: Path) -> None:
    walked, cache = ShardIndex.build(paths, PARTS), tmp_path / "cache"
    for _ in range(2):
        index = _open(paths, cache)
        assert len(index) == len(walked) == PAIRS + 1
        assert index.fingerprint() == walked.fingerprint()
        assert (index.incomplete, index.damaged) == (1, walked.damaged)
        assert [index.key(number) for number in range(len(index))] == [walked.key(number) for number in range(len(index))]
        assert all(index.read(number, part) == walked.read(number, part) for number in range(len(index)) for part in (0, 1))
    assert isinstance(index.starts.base, np.memmap)
    assert len(list(cache.glob("*.npy"))) == 1


def test_shards_that_change_are_walked_again(paths: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    _open(paths, cache)
    os.utime(paths[0], ns=(1, 1))
    _open(paths, cache)
    assert len(list(cache.glob("*.json"))) == 2
    assert len(_open(paths[:1], cache)) == 30
    assert len(list(cache.glob("*.json"))) == 3


def test_a_walk_that_was_cut_is_done_again(paths: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    _open(paths, cache)
    for facts in cache.glob("*.json"):
        facts.unlink()
    for arrays in cache.glob("*.npy"):
        arrays.write_bytes(arrays.read_bytes()[:100])
    assert len(_open(paths, cache)) == PAIRS + 1


def test_small_sets_are_not_kept(paths: list[str], tmp_path: Path) -> None:
    assert len(open_index(paths, PARTS, tmp_path / "cache", lambda text: None)) == PAIRS + 1
    assert not (tmp_path / "cache").exists()
