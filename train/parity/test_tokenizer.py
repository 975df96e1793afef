"""Ids of 20,000 real captions, in 170 locales, equal those of OpenAI's and open_clip's tokenizers."""

from __future__ import annotations

from pathlib import Path

import open_clip
import torch
from captions import captions
from clip.simple_tokenizer import SimpleTokenizer

from webimagetext_train.tokenizer import ClipTokenizer, find_openai

COUNT, LENGTH = 20_000, 77


def _padded(tokenizer: ClipTokenizer, lines: list[str]) -> torch.Tensor:
    ids = torch.from_numpy(tokenizer.encode(lines, LENGTH))
    return torch.nn.functional.pad(ids, (0, LENGTH - ids.shape[1]))


def test_openais_vocabulary_is_found_without_importing_anything() -> None:
    assert find_openai().name == "bpe_simple_vocab_16e6.txt.gz"


def test_open_clip(vocabulary: ClipTokenizer) -> None:
    lines = captions(COUNT)
    assert len(set(lines)) > 0.95 * COUNT and sum(not line.isascii() for line in lines) > 2000
    assert torch.equal(_padded(vocabulary, lines), open_clip.get_tokenizer("ViT-B-32")(lines))


def test_openai(vocabulary: ClipTokenizer) -> None:
    lines = captions(COUNT)
    assert vocabulary.size == 49_408
    other = SimpleTokenizer()
    for line, row in zip(lines, _padded(vocabulary, lines).tolist(), strict=True):
        ids = [vocabulary.start, *other.encode(line)[: LENGTH - 2], vocabulary.end]
        assert row == ids + [0] * (LENGTH - len(ids)), line


def test_our_own_vocabulary_in_open_clip(tmp_path: Path) -> None:
    lines = captions(COUNT, seed=1)
    own = ClipTokenizer.train(lines, 10_000)
    own.save(tmp_path / "bpe_own.txt.gz")
    other = open_clip.SimpleTokenizer(bpe_path=str(tmp_path / "bpe_own.txt.gz"), context_length=LENGTH)
    assert torch.equal(_padded(own, lines[:5000]), other(lines[:5000]))
