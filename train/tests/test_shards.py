"""Samples of shards: the same as the webdataset package's, whole or cut, each to be read in any order."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
import webdataset
from conftest import PAIRS, tar_bytes

from webimagetext_train.errors import UserError
from webimagetext_train.shards import ShardIndex, find_shards

PARTS = [("jpg", "png"), ("txt",)]


def _build(folder: Path, **shards: bytes) -> ShardIndex:
    for name, data in shards.items():
        (folder / f"{name}.tar").write_bytes(data)
    return ShardIndex.build(find_shards(str(folder / "*.tar")), PARTS)


def _sample(key: str, *extensions: str) -> list[tuple[str, bytes]]:
    return [(f"{key}.{extension}", f"{key} {extension}".encode() * 50) for extension in extensions or ("jpg", "txt", "json")]


def _pairs(index: ShardIndex) -> list[tuple[str, bytes, bytes]]:
    return [(index.key(number), index.read(number, 0), index.read(number, 1)) for number in range(len(index))]


def test_reads_what_the_webdataset_package_reads(shards: str, index: ShardIndex) -> None:
    theirs = []
    for path in find_shards(shards):
        for sample in webdataset.WebDataset(path, shardshuffle=False):
            theirs.append((f"{Path(path).stem}/{sample['__key__']}", sample["jpg"], sample["txt"]))
    assert len(theirs) == PAIRS
    assert _pairs(index) == theirs
    assert index.incomplete == 0
    assert index.damaged == []


def test_odd_names_are_grouped_as_the_webdataset_package_does(tmp_path: Path) -> None:
    files = [
        *[("README", b"no extension"), (".hidden.jpg", b"no key"), ("folder/.txt", b"no key either")],
        *_sample("one", "jpg", "txt"),
        *[("folder/one.JPG", b"another key"), ("LICENSE", b"in between"), ("folder/one.Txt", b"of folder")],
        *[("two.seg.png", b"two dots"), ("two.png", b"picture"), ("two.txt", b"caption")],
        *_sample("x" * 120 + "/" + "y" * 130),
    ]
    index = _build(tmp_path, odd=tar_bytes(files, tarfile.GNU_FORMAT))
    theirs = []
    for sample in webdataset.WebDataset(str(tmp_path / "odd.tar"), shardshuffle=False):
        picture = sample.get("jpg") or sample.get("png")
        if picture and "txt" in sample:
            theirs.append((f"odd/{sample['__key__']}", picture, sample["txt"]))
    assert _pairs(index) == theirs
    assert len(theirs) == 4


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["ustar", "pax", "gnu"])
def test_keys_are_whole_however_long(format: int, tmp_path: Path) -> None:
    keys = ["d" * 90 + "/" + "k" * 90, "e" * 90 + "/" + "é" * 40, "short"]
    index = _build(tmp_path, a=tar_bytes([file for key in keys for file in _sample(key)], format))
    assert [index.key(number) for number in range(3)] == [f"a/{key}" for key in keys]


def test_samples_without_a_part_are_counted(tmp_path: Path) -> None:
    files = [*_sample("a"), *_sample("b", "jpg", "json"), *_sample("c", "txt"), *_sample("d", "png", "txt"), *_sample("e", "gif", "txt")]
    index = _build(tmp_path, a=tar_bytes(files))
    assert [key for key, _, _ in _pairs(index)] == ["a/a", "a/d"]
    assert index.incomplete == 3


def test_damaged_shards_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    whole = tar_bytes([file for key in "abc" for file in _sample(key)])
    second = whole.index(b"b.jpg")
    index = _build(
        tmp_path,
        cut=whole[: second + 700],
        empty=b"",
        noise=b"no tar at all" * 100,
        short=b"hello",
        whole=whole,
        zeros=bytes(10_240),
    )
    assert [key for key, _, _ in _pairs(index)] == ["cut/a", "whole/a", "whole/b", "whole/c"]
    assert [Path(line.split(": ")[0]).stem for line in index.damaged] == ["cut", "empty", "noise", "short"]
    assert index.incomplete == 0


def test_a_cut_after_the_caption_keeps_the_sample(tmp_path: Path) -> None:
    whole = tar_bytes([*_sample("a"), *_sample("b")])
    in_header = whole.index(b"b.jpg") + 100
    in_json = whole.index(b"a.json") + 600
    for number, cut in enumerate((in_header, in_json)):
        (tmp_path / str(number)).mkdir()
        index = _build(tmp_path / str(number), x=whole[:cut])
        assert [key for key, _, _ in _pairs(index)] == ["x/a"]
        assert len(index.damaged) == 1


def test_unreadable_things_named_tar(tmp_path: Path) -> None:
    (tmp_path / "folder.tar").mkdir()
    os.symlink(tmp_path / "nowhere", tmp_path / "link.tar")
    index = _build(tmp_path, whole=tar_bytes(_sample("a")))
    assert len(index) == 1
    assert len(index.damaged) == 2


def test_no_shards_is_said_with_the_pattern(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing-\*\.tar.*npm run crawl"):
        find_shards(str(tmp_path / "nothing-*.tar"))


def test_fingerprint_follows_the_data(tmp_path: Path) -> None:
    for name in ("one", "two", "grown"):
        (tmp_path / name).mkdir()
    data = tar_bytes(_sample("a"))
    first = _build(tmp_path / "one", a=data).fingerprint()
    assert _build(tmp_path / "two", a=data).fingerprint() == first
    assert _build(tmp_path / "two", b=data).fingerprint() != first
    assert _build(tmp_path / "grown", a=tar_bytes([*_sample("a"), *_sample("b")])).fingerprint() != first


def test_a_shard_that_is_cut_or_gone_after_it_was_indexed_is_named(tmp_path: Path) -> None:
    """A map of it would end the process with SIGBUS."""
    index = _build(tmp_path, cut=tar_bytes(_sample("a") + _sample("b")), gone=tar_bytes(_sample("c")))
    os.truncate(tmp_path / "cut.tar", 2000)
    (tmp_path / "gone.tar").unlink()
    assert index.read(0, 0) == b"a jpg" * 50
    with pytest.raises(UserError, match=r"cut\.tar has become shorter .*: put it back"):
        index.read(1, 0)
    with pytest.raises(UserError, match=r"gone\.tar cannot be read any more \(No such file"):
        index.read(2, 0)


def test_a_folder_is_no_shard(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    for pattern in (str(tmp_path / "shards"), f"{tmp_path}/shards/"):
        with pytest.raises(UserError, match=rf"is a folder: name the shards in it, such as '{tmp_path}/shards/\*\.tar'$"):
            find_shards(pattern)
