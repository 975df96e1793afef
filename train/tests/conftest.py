"""What several test files need: a small set of real pictures, a small model, and the programs as a user starts them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import digits
import pytest
import torch
from PIL import Image

from webimagetext_train.presets import ModelConfig
from webimagetext_train.shards import ShardIndex, find_shards
from webimagetext_train.tokenizer import ClipTokenizer

ROOT = Path(__file__).parents[1]
PAIRS = 90

SMALL = ModelConfig("small", 32, 32, 2, 64, 8, 1, 64, 1, 2, context_length=16, vocab_size=600)
"""Two blocks a tower: a step takes milliseconds."""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Small products only get slower with more threads, and the other core may be busy."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Glob of three shards of two handwritten digits side by side, 30 pairs each."""
    return digits.make_shards(tmp_path_factory.mktemp("shards"), PAIRS, shard_size=30, size=64)


@pytest.fixture(scope="session")
def index(shards: str) -> ShardIndex:
    """The samples of `shards`."""
    return ShardIndex.build(find_shards(shards), [("jpg", "png"), ("txt",)])


@pytest.fixture(scope="session")
def tokenizer() -> ClipTokenizer:
    """Trained on the wordings of the digits' captions: they become whole words."""
    captions = [wording.format(left, right) for wording in digits.WORDINGS for left in digits.NAMES for right in digits.NAMES]
    return ClipTokenizer.train(captions, SMALL.vocab_size)


def tar_bytes(files: list[tuple[str, bytes]], format: int = tarfile.USTAR_FORMAT) -> bytes:
    """An archive of `files` in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, data in files:
            digits.add(tar, name, data)
    return out.getvalue()


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    """`python -m webimagetext_train.MODULE ARGUMENTS` in its own process.

    Its pipes are small: who reads its lines to end it at a step is never far behind, however busy the machine is.
    """
    command = [sys.executable, "-m", f"webimagetext_train.{module}", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pipesize=4096)


def plain_square(colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (40, 50), colour).save(out, "PNG")
    return out.getvalue()


def run(module: str, *arguments: object) -> tuple[int, str, str]:
    """The same until its end -> exit code, stdout, stderr."""
    process = start(module, *arguments)
    out, error = process.communicate()
    return process.returncode, out, error


def train_arguments(shards: str, out: Path, *more: object) -> list[object]:
    """A run of two seconds that learns something; later options win over these."""
    options = {"--shards": shards, "--out": out, "--steps": 120, "--batch-size": 8, "--checkpoint-every": 10, "--log-every": 1, "--threads": 1}
    return [*(part for option in options.items() for part in option), "--json", *more]


@dataclass
class Finished:
    """A run that nobody disturbed."""

    out: Path
    events: list[dict]
    stderr: str


@pytest.fixture(scope="session")
def finished(shards: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """What the others are compared with; read only."""
    out = tmp_path_factory.mktemp("finished") / "run"
    code, output, error = run("train", *train_arguments(shards, out))
    assert code == 0, error
    return Finished(out, events(output), error)


def events(text: str) -> list[dict]:
    """What --json printed; a line that a kill cut short is left out."""
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]
