"""Merges files: OpenAI's layout is read, and what is none is refused with its name."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from webimagetext_train.errors import UserError
from webimagetext_train.tokenizer import MAX_MERGES, ClipTokenizer

GOOD = b"#version: 0.2\ni n\nt h\nth e</w>\n"
BAD = {
    "empty": b"",
    "prose": b"It was a dark and stormy night;\nthe rain fell\n",
    "no version": GOOD.split(b"\n", 1)[1],
    "three words": GOOD + b"a b c\n",
    "one word": GOOD + b"abc\n",
    "unspelled": GOOD + b"foo bar\n",
    "spelled too late": GOOD + b"ab c\na b\n",
    "no UTF-8": GOOD + b"\xff\xfe x\n",
    "cut gzip": gzip.compress(GOOD)[:-9],
    "damaged gzip": gzip.compress(GOOD * 50)[:12] + b"\xff" * 40,
    "another gzip": gzip.compress(b"\x00\x01\x02" * 99),
}


def test_openai_layout(tmp_path: Path) -> None:
    (tmp_path / "bpe.txt.gz").write_bytes(gzip.compress(b'"bpe_simple_vocab_16e6.txt' + GOOD))
    tokenizer = ClipTokenizer.load(tmp_path / "bpe.txt.gz")
    assert tokenizer.merges == [("i", "n"), ("t", "h"), ("th", "e</w>")]
    assert tokenizer.encode(["the in"], 77).tolist() == [[515, 514, ord("i") - 33, 256 + ord("n") - 33, 516]]


def test_only_the_first_48894_lines_count(tmp_path: Path) -> None:
    letters = [chr(number) for number in range(0x21, 0x7F)]
    pairs = [f"{left} {right}{end}" for end in ("", "</w>") for left in letters for right in letters]
    lines = pairs + [f"{left}{right} {third}</w>" for left in letters for right in letters for third in letters[:10]]
    (tmp_path / "long.txt").write_text("#version\n" + "\n".join(lines))
    assert len(lines) > MAX_MERGES
    assert ClipTokenizer.load(tmp_path / "long.txt").size == 49_408


@pytest.mark.parametrize("name", BAD)
def test_other_files_are_refused_by_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "merges"
    path.write_bytes(BAD[name])
    with pytest.raises(UserError, match=str(path)) as caught:
        ClipTokenizer.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere.txt"):
        ClipTokenizer.load(tmp_path / "nowhere.txt")


def test_the_vocabulary_is_at_most_what_was_asked() -> None:
    captions = [f"word{number % 40} again{number % 7}" for number in range(400)]
    for asked in (514, 515, 530, 600):
        assert ClipTokenizer.train(captions, asked).size == min(asked, ClipTokenizer.train(captions, 5000).size)
    assert ClipTokenizer.train([], 600).size == 514
    assert ClipTokenizer.train(["abc xyz"], 600).size == 514  # no pair occurs twice


def test_openais_vocabulary_in_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: ClipTokenizer) -> None:
    monkeypatch.setattr("webimagetext_train.tokenizer._PACKAGES", ("clip_of_this_test",))
    with pytest.raises(UserError, match="is in no installed package"):
        ClipTokenizer.load("openai")
    package = tmp_path / "clip_of_this_test"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    tokenizer.save(package / "bpe_simple_vocab_16e6.txt.gz")
    monkeypatch.syspath_prepend(tmp_path)
    assert ClipTokenizer.load("openai").digest() == tokenizer.digest()
