"""Lower-cased byte-level BPE as in the paper (section 2.4), trained on the captions or loaded from a merges file.

Ids: 256 bytes, the same 256 bytes ending a word, one for each merge, start, end. Only the merges need storing:
the file is OpenAI's `bpe_*.txt.gz` (a `#version` line, then a merge a line), so either side reads the other's.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import zlib
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from .errors import UserError, pip_install
from .files import write_atomically

START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
MAX_MERGES = 49_152 - 256 - 2
"""OpenAI's file is longer than its vocabulary: only this many lines of it are read."""

OPENAI = "openai"
"""Instead of a file: OpenAI's own, which lies inside packages that read its models and not in this repository."""
_PACKAGES = ("open_clip", "clip")

# Contractions, letters, single digits, the rest: the words inside which pairs are merged.
_PATTERN = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def _byte_symbols() -> dict[str, int]:
    """A visible character for each byte, in the order of the released vocabulary: the bytes that are visible first."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + index): byte for index, byte in enumerate(others)}


def _alphabet() -> list[str]:
    symbols = list(_byte_symbols())
    return symbols + [symbol + END_OF_WORD for symbol in symbols]


def _backend(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return tokenizer


def find_openai() -> Path:
    """OpenAI's merges file inside an installed package, which is not imported."""
    for name in _PACKAGES:
        try:
            package = importlib.util.find_spec(name)
        except ValueError:  # imported by others, without saying from where
            continue
        for folder in (package.submodule_search_locations if package else None) or []:
            for path in sorted(Path(folder).glob("bpe_simple_vocab_*.txt.gz")):
                return path
    raise UserError(f"OpenAI's vocabulary is in no installed package: {pip_install('open_clip_torch')}, or name a bpe_*.txt.gz")


class ClipTokenizer:
    """Captions to token ids and back."""

    def __init__(self, merges: list[tuple[str, str]]):
        self.merges = merges
        words = [*_alphabet(), *(left + right for left, right in merges), START, END]
        # Two merges may spell the same word; the released code then keeps the last id, and so does a dict.
        self._vocabulary = {word: index for index, word in enumerate(words)}
        self._words = words
        self.size = len(words)
        self.start, self.end = len(words) - 2, len(words) - 1
        self._tokenizer = _backend(models.BPE(vocab=self._vocabulary, merges=merges, end_of_word_suffix=END_OF_WORD))
        self._bytes = _byte_symbols()

    @property
    def vocabulary(self) -> dict[str, int]:
        """Words of the vocabulary, in the alphabet that has a visible character for each byte, and their ids."""
        return dict(self._vocabulary)

    @staticmethod
    def train(captions: Iterable[str], vocab_size: int) -> ClipTokenizer:
        """At most `vocab_size` entries; fewer when no pair of symbols occurs twice any more."""
        # The alphabet is handed over as special tokens, or the trainer would number its symbols in the order in which
        # a randomly seeded hash table yields them, and break ties between merges by those numbers.
        alphabet = _alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - 2,
            min_frequency=2,
            special_tokens=alphabet,
            end_of_word_suffix=END_OF_WORD,
            show_progress=False,
        )
        backend = _backend(models.BPE(end_of_word_suffix=END_OF_WORD))
        backend.train_from_iterator(captions, trainer)
        return ClipTokenizer(_merges_of(backend)[: max(0, vocab_size - 2 - len(alphabet))])

    @staticmethod
    def load(path: str | Path) -> ClipTokenizer:
        """Reads a merges file, compressed or not; `openai` is OpenAI's, where an installed package has it."""
        if str(path) == OPENAI and not Path(path).exists():
            path = find_openai()
        try:
            data = Path(path).read_bytes()
            text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
            first, *lines = text.split("\n")
            if "#version" not in first:
                raise ValueError("no #version in its first line")
            merges = [(left, right) for left, right in (line.split() for line in lines[:MAX_MERGES] if line.strip())]
            known = set(_alphabet())
            for left, right in merges:
                if left not in known or right not in known:
                    raise ValueError(f"nothing spells {left} {right} before its line")
                known.add(left + right)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise UserError(f"{path} is not a merges file ({error}): name a bpe_*.txt.gz") from error
        return ClipTokenizer(merges)

    def save(self, path: str | Path) -> None:
        """The same merges give the same bytes: no time stamp is written."""
        write_atomically(Path(path), self._serialise())

    def digest(self) -> str:
        """SHA-256 of the merges; a checkpoint is only good with the tokenizer that it was trained with."""
        return hashlib.sha256("\n".join(" ".join(merge) for merge in self.merges).encode()).hexdigest()

    def _serialise(self) -> bytes:
        lines = ["#version: webimagetext 1", *(" ".join(merge) for merge in self.merges)]
        # No newline at the end: the released reader would take the empty line after it for one more merge.
        return gzip.compress("\n".join(lines).encode("utf-8"), mtime=0)

    def encode(self, captions: list[str], context_length: int) -> np.ndarray:
        """-> (len(captions), L) int64, L the longest caption in tokens, at most `context_length`; padded with zeros.

        A longer caption is cut and still ends with the end token. The text "<|endoftext|>" in a caption is spelled in
        bytes: nobody's alt text can end another's sentence.
        """
        rows = [encoding.ids[: context_length - 2] for encoding in self._tokenizer.encode_batch_fast(captions, add_special_tokens=False)]
        tokens = np.zeros((len(rows), 2 + max(map(len, rows), default=0)), dtype=np.int64)
        for row, ids in zip(tokens, rows, strict=True):
            row[0] = self.start
            row[1 : 1 + len(ids)] = ids
            row[1 + len(ids)] = self.end
        return tokens

    def decode(self, ids: Iterable[int]) -> str:
        """Lower-cased text between start and end, a space after each word."""
        inside = takewhile(lambda index: index != self.end, ids)
        symbols = "".join(self._words[index] for index in inside if index != self.start)
        spelled = symbols.replace(END_OF_WORD, " ").split(" ")
        return b" ".join(bytes(self._bytes[symbol] for symbol in word) for word in spelled).decode("utf-8", "replace").strip()


def _merges_of(backend: Tokenizer) -> list[tuple[str, str]]:
    merges = json.loads(backend.to_str())["model"]["merges"]
    return [tuple(merge.split(" ")) if isinstance(merge, str) else (merge[0], merge[1]) for merge in merges]
