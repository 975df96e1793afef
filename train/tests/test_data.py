"""Batches: the same whatever the threads and wherever begun; broken pictures are left out and said."""

from __future__ import annotations

import io
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import PAIRS, tar_bytes
from PIL import Image

from webimagetext_train.data import PARTS, Batch, Loader, LoaderOptions, captions_of
from webimagetext_train.shards import ShardIndex
from webimagetext_train.tokenizer import ClipTokenizer

OPTIONS = LoaderOptions(batch_size=8, image_size=32, context_length=16, seed=5, workers=0)
WIDE = 96


def _stripes(width: int = WIDE) -> bytes:
    """A picture whose red tells the column, so that a cut tells where it was made."""
    out = io.BytesIO()
    pixels = np.zeros((32, width, 3), dtype=np.uint8)
    pixels[:, :, 0] = np.arange(width)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def _index(folder: Path, pictures: list[bytes]) -> ShardIndex:
    files = [file for number, data in enumerate(pictures) for file in ((f"{number:03}.png", data), (f"{number:03}.txt", f"number {number}".encode()))]
    (folder / "a.tar").write_bytes(tar_bytes(files))
    return ShardIndex.build([str(folder / "a.tar")], PARTS)


def _same(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        a.keys == b.keys and a.broken == b.broken and torch.equal(a.images, b.images) and torch.equal(a.tokens, b.tokens) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("shuffled", [False, True])
def test_batches_do_not_depend_on_workers_or_on_where_one_begins(index: ShardIndex, tokenizer: ClipTokenizer, shuffled: bool) -> None:
    options = replace(OPTIONS, shuffle_captions=shuffled)
    expected = list(Loader(index, tokenizer, options).batches(1, 25))
    assert len(expected) == 25
    for workers in (1, 3, 20):
        assert _same(list(Loader(index, tokenizer, replace(options, workers=workers)).batches(1, 25)), expected)
        assert _same(list(Loader(index, tokenizer, replace(options, workers=workers)).batches(18, 25)), expected[17:])


def test_each_epoch_has_each_sample_once(index: ShardIndex, tokenizer: ClipTokenizer) -> None:
    options = replace(OPTIONS, batch_size=PAIRS // 9)
    keys = [key for batch in Loader(index, tokenizer, options).batches(1, 27) for key in batch.keys]
    epochs = [keys[start : start + PAIRS] for start in range(0, len(keys), PAIRS)]
    everything = sorted(index.key(number) for number in range(PAIRS))
    assert [sorted(epoch) for epoch in epochs] == [everything] * 3
    assert epochs[0] != epochs[1] != everything


def test_a_row_holds_a_picture_and_its_caption(index: ShardIndex, tokenizer: ClipTokenizer) -> None:
    captions = {index.key(number): index.read(number, 1).decode() for number in range(PAIRS)}
    for batch in Loader(index, tokenizer, OPTIONS).batches(1, 5):
        assert batch.images.shape == (8, 3, 32, 32)
        assert batch.images.dtype == torch.uint8
        assert np.array_equal(batch.tokens.numpy(), tokenizer.encode([captions[key] for key in batch.keys], 16))


def test_shuffled_captions_are_those_of_others(index: ShardIndex, tokenizer: ClipTokenizer) -> None:
    options = replace(OPTIONS, batch_size=PAIRS)
    rows: list[list[list[int]]] = []
    keys = []
    for shuffled in (False, True):
        batches = list(Loader(index, tokenizer, replace(options, shuffle_captions=shuffled)).batches(1, 2))
        rows += [batch.tokens.tolist() for batch in batches]
        keys.append([batch.keys for batch in batches])
    plain, plain2, shuffled, shuffled2 = rows
    assert keys[0] == keys[1]
    for before, after in ((plain, shuffled), (plain2, shuffled2)):
        assert Counter(map(tuple, before)) == Counter(map(tuple, after))
        # Captions repeat in this set, so a few rows get an equal one.
        assert sum(a == b for a, b in zip(before, after, strict=True)) < PAIRS / 6
    first = dict(zip(keys[1][0], shuffled, strict=True))
    again = dict(zip(keys[1][1], shuffled2, strict=True))
    assert sum(first[key] == again[key] for key in first) < PAIRS / 6


def test_the_cut_slides_over_the_whole_picture(tmp_path: Path, tokenizer: ClipTokenizer) -> None:
    index = _index(tmp_path, [_stripes()] * 60)
    epochs = [batch.images[:, 0, 0].int() for batch in Loader(index, tokenizer, replace(OPTIONS, batch_size=60)).batches(1, 4)]
    threaded = Loader(index, tokenizer, replace(OPTIONS, batch_size=60, workers=7)).batches(1, 4)
    assert all(torch.equal(batch.images[:, 0, 0], epoch) for batch, epoch in zip(threaded, epochs, strict=True))
    columns = torch.cat(epochs)
    assert torch.equal(columns, columns[:, :1] + torch.arange(32, dtype=torch.int32))
    starts = columns[:, 0].tolist()
    assert min(starts) in range(4)
    assert max(starts) in range(WIDE - 32 - 3, WIDE - 32 + 1)
    assert len(set(starts)) > 50
    assert not torch.equal(epochs[0][:, 0].sort().values, epochs[1][:, 0].sort().values)


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_pictures_are_left_out_with_a_reason(tmp_path: Path, tokenizer: ClipTokenizer, workers: int) -> None:
    index = _index(tmp_path, [b"<html>" if number % 5 == 0 else _stripes()[:60] if number % 5 == 1 else _stripes() for number in range(40)])
    batches = list(Loader(index, tokenizer, replace(OPTIONS, workers=workers)).batches(1, 5))
    broken = dict(entry for batch in batches for entry in batch.broken)
    assert sorted(broken) == [f"a/{number:03}" for number in range(40) if number % 5 < 2]
    assert all(broken.values())
    for batch in batches:
        assert len(batch.keys) + len(batch.broken) == 8
        assert len(batch.images) == len(batch.tokens) == len(batch.keys)
        assert np.array_equal(batch.tokens, tokenizer.encode([f"number {int(key[2:])}" for key in batch.keys], 16))


def test_a_batch_of_broken_pictures_only_is_empty(tmp_path: Path, tokenizer: ClipTokenizer) -> None:
    (batch,) = Loader(_index(tmp_path, [b"x"] * 8), tokenizer, OPTIONS).batches(1, 1)
    assert (len(batch.images), len(batch.tokens), batch.keys, len(batch.broken)) == (0, 0, [], 8)


def test_closing_the_iterator_stops_its_threads(index: ShardIndex, tokenizer: ClipTokenizer) -> None:
    batches = Loader(index, tokenizer, replace(OPTIONS, workers=3)).batches(1, 1000)
    next(batches)
    assert any(thread.name.startswith("loader") for thread in threading.enumerate())
    batches.close()
    assert not any(thread.name.startswith("loader") for thread in threading.enumerate())


def test_captions_for_the_tokenizer_are_spread_evenly(index: ShardIndex) -> None:
    everything = list(captions_of(index))
    assert everything == [index.read(number, 1).decode() for number in range(PAIRS)]
    assert list(captions_of(index, PAIRS // 3)) == everything[::3]
