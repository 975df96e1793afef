"""Files that appear under their name only when complete."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from .errors import UserError


def write_atomically(path: Path, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Temporary name, fsync, rename, fsync of the folder: a kill at any moment leaves the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content) if isinstance(content, bytes) else content(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        # torch.save raises a RuntimeError over what the disk said.
        cause = error.__context__ if isinstance(error, RuntimeError) else error
        if isinstance(cause, OSError):
            raise UserError(f"{path} cannot be written ({cause.strerror}): make room, or name another folder") from error
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_temporaries(path: Path) -> None:
    """What killed processes left beside `path`; nobody else may be writing it."""
    for name in glob.glob(f".{glob.escape(path.name)}.*.tmp", root_dir=path.parent):
        (path.parent / name).unlink(missing_ok=True)
