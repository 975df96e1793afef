"""Captions to ids and back, against a byte pair encoding of twenty lines; files that survive a trip."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from webimagetext_train.tokenizer import ClipTokenizer

CAPTIONS = [
    "A photo of two cats, sleeping on the sofa.",
    "the CAT's 3 kittens aren't  here\tnor there",
    "Café déjà-vu: naïve façade №5",
    "猫が二匹 ソファで寝ている",
    "emoji 🐈‍⬛ and 👍🏽!!",
    "<|endoftext|> a <|startoftext|> b<|endoftext|>c",
    "x" * 50,
    "",
    "   ",
    "\x00\x1f control \u00a0 space",
]


@pytest.fixture(scope="module")
def trained() -> ClipTokenizer:
    return ClipTokenizer.train(CAPTIONS * 2, 700)


def _symbols() -> list[str]:
    visible = [byte for byte in range(256) if 33 <= byte <= 126 or 161 <= byte <= 172 or 174 <= byte]
    names = {byte: chr(byte) for byte in visible}
    for byte in range(256):
        names.setdefault(byte, chr(256 + len(names) - len(visible)))
    return [names[byte] for byte in range(256)]


def _slow_ids(text: str, merges: list[tuple[str, str]]) -> list[int]:
    """Merge the adjacent pair of the lowest rank until none is left; an id is a place in the order of the vocabulary."""
    symbols = _symbols()
    order = sorted(symbols, key=lambda symbol: (ord(symbol) >= 256, ord(symbol)))
    words = [*order, *(symbol + "</w>" for symbol in order), *(left + right for left, right in merges)]
    ids = {word: number for number, word in enumerate(words)}
    result = []
    pattern = r"<\|startoftext\|>|<\|endoftext\|>|'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|[^\s\w]+|_+"
    for word in re.findall(pattern, text.lower()):
        parts = [symbols[byte] for byte in word.encode()]
        parts[-1] += "</w>"
        while pairs := [pair for pair in zip(parts, parts[1:], strict=False) if pair in merges]:
            left, right = min(pairs, key=merges.index)
            merged: list[str] = []
            for part in parts:
                if merged and merged[-1] == left and part == right:
                    merged[-1] = left + right
                else:
                    merged.append(part)
            parts = merged
        result += [ids[part] for part in parts]
    return result


@pytest.mark.parametrize("caption", [*CAPTIONS[:3], *CAPTIONS[5:9], "unseen words, sofas & catkins", "ssss sss ss s"])
def test_is_the_slow_encoding(trained: ClipTokenizer, caption: str) -> None:
    assert trained.encode([caption], 1000)[0].tolist() == [trained.start, *_slow_ids(caption, trained.merges), trained.end]


@pytest.mark.parametrize("caption", CAPTIONS)
def test_round_trip_loses_only_case_and_spacing(trained: ClipTokenizer, caption: str) -> None:
    def bare(text: str) -> str:
        return "".join(text.lower().split())

    ids = trained.encode([caption, "a longer caption pads the other one " * 9], 1000)[0]
    assert bare(trained.decode(ids)) == bare(caption)
    assert trained.encode([trained.decode(ids)], 1000)[0].tolist() == ids[: ids.argmax() + 1].tolist()


def test_case_and_spacing_are_ignored(trained: ClipTokenizer) -> None:
    assert np.array_equal(trained.encode(["  A CAT\n\non the\u00a0sofa "], 77), trained.encode(["a cat on the sofa"], 77))


def test_first_512_ids_are_the_bytes(trained: ClipTokenizer) -> None:
    seen = trained.encode(["!"], 77)[0, 1]
    assert seen == 256  # "!" is the first visible byte; alone it ends its word
    raw = b"".join(trained._words[number].encode("utf-8") for number in range(94))
    assert raw == bytes(range(0x21, 0x7F))
    assert len(set(trained._words[:256])) == 256
    assert [word + "</w>" for word in trained._words[:256]] == trained._words[256:512]


def test_long_captions_are_cut_and_end(trained: ClipTokenizer) -> None:
    tokens = trained.encode(["cat " * 100, "cat"], 12)
    assert tokens.shape == (2, 12)
    assert tokens[0, 0] == trained.start
    assert tokens[0, -1] == trained.end
    assert tokens[1].tolist() == [*tokens[0, :2], trained.end, *[0] * 9]


def test_no_caption_can_spell_the_end_token(trained: ClipTokenizer) -> None:
    for caption in ("<|endoftext|>", "a <|EndOfText|> b", "<|startoftext|>"):
        ids = trained.encode([caption], 77)[0].tolist()
        assert ids.count(trained.end) == ids.count(trained.start) == 1


def test_save_and_load(trained: ClipTokenizer, tmp_path: Path) -> None:
    trained.save(tmp_path / "bpe.txt.gz")
    assert (tmp_path / "bpe.txt.gz").read_bytes()[4:8] == bytes(4)  # gzip's time stamp
    (tmp_path / "plain.txt").write_bytes(gzip.decompress((tmp_path / "bpe.txt.gz").read_bytes()))
    for name in ("bpe.txt.gz", "plain.txt"):
        loaded = ClipTokenizer.load(tmp_path / name)
        assert (loaded.size, loaded.digest()) == (trained.size, trained.digest())
        assert np.array_equal(loaded.encode(CAPTIONS, 77), trained.encode(CAPTIONS, 77))


def test_training_is_the_same_in_every_process(trained: ClipTokenizer, tmp_path: Path) -> None:
    code = "import json, sys; from webimagetext_train.tokenizer import ClipTokenizer as T; T.train(json.loads(sys.argv[1]), 700).save(sys.argv[2])"
    trained.save(tmp_path / "here")
    running = []
    for seed in ("1", "2", "3"):
        command = [sys.executable, "-c", code, json.dumps(CAPTIONS * 2), str(tmp_path / seed)]
        running.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}))
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len({hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("here", "1", "2", "3")}) == 1
