"""Batches in an order that is a pure function of (seed, epoch, position), read ahead by threads.

There is no shuffle buffer: sample number p of the run is sample `permute(p mod n)` of epoch p / n, whatever the number
of workers and wherever the run was resumed. Each sample comes exactly once an epoch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from . import images
from .shards import PICTURES, ShardIndex
from .tokenizer import ClipTokenizer

PARTS: list[tuple[str, ...]] = [PICTURES, ("txt",)]
IMAGE, TEXT = 0, 1
_CHUNK = 64
_SHUFFLED = 0xC0DE
"""Names the second permutation, that of the control with shuffled captions."""


def mix(values: np.ndarray, seed: int) -> np.ndarray:
    """uint64 -> uint64, a seeded 64-bit finaliser (every input bit moves about half of the output bits)."""
    with np.errstate(over="ignore"):
        x = values.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        return x ^ (x >> np.uint64(31))


def permute(positions: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A seeded permutation of range(count), evaluated at `positions` (any shape) without being stored.

    Six Feistel rounds over the smallest even number of bits that hold `count`; a value beyond the end is sent round
    again until it falls inside (under four times on average), which keeps it a permutation.
    """
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    low = np.uint64((1 << half) - 1)
    result = np.asarray(positions, dtype=np.uint64).copy()
    pending = np.ones(result.shape, dtype=bool)
    while pending.any():
        left, right = result[pending] >> np.uint64(half), result[pending] & low
        for turn in range(6):
            left, right = right, left ^ (mix(right, seed * 8 + turn) & low)
        result[pending] = left << np.uint64(half) | right
        pending = result >= np.uint64(count)
    return result.astype(np.int64)


def order(start: int, length: int, count: int, seed: int) -> np.ndarray:
    """Indices of the samples at positions start ... start + length of a run over `count` samples."""
    positions = np.arange(start, start + length, dtype=np.int64)
    result = np.empty(length, dtype=np.int64)
    for epoch in range(start // count, (start + length - 1) // count + 1):
        inside = positions // count == epoch
        result[inside] = permute(positions[inside] % count, count, int(mix(np.array([epoch]), seed)[0]))
    return result


@dataclass
class Batch:
    """What one step needs."""

    images: Tensor
    """(B, 3, S, S) uint8"""
    tokens: Tensor
    """(B, L) int64, L the longest caption of the batch"""
    keys: list[str]
    broken: list[tuple[str, str]]
    """Samples left out of this batch, each with the reason"""


@dataclass(frozen=True)
class LoaderOptions:
    """How batches are made; all but `workers` decide what is in them."""

    batch_size: int
    image_size: int
    context_length: int
    seed: int
    workers: int
    shuffle_captions: bool = False
    """Control: each picture gets the caption of another sample, drawn anew each epoch."""


class Loader:
    """Iterates over the batches of steps first_step ... steps (counted from one)."""

    def __init__(self, index: ShardIndex, tokenizer: ClipTokenizer, options: LoaderOptions):
        self.index, self.tokenizer, self.options = index, tokenizer, options

    def indices(self, step: int) -> np.ndarray:
        """(B,) samples of one step, broken ones included."""
        size = self.options.batch_size
        return order((step - 1) * size, size, len(self.index), self.options.seed)

    def batches(self, first_step: int, steps: int) -> Iterator[Batch]:
        """Read two batches ahead; closing the iterator stops the threads."""
        if self.options.workers == 0:
            for step in range(first_step, steps + 1):
                samples = self.indices(step)
                yield self._join(step, samples, [self._chunk(step, samples, 0)])
            return
        # Resizing one 8-bit picture stays on its thread; torch.set_num_threads(1) here would slow down the model too.
        pool = ThreadPoolExecutor(self.options.workers, "loader")
        ahead: deque[tuple[int, np.ndarray, list[Future]]] = deque()
        chunk = min(_CHUNK, -(-self.options.batch_size // self.options.workers))
        try:
            for step in range(first_step, steps + 3):
                if step <= steps:
                    samples = self.indices(step)
                    pieces = [(samples[start : start + chunk], start) for start in range(0, len(samples), chunk)]
                    ahead.append((step, samples, [pool.submit(self._chunk, step, *piece) for piece in pieces]))
                if ahead and ahead[0][0] <= step - 2:
                    ready, samples, parts = ahead.popleft()
                    yield self._join(ready, samples, [part.result() for part in parts])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _chunk(self, step: int, samples: np.ndarray, start: int) -> list[Tensor | str]:
        """Pictures of `samples`, which begin at row `start` of the step's batch; a reason in place of a broken one."""
        first = (step - 1) * self.options.batch_size + start
        # 53 bits make a float in [0, 1); where the square is cut depends on the position alone.
        places = (mix(np.arange(first, first + len(samples)), self.options.seed + 1) >> np.uint64(11)) / 2.0**53
        result: list[Tensor | str] = []
        for sample, place in zip(samples.tolist(), places.tolist(), strict=True):
            try:
                result.append(images.load(self.index.read(sample, IMAGE), self.options.image_size, place))
            except images.BrokenPicture as error:
                result.append(str(error))
        return result

    def _join(self, step: int, samples: np.ndarray, chunks: list[list[Tensor | str]]) -> Batch:
        loaded = list(zip(samples.tolist(), (picture for chunk in chunks for picture in chunk), strict=True))
        texts = samples
        if self.options.shuffle_captions:
            texts = order((step - 1) * len(samples), len(samples), len(self.index), self.options.seed + _SHUFFLED)
        pictures = [picture for _, picture in loaded if isinstance(picture, Tensor)]
        kept = [row for row, (_, picture) in enumerate(loaded) if isinstance(picture, Tensor)]
        size = self.options.image_size
        return Batch(
            torch.stack(pictures) if pictures else torch.empty(0, 3, size, size, dtype=torch.uint8),
            torch.from_numpy(self.tokenizer.encode([self._caption(texts[row]) for row in kept], self.options.context_length)),
            [self.index.key(loaded[row][0]) for row in kept],
            [(self.index.key(sample), picture) for sample, picture in loaded if isinstance(picture, str)],
        )

    def _caption(self, sample: int) -> str:
        return self.index.read(sample, TEXT).decode("utf-8", "replace")


def captions_of(index: ShardIndex, limit: int = 1_000_000) -> Iterator[str]:
    """Captions for training a tokenizer, evenly spread over the shards when there are more than `limit`."""
    count = min(len(index), limit)
    for number in range(count):
        yield index.read(number * len(index) // count, TEXT).decode("utf-8", "replace")
