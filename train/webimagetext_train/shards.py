"""Random access to the samples of WebDataset tar shards.

To be indexed, each shard is mapped into memory and its headers are walked once (about 10 us a file; tarfile takes 25, the webdataset
package 30); what stays is an array of offsets. Any sample can then be read in any order, which is what makes the data
order a pure function of the seed and a resumed run exact.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from .errors import UserError
from .remote import find_shards

__all__ = ["PICTURES", "DamagedTar", "ShardIndex", "find_shards", "samples_of", "split_name", "walk_tar"]

BLOCK = 512
PICTURES = ("jpg", "jpeg", "png", "webp")


class DamagedTar(Exception):
    """The headers of a shard make no sense from some byte on."""


@lru_cache(maxsize=256)
def _map(path: str) -> mmap.mmap:
    # At most so many descriptors stay open; a map that falls out of the cache closes when its last reader is done.
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


@lru_cache(maxsize=256)
def _file(path: str) -> io.FileIO:
    # As with the maps: it closes when it has fallen out of the cache and its last reader is done.
    return open(path, "rb", buffering=0)


def _number(digits: bytes) -> int:
    if digits[0] & 0x80:  # GNU: binary, for 8 GiB and more
        return int.from_bytes(digits, "big") & ~(0x80 << 8 * (len(digits) - 1))
    return int(digits.strip(b" \0") or b"0", 8)


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def _pax(raw: bytes) -> dict[str, str]:
    records, at = {}, 0
    while at < len(raw):
        length = int(raw[at : raw.index(b" ", at)])
        if length < 1:
            raise ValueError("record of no length")
        key, _, value = raw[raw.index(b" ", at) + 1 : at + length - 1].partition(b"=")
        records[key.decode()] = value.decode("utf-8", "replace")
        at += length
    return records


def walk_tar(data: mmap.mmap | bytes, at: int = 0) -> Iterator[tuple[str, int, int]]:
    """Yields (name, offset, length) of every plain file from the header at `at` on; ustar, pax and GNU long names."""
    total = len(data)
    long_name: str | None = None
    pax: dict[str, str] = {}
    while at + BLOCK <= total:
        header = data[at : at + BLOCK]
        if not header.strip(b"\0"):
            return
        try:
            if _number(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * 32:
                raise ValueError("checksum")
            size = int(pax["size"]) if "size" in pax else _number(header[124:136])
            if size < 0:
                raise ValueError("size")
            kind, body = header[156:157], at + BLOCK
            if body + size > total:
                raise DamagedTar(f"cut short at byte {total}")
            if kind == b"x":
                pax = _pax(data[body : body + size])
        except ValueError as error:
            raise DamagedTar(f"bad header at byte {at}") from error
        if kind == b"L":
            long_name = _text(data[body : body + size])
        elif kind not in (b"x", b"g"):
            if kind in (b"0", b"\0"):
                prefix = _text(header[345:500]) if header[257:262] == b"ustar" and header[262:263] == b"\0" else ""
                name = f"{prefix}/{_text(header[:100])}" if prefix else _text(header[:100])
                yield pax.get("path", long_name or name), body, size
            long_name, pax = None, {}
        at = _after(body, size)
    if data[at:total].strip(b"\0") or pax or long_name is not None:
        raise DamagedTar(f"cut short at byte {total}")


def _after(offset: int, size: int) -> int:
    """Where the header after a file begins."""
    return offset + -(-size // BLOCK) * BLOCK


def split_name(name: str) -> tuple[str, str]:
    """WebDataset's rule: the key ends at the first dot after the last slash; the extension is lower-cased."""
    slash = name.rfind("/") + 1
    key, _, extension = name[slash:].partition(".")
    return name[:slash] + key, extension.lower()


