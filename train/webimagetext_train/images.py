"""Bytes of a picture to a square of pixels: decode, random square crop, resize.

The paper's only augmentation is "a random square crop from resized images" (section 2.2): the short side becomes the
model's size. Cutting the square first and resizing it gives the same picture and touches fewer pixels.
"""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
import torch
import torch.nn.functional as F
from PIL import Image, UnidentifiedImageError
from torch import Tensor

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of the pixels of WebImageText, as in the released code; other weights would expect the same."""


class BrokenPicture(Exception):
    """These bytes are no picture that can be read."""


def decode(data: bytes, size: int) -> np.ndarray:
    """-> (H, W, 3) uint8; H and W at least 2 `size` where the picture has them, since a large JPEG decodes smaller."""
    if data[:2] == b"\xff\xd8":
        try:
            return simplejpeg.decode_jpeg(data, "RGB", min_height=2 * size, min_width=2 * size)
        except ValueError:
            pass  # CMYK and other odd ones: Pillow knows more of them
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode.startswith("I"):
                # 16-bit grey: Pillow would cut every value above 255 to white.
                return np.repeat((np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8)[:, :, None], 3, axis=2)
            if image.mode in ("P", "LA", "PA", "RGBA") or "transparency" in image.info:
                # Transparent places are shown on white, as on most pages.
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
            return np.array(image.convert("RGB"))  # a copy: torch warns of arrays that cannot be written
    except UnidentifiedImageError as error:
        raise BrokenPicture("no format that Pillow knows") from error
    except Exception as error:  # Pillow's decoders raise nearly anything on hostile bytes
        raise BrokenPicture(str(error)) from error


def square(pixels: np.ndarray, size: int, place: float) -> Tensor:
    """(H, W, 3) uint8 -> (3, size, size) uint8; `place` in [0, 1) slides the square along the longer side."""
    height, width, _ = pixels.shape
    side = min(height, width)
    offset = int(place * (abs(height - width) + 1))
    cut = pixels[offset : offset + side] if height > width else pixels[:, offset : offset + side]
    tensor = torch.from_numpy(np.ascontiguousarray(cut)).permute(2, 0, 1).unsqueeze(0)
    if side != size:
        tensor = F.interpolate(tensor, size=(size, size), mode="bicubic", antialias=True)
    return tensor[0]


def load(data: bytes, size: int, place: float = 0.5) -> Tensor:
    """Decode and cut: (3, size, size) uint8. The default is the centre crop of evaluation."""
    return square(decode(data, size), size, place)


def normalise(images: Tensor) -> Tensor:
    """(B, 3, S, S) uint8 -> float32 of mean 0 and deviation 1; done on the model's device, where it is cheap."""
    mean = torch.tensor(MEAN, device=images.device).view(1, 3, 1, 1) * 255
    std = torch.tensor(STD, device=images.device).view(1, 3, 1, 1) * 255
    return (images.float() - mean) / std
