"""Shards by name: globs, brace ranges, http(s)://, and with fsspec s3:// and whatever else it knows.

Training reads samples in a random order, so shards from elsewhere are fetched once, several at a time, into a folder
that all processes of a machine share; a fetch that was cut is done again, one that was finished is not.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from .errors import UserError, pip_install

ATTEMPTS = 5
PAUSE = 0.5
"""Seconds before the second attempt; twice as many before each further one."""
PARALLEL = 8
_CHUNK = 1 << 20
_TIMEOUT = 60
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


def expand_braces(pattern: str) -> list[str]:
    """`{000..012}` counts, keeping the zeros in front; `{a,b}` lists; several multiply, inner ones first."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        return [pattern]
    inside = match[1]
    numbers = _RANGE.fullmatch(inside)
    if numbers:
        first, last = int(numbers[1]), int(numbers[2])
        width = max(map(len, numbers.groups())) if inside.startswith("0") or numbers[2].startswith("0") else 0
        step = 1 if last >= first else -1
        names = [f"{number:0{width}}" for number in range(first, last + step, step)]
    elif "," in inside:
        names = inside.split(",")
    else:
        raise UserError(f"{pattern}: {{{inside}}} is neither a range such as {{000..012}} nor a list such as {{a,b}}")
    return [done for name in names for done in expand_braces(pattern[: match.start()] + name + pattern[match.end() :])]


def find_shards(
    patterns: str | Sequence[str], advice: str = "run `npm run crawl` first", cache: Path | None = None, say: Callable[[str], None] = lambda text: None
) -> list[str]:
    """Paths on this machine of the shards that the patterns mean, each once; `::` in a pattern separates two.

    Sorted by path; after them those from elsewhere, sorted by address, which are fetched into `cache`.
    """
    paths: set[str] = set()
    remote: list[str] = []
    patterns = [patterns] if isinstance(patterns, str) else patterns
    for part in (part for pattern in patterns for part in pattern.split("::")):
        found = glob.glob(part, recursive=True)
        paths.update(found)
        # A path with a brace in its own name comes first.
        for name in [] if found else expand_braces(part):
            if "://" in name:
                remote += _list_remote(name)
                continue
            found = glob.glob(name, recursive=True)
            if not found and name != part:
                raise UserError(f"{name}, one of {part}, does not exist: {advice}")
            paths.update(found)
    local = sorted(paths)
    folder = next((path for path in local if os.path.isdir(path) and not path.endswith(".tar")), None)
    if folder:
        raise UserError(f"{folder} is a folder: name the shards in it, such as '{folder.rstrip('/')}/*.tar'")
    if remote and cache is None:
        raise UserError(f"{remote[0]} lies elsewhere: give a pattern of files on this machine")
    if not local and not remote:
        raise UserError(f"no shards match {' '.join(patterns)}: {advice}")
    return local + (fetch_all(sorted(set(remote)), cache, say) if cache else [])


def _fsspec(url: str):
    """The file system of a URL's scheme, and the path in it."""
    try:
        import fsspec

        return fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        scheme = url.split("://")[0]
        package = {"s3": "fsspec s3fs", "gs": "fsspec gcsfs", "gcs": "fsspec gcsfs", "hf": "fsspec huggingface_hub"}.get(scheme, "fsspec")
        raise UserError(f"{url}: {scheme}:// needs more packages ({error}): {pip_install(package)}") from error


def _is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _list_remote(url: str) -> list[str]:
    if not glob.has_magic(url) or (_is_http(url) and not re.search(r"[*\[]", url)):
        return [url]
    if _is_http(url):
        raise UserError(f"{url}: a web server lists no files; name them with a range such as {{00000..00099}}.tar")
    system, path = _fsspec(url)
    try:
        found = [system.unstrip_protocol(name) for name in system.glob(path)]
    except OSError as error:
        raise UserError(f"{url} cannot be listed ({error}): check the address and your credentials") from error
    if not found:
        raise UserError(f"no shards match {url}")
    return found


@contextmanager
def _open(url: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """The bytes of a URL and how many there should be."""
    if _is_http(url):
        with urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": "webimagetext-train"}), timeout=_TIMEOUT) as answer:
            length = answer.headers.get("Content-Length")
            yield answer, int(length) if length else None
    else:
        system, path = _fsspec(url)
        with system.open(path, "rb") as file:
            yield file, getattr(file, "size", None)


def cached_path(url: str, cache: Path) -> Path:
    """Where a URL is kept; the name begins as the shard's own, so that keys stay readable."""
    name = PurePosixPath(url.split("?")[0])
    return cache / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}" / name.name


def fetch(url: str, cache: Path) -> Path:
    """One shard, if it is not there yet. Processes that want the same one wait for each other."""
    path = cached_path(url, cache)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for attempt in range(ATTEMPTS):
            if path.exists():
                return path
            try:
                _fetch_once(url, path)
            except UserError:
                raise
            except Exception as error:  # each file system has exceptions of its own
                final = isinstance(error, (FileNotFoundError, PermissionError)) or (isinstance(error, urllib.error.HTTPError) and error.code in (400, 401, 403, 404, 410))
                if final or attempt == ATTEMPTS - 1:
                    raise UserError(f"{url} cannot be fetched ({error}): check the address, or run again") from error
                time.sleep(PAUSE * 2**attempt)
    return path


def _fetch_once(url: str, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    with _open(url) as (source, length), open(temporary, "wb") as target:
        if length is not None and shutil.disk_usage(path.parent).free < length:
            raise UserError(f"no room for {url} ({length:,} bytes) in {path.parent}: name a larger folder with --cache")
        shutil.copyfileobj(source, target, _CHUNK)
        if length is not None and target.tell() != length:
            raise OSError(f"cut after {target.tell():,} of {length:,} bytes")
        target.flush()
        os.fsync(target.fileno())
    os.replace(temporary, path)


def fetch_all(urls: list[str], cache: Path, say: Callable[[str], None]) -> list[str]:
    """All shards, several at a time; says how far it is every two seconds."""
    paths, told = [], time.monotonic()
    pool = ThreadPoolExecutor(PARALLEL, "fetch")
    try:
        for number, path in enumerate(pool.map(lambda url: fetch(url, cache), urls), 1):
            paths.append(str(path))
            if time.monotonic() - told > 2:
                told = time.monotonic()
                say(f"fetched {number} of {len(urls)} shards into {cache}")
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return paths