def samples_of(data: mmap.mmap | bytes) -> Iterator[tuple[int, dict[str, tuple[int, int]]]]:
    """Yields (offset of the first header, extension -> (offset, length)) for each run of files with the same key.

    As in the webdataset package, a file without a key or an extension belongs to no sample.
    """
    current, start, following = "", 0, 0
    parts: dict[str, tuple[int, int]] = {}
    try:
        for name, offset, size in walk_tar(data):
            header, following = following, _after(offset, size)
            key, extension = split_name(name)
            if not key or not extension:
                continue
            if key != current:
                if parts:
                    yield start, parts
                current, start, parts = key, header, {}
            parts[extension] = (offset, size)
    except DamagedTar:
        # The sample before the damage may be whole.
        if parts:
            yield start, parts
        raise
    if parts:
        yield start, parts


@dataclass
class ShardIndex:
    """Where N samples lie: shard (N,), first header (N,), and offset and length of the parts (N, parts, 2)."""

    paths: list[str]
    parts: list[tuple[str, ...]]
    shard: np.ndarray
    starts: np.ndarray
    places: np.ndarray
    incomplete: int = 0
    damaged: list[str] = field(default_factory=list)

    @staticmethod
    def build(paths: Sequence[str], parts: Sequence[tuple[str, ...]], say: Callable[[str], None] = lambda text: None) -> ShardIndex:
        """`parts` are alternatives of extensions, e.g. [("jpg", "png"), ("txt",)]; a sample must have one of each.

        Samples that lack a part are counted in `incomplete`; a shard that is cut gives what lies before the cut and is
        listed in `damaged`. `say` hears how far it is, every two seconds.
        """
        shards, starts, places = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)], [np.zeros((0, len(parts), 2), np.int64)]
        incomplete, damaged, told = 0, [], time.monotonic()
        for number, path in enumerate(paths):
            if time.monotonic() - told > 2:
                told = time.monotonic()
                say(f"read the headers of {number} of {len(paths)} shards")
            found, headers = [], []
            try:
                if os.path.getsize(path) == 0:
                    raise DamagedTar("empty")
                for start, files in samples_of(_map(path)):
                    chosen = [next((files[name] for name in names if name in files), None) for names in parts]
                    if None in chosen:
                        incomplete += 1
                    else:
                        found.append(chosen)
                        headers.append(start)
            except (DamagedTar, OSError) as error:
                damaged.append(f"{path}: {error}")
            shards.append(np.full(len(found), number, dtype=np.int32))
            starts.append(np.array(headers, dtype=np.int64))
            places.append(np.array(found, dtype=np.int64).reshape(len(found), len(parts), 2))
        return ShardIndex(list(paths), list(parts), np.concatenate(shards), np.concatenate(starts), np.concatenate(places), incomplete, damaged)

    def __len__(self) -> int:
        return len(self.shard)

    def read(self, index: int, part: int) -> bytes:
        """The bytes of one part of one sample.

        Not out of the map: what a slow disk is asked for would hold up all threads, and a shard that was cut end the process.
        """
        offset, length = self.places[index, part].tolist()
        path = self.paths[self.shard[index]]
        try:
            data = os.pread(_file(path).fileno(), length, offset)
        except OSError as error:
            raise UserError(f"{path} cannot be read any more ({error.strerror}): put it back, then run the same command again") from error
        if len(data) < length:
            raise UserError(f"{path} has become shorter since its headers were read: put it back, then run the same command again")
        return data

    def key(self, index: int) -> str:
        """SHARD/KEY, read again from the header: the keys of a web-scale set do not fit into memory."""
        path = self.paths[self.shard[index]]
        name, _, _ = next(walk_tar(_map(path), int(self.starts[index])))
        return f"{Path(path).stem}/{split_name(name)[0]}"

    def fingerprint(self) -> str:
        """Changes when shards are added, removed, renamed or grow: a run only resumes on the data it began with."""
        digest = hashlib.sha256()
        for path in self.paths:
            digest.update(f"{Path(path).name} {os.path.getsize(path)}\n".encode())
        for start in range(0, len(self), 1 << 20):  # in pieces: the array may be mapped and larger than memory
            digest.update(np.ascontiguousarray(self.places[start : start + (1 << 20)]).tobytes())
        return digest.hexdigest()
