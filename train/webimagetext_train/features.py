"""Embeddings of pictures and captions, computed once for a model and kept.

Everything that an evaluation says follows from them: a second look at the same model, with a probe or other numbers of
shots, reads them back. An entry is named by a hash of the weights and of what was embedded, so that it can never be
taken for another's.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import images
from .errors import UserError
from .files import write_atomically
from .model import CLIP
from .tokenizer import ClipTokenizer


class Cache:
    """A folder of tensors; without a folder nothing is kept."""

    def __init__(self, folder: Path | None):
        self._folder = folder

    def get(self, key: str, compute: Callable[[], dict]) -> dict:
        """What `compute` gave for this key, now or before; the values are tensors and plain numbers."""
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.pt" if self._folder else None
        if path:
            with suppress(OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError):
                return torch.load(path, map_location="cpu", weights_only=True)
        value = compute()
        if path:
            # A folder that cannot be written costs time, not the result.
            with suppress(OSError, UserError):
                write_atomically(path, lambda file: torch.save(value, file))
        return value


@dataclass
class Pictures:
    """Embeddings of the pictures that could be read."""

    features: Tensor
    """(N, E), not normalised"""
    numbers: Tensor
    """(N,) which sample each is"""
    broken: int


class Embedder:
    """A model that is only asked, on its device, in batches."""

    def __init__(self, model: CLIP, tokenizer: ClipTokenizer, cache: Cache | None = None, batch_size: int = 256, workers: int = 1, say: Callable[[str], None] = lambda text: None):
        self.model, self.tokenizer = model.eval(), tokenizer
        self.cache = cache or Cache(None)
        self.device = model.logit_scale.device
        self._batch, self._workers, self._say = batch_size, workers, say
        self._digest: str | None = None

    @property
    def digest(self) -> str:
        """Of the weights, the configuration and the tokenizer."""
        if self._digest is None:
            digest = hashlib.sha256(f"{self.model.config} {self.tokenizer.digest()}".encode())
            for value in self.model.state_dict().values():
                digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
            self._digest = digest.hexdigest()
        return self._digest

    def pictures(self, count: int, read: Callable[[int], bytes], fingerprint: str) -> Pictures:
        """Embeds samples 0 ... count - 1; `fingerprint` names them in the cache."""
        value = self.cache.get(f"pictures {self.digest} {fingerprint}", lambda: self._pictures(count, read))
        return Pictures(value["features"], value["numbers"], value["broken"])

    def captions(self, captions: Sequence[str]) -> Tensor:
        """-> (len(captions), E), not normalised"""
        key = hashlib.sha256(json.dumps(list(captions)).encode()).hexdigest()
        return self.cache.get(f"captions {self.digest} {key}", lambda: {"features": self._captions(captions)})["features"]

    @torch.no_grad()
    def _captions(self, captions: Sequence[str]) -> Tensor:
        # Captions of about one length are cut to it: the order costs nothing and saves the padding.
        order = sorted(range(len(captions)), key=lambda number: len(captions[number]))
        rows = torch.empty(len(captions), self.model.config.embed_dim)
        for start in self._told(range(0, len(captions), self._batch), "captions", len(captions)):
            chosen = order[start : start + self._batch]
            tokens = self.tokenizer.encode([captions[number] for number in chosen], self.model.config.context_length)
            rows[chosen] = self.model.encode_text(torch.from_numpy(tokens).to(self.device)).float().cpu()
        return rows

    @torch.no_grad()
    def _pictures(self, count: int, read: Callable[[int], bytes]) -> dict:
        size, features, numbers, broken = self.model.config.image_size, [], [], 0

        def load(number: int) -> Tensor | None:
            try:
                return images.load(read(number), size)
            except images.BrokenPicture:
                return None

        with ThreadPoolExecutor(max(1, self._workers)) as pool:
            ahead: list | None = None
            starts = list(range(0, count, self._batch))
            for start in self._told([*starts, count], "pictures", count):
                # While the model is at work on one batch, the next one is read.
                submitted = [pool.submit(load, number) for number in range(start, min(start + self._batch, count))]
                if ahead:
                    loaded = [future.result() for future in ahead]
                    whole = [picture for picture in loaded if picture is not None]
                    broken += len(loaded) - len(whole)
                    numbers += [start - len(loaded) + place for place, picture in enumerate(loaded) if picture is not None]
                    if whole:
                        batch = images.normalise(torch.stack(whole).to(self.device))
                        features.append(self.model.encode_image(batch).float().cpu())
                ahead = submitted
        rows = torch.cat(features) if features else torch.empty(0, self.model.config.embed_dim)
        return {"features": rows, "numbers": torch.from_numpy(np.array(numbers, dtype=np.int64)), "broken": broken}

    def _told(self, starts: Sequence[int], what: str, count: int) -> Iterator[int]:
        told = time.monotonic()
        for start in starts:
            if time.monotonic() - told > 2:
                told = time.monotonic()
                self._say(f"embedded {start:,} of {count:,} {what}")
            yield start


def say_to_stderr(text: str) -> None:
    """Progress for people, on a line that is overwritten where there is a terminal."""
    terminal = sys.stderr.isatty()
    print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)
