"""Batches in an order that is a pure function of (seed, epoch, position), read ahead by threads.

There is no shuffle buffer: sample number p of the run is sample `permute(p mod n)` of epoch p / n, whatever the number
of workers and processes and wherever the run was resumed. Each sample comes exactly once an epoch.
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
    """What one process needs for one step."""

    images: Tensor
    """(b, 3, S, S) uint8"""
    tokens: Tensor
    """(b, L) int64, L the longest caption of the batch"""
    samples: np.ndarray
    """(b,) places in the index"""
    broken: list[tuple[str, str]]
    """Keys of the samples left out of this batch, each with the reason"""
    index: ShardIndex

    @property
    def keys(self) -> list[str]:
        """SHARD/KEY of each row, looked up on demand: most batches are never asked."""
        return [self.index.key(sample) for sample in self.samples.tolist()]


@dataclass(frozen=True)
class LoaderOptions:
    """How batches are made; all but `workers`, `rank`, `world` and `pin` decide what is in the global batch."""

    batch_size: int
    """Of all processes together."""
    image_size: int
    context_length: int
    seed: int
    workers: int
    shuffle_captions: bool = False
    """Control: each picture gets the caption of another sample, drawn anew each epoch."""
    rank: int = 0
    world: int = 1
    """This process loads rows B rank / world ... B (rank + 1) / world of each batch of B."""
    pin: bool = False
    """Batches in page-locked memory, from which a GPU copies while it computes."""


class Loader:
    """Iterates over the batches of steps first_step ... steps (counted from one)."""

    def __init__(self, index: ShardIndex, tokenizer: ClipTokenizer, options: LoaderOptions):
        self.index, self.tokenizer, self.options = index, tokenizer, options
        self._first, end = (options.batch_size * rank // options.world for rank in (options.rank, options.rank + 1))
        self._rows = end - self._first

    def indices(self, step: int) -> np.ndarray:
        """(B,) samples of all processes in one step, broken ones included."""
        size = self.options.batch_size
        return order((step - 1) * size, size, len(self.index), self.options.seed)

    def batches(self, first_step: int, steps: int) -> Iterator[Batch]:
        """Read two batches ahead; closing the iterator stops the threads."""
        if self.options.workers == 0:
            for step in range(first_step, steps + 1):
                pixels = self._empty()
                yield self._join(step, pixels, [self._chunk(step, pixels, 0, self._rows)])
            return
        # Resizing one 8-bit picture stays on its thread; torch.set_num_threads(1) here would slow down the model too.
        pool = ThreadPoolExecutor(self.options.workers, "loader")
        ahead: deque[Future[Batch]] = deque()
        chunk = max(1, min(_CHUNK, -(-self._rows // self.options.workers)))
        try:
            for step in range(first_step, steps + 3):
                if step <= steps:
                    pixels = self._empty()
                    parts = [pool.submit(self._chunk, step, pixels, start, min(chunk, self._rows - start)) for start in range(0, self._rows, chunk)]
                    # Its parts are before it in the queue: whoever takes it up never waits for work not begun.
                    ahead.append(pool.submit(lambda step=step, pixels=pixels, parts=parts: self._join(step, pixels, [part.result() for part in parts])))
                if len(ahead) > 2 or step > steps:
                    if not ahead:
                        return
                    yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _empty(self) -> Tensor:
        size = self.options.image_size
        return torch.empty(self._rows, 3, size, size, dtype=torch.uint8, pin_memory=self.options.pin)

    def _position(self, step: int) -> int:
        """Of this process' first row of a step, among all samples of the run."""
        return (step - 1) * self.options.batch_size + self._first

    def _chunk(self, step: int, pixels: Tensor, start: int, length: int) -> dict[int, str]:
        """Fills rows of `pixels`; -> the reasons of those that are broken."""
        first = self._position(step) + start
        samples = order(first, length, len(self.index), self.options.seed)
        # 53 bits make a float in [0, 1); where the square is cut depends on the position alone.
        places = (mix(np.arange(first, first + length), self.options.seed + 1) >> np.uint64(11)) / 2.0**53
        broken = {}
        for row, (sample, place) in enumerate(zip(samples.tolist(), places.tolist(), strict=True), start):
            try:
                pixels[row] = images.load(self.index.read(sample, IMAGE), self.options.image_size, place)
            except images.BrokenPicture as error:
                broken[row] = str(error)
        return broken

    def _join(self, step: int, pixels: Tensor, broken_rows: list[dict[int, str]]) -> Batch:
        broken = {row: reason for rows in broken_rows for row, reason in rows.items()}
        first, count = self._position(step), len(self.index)
        samples = texts = order(first, self._rows, count, self.options.seed)
        if self.options.shuffle_captions:
            texts = order(first, self._rows, count, self.options.seed + _SHUFFLED)
        kept = [row for row in range(self._rows) if row not in broken]
        return Batch(
            pixels[kept] if broken else pixels,
            torch.from_numpy(self.tokenizer.encode([self._caption(texts[row]) for row in kept], self.options.context_length)),
            samples[kept],
            [(self.index.key(samples[row]), broken[row]) for row in sorted(broken)],
            self.index,
        )

    def _caption(self, sample: int) -> str:
        return self.index.read(sample, TEXT).decode("utf-8", "replace")


def captions_of(index: ShardIndex, limit: int = 1_000_000) -> Iterator[str]:
    """Captions for training a tokenizer, evenly spread over the shards when there are more than `limit`."""
    count = min(len(index), limit)
    for number in range(count):
        yield index.read(number * len(index) // count, TEXT).decode("utf-8", "replace")
