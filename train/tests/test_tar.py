"""The walk over tar headers finds what the tarfile module finds, and neither hangs nor dies on damage."""

from __future__ import annotations

import io
import random
import tarfile

import pytest
from conftest import tar_bytes

from webimagetext_train.shards import BLOCK, DamagedTar, walk_tar

LONG = "/".join(["directory"] * 12) + "/" + "x" * 120 + ".jpg"
NAMES = ["a.jpg", "b/c.d.txt", "empty.txt", "Ünïcode.png", "y" * 100, "p" * 90 + "/" + "q" * 90 + ".txt"]


def _theirs(data: bytes) -> list[tuple[str, int, int]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return [(member.name, member.offset_data, member.size) for member in tar if member.isfile()]


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["ustar", "pax", "gnu"])
def test_finds_what_tarfile_finds(format: int) -> None:
    names = NAMES if format == tarfile.USTAR_FORMAT else [*NAMES, LONG, "after.jpg", LONG + "2"]
    files = [(name, bytes([number]) * (number * 511)) for number, name in enumerate(names) if name != "empty.txt"]
    data = tar_bytes([("empty.txt", b""), *files], format)
    assert list(walk_tar(data)) == _theirs(data)
    assert len(_theirs(data)) == len(names)


def test_skips_folders_links_and_global_headers() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * 900}) as tar:
        for kind, name in ((tarfile.DIRTYPE, "folder"), (tarfile.SYMTYPE, "link.jpg"), (tarfile.LNKTYPE, "hard.jpg"), (tarfile.FIFOTYPE, "pipe.jpg")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, LONG
            tar.addfile(info)
        info = tarfile.TarInfo("file.jpg")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    data = out.getvalue()
    ((name, offset, size),) = walk_tar(data)
    assert (name, data[offset : offset + size]) == ("file.jpg", b"abc")


def test_a_size_in_binary() -> None:
    """GNU tar writes sizes from 8 GiB on so; a small one reads the same."""
    info = tarfile.TarInfo("a.jpg")
    info.size = 700
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\x80" + (700).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert list(walk_tar(bytes(header) + b"." * 1024 + b"\0" * 1024)) == [("a.jpg", BLOCK, 700)]


def _header(name: str, kind: bytes, size: bytes) -> bytes:
    header = bytearray(tarfile.TarInfo(name).tobuf(tarfile.USTAR_FORMAT))
    header[156:157], header[124:136], header[148:156] = kind, size.ljust(12, b"\0"), b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize("record", [b"0 path=x\n", b"-9 path=x\n", b"path", b"x path=y\n", b"12 \xff\xfe=y....\n", b"13 size=-900\n"])
def test_hostile_pax_records_end_the_walk(record: bytes) -> None:
    data = _header("pax", b"x", b"%o" % len(record)) + record.ljust(BLOCK, b"\0") + _header("a.jpg", b"0", b"0") * 2 + b"\0" * 1024
    with pytest.raises(DamagedTar):
        list(walk_tar(data))


@pytest.mark.parametrize("size", [b"-1000", b"99999999999", b"hello", b"\xff" * 12])
def test_hostile_sizes_end_the_walk(size: bytes) -> None:
    with pytest.raises(DamagedTar):
        list(walk_tar(_header("a.jpg", b"0", size) + b"\0" * 2048))


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["ustar", "pax", "gnu"])
def test_cut_anywhere_gives_what_lies_before(format: int) -> None:
    files = [(f"{LONG if format != tarfile.USTAR_FORMAT else ''}{number}.jpg", b"z" * number * 300) for number in range(6)]
    data = tar_bytes(files, format)
    whole = list(walk_tar(data))
    for cut in range(0, whole[-1][1] + whole[-1][2], 97):
        found = []
        try:
            for entry in walk_tar(data[:cut]):
                found.append(entry)
        except DamagedTar as error:
            assert str(cut) in str(error)
        else:
            # Only a cut in the padding after a file goes unnoticed, and it takes nothing away.
            assert cut == 0 or any(end <= cut <= -(-end // BLOCK) * BLOCK for end in (offset + size for _, offset, size in found))
        assert found == [entry for entry in whole if entry[1] + entry[2] <= cut]


def test_flipped_bytes_never_raise_anything_else() -> None:
    data = tar_bytes([(f"{LONG}{number}", b"z" * number * 300) for number in range(4)], tarfile.PAX_FORMAT)
    rng = random.Random(0)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            list(walk_tar(bytes(damaged)))
        except DamagedTar:
            pass
