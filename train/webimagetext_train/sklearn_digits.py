"""The handwritten digits inside scikit-learn: a classification set that needs no download.

1,797 pictures of 8 x 8 pixels, the test half of a UCI set (CC BY 4.0, E. Alpaydin and C. Kaynak), in the order in which
people wrote them: the first 1,400 are for training, the others, by other people, for testing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
from pathlib import Path

import numpy as np
from PIL import Image

from .errors import UserError, pip_install

TRAINING = 1_400
_SIDE = 64


class Digits:
    """Part of them, enlarged to 64 x 64 pixels, light on dark."""

    def __init__(self, rows: np.ndarray):
        self._rows = rows
        """(N, 65): 64 pixels from 0 to 16, then the digit"""

    def __len__(self) -> int:
        return len(self._rows)

    def picture(self, index: int) -> bytes:
        """PNG"""
        pixels = np.clip(self._rows[index, :64].reshape(8, 8) * 16, 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(out, "PNG", compress_level=1)
        return out.getvalue()

    def target(self, index: int) -> int:
        """The digit."""
        return int(self._rows[index, 64])

    def fingerprint(self) -> str:
        """Of the pixels."""
        return hashlib.sha256(self._rows.tobytes()).hexdigest()


def read_digits() -> tuple[Digits, Digits]:
    """-> for training, for testing"""
    package = importlib.util.find_spec("sklearn")
    file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz" if package and package.origin else None
    if not file or not file.exists():
        raise UserError(f"the task digits needs the package scikit-learn: {pip_install('scikit-learn')}, or name a folder with --task")
    rows = np.loadtxt(file, delimiter=",", dtype=np.float32)
    return Digits(rows[:TRAINING]), Digits(rows[TRAINING:])
