"""Bytes to squares of pixels: every kind of picture that the web serves, and what is no picture at all."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from webimagetext_train import images


def _encoded(image: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def _smooth(height: int, width: int) -> np.ndarray:
    """A picture with edges and slopes but no noise, so that encoders change it little."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = [128 + 90 * np.sin(x / 9 + phase) * np.cos(y / 13) + 30 * (x > width / 2) for phase in (0, 1, 2)]
    return np.stack(waves, axis=-1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("height", "width", "size"), [(128, 128, 64), (90, 200, 64), (200, 90, 64), (50, 50, 64), (64, 64, 64), (640, 480, 32), (1, 1, 8), (3, 400, 16)])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.999999])
def test_square_is_pillows_bicubic_resize_of_the_cut(height: int, width: int, size: int, place: float) -> None:
    pixels = _smooth(height, width)
    side = min(height, width)
    top, left = (int(place * (length - side + 1)) for length in (height, width))
    assert 0 <= top <= height - side
    assert 0 <= left <= width - side
    expected = Image.fromarray(pixels[top : top + side, left : left + side]).resize((size, size), Image.Resampling.BICUBIC)
    ours = images.square(pixels, size, place)
    assert ours.shape == (3, size, size)
    assert ours.dtype == torch.uint8
    # The same filter; the two round differently.
    apart = np.abs(ours.permute(1, 2, 0).numpy().astype(int) - np.array(expected))
    assert apart.max() <= 2
    assert apart.mean() < 0.1


def test_cutting_first_is_cutting_last() -> None:
    """"A random square crop from resized images": the order does not matter but at the rim, where no neighbour is left."""
    pixels = _smooth(256, 512)
    whole = np.array(Image.fromarray(pixels).resize((128, 64), Image.Resampling.BICUBIC)).astype(int)
    ours = images.square(pixels, 64, 0.5).permute(1, 2, 0).numpy().astype(int)
    assert np.abs(ours - whole[:, 32:96])[:, 2:-2].max() <= 1


@pytest.mark.parametrize(("format", "options"), [("JPEG", {"quality": 95}), ("JPEG", {"quality": 95, "progressive": True}), ("PNG", {}), ("WEBP", {"quality": 95}), ("GIF", {}), ("BMP", {})])
def test_formats(format: str, options: dict) -> None:
    pixels = _smooth(96, 96)
    decoded = images.decode(_encoded(Image.fromarray(pixels), format, **options), 96)
    assert decoded.shape == (96, 96, 3)
    assert np.abs(decoded.astype(int) - pixels).mean() < (8 if format == "GIF" else 3)


def test_a_large_jpeg_decodes_smaller_but_large_enough() -> None:
    decoded = images.decode(_encoded(Image.fromarray(_smooth(1200, 1600)), "JPEG"), 64)
    assert 128 <= decoded.shape[0] < 1200
    assert 128 <= decoded.shape[1] < 1600


def test_transparent_places_are_white() -> None:
    pixels = np.zeros((8, 8, 4), dtype=np.uint8)
    pixels[:, 4:] = (255, 0, 0, 255)
    pixels[0, 4:] = (255, 0, 0, 128)
    image = Image.fromarray(pixels)
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.paste(1, (4, 0, 8, 8))
    grey = Image.merge("LA", (Image.new("L", (8, 8), 0), image.getchannel("A")))
    for data in (_encoded(image, "PNG"), _encoded(image, "WEBP", lossless=True), _encoded(palette, "PNG", transparency=0), _encoded(grey, "PNG")):
        decoded = images.decode(data, 8)
        assert (decoded[:, :4] == 255).all()
        assert (decoded[4, 5, 1:] == 0).all()
    assert np.abs(images.decode(_encoded(image, "PNG"), 8)[0, 5].astype(int) - (255, 127, 127)).max() <= 1


@pytest.mark.parametrize("ink", [(0, 0, 0, 0), (255, 0, 0, 0), (0, 0, 255, 0), (100, 50, 0, 20), (0, 0, 0, 255)])
def test_cmyk_jpeg_has_the_colours_of_its_inks(ink: tuple[int, int, int, int]) -> None:
    decoded = images.decode(_encoded(Image.new("CMYK", (32, 32), ink), "JPEG", quality=95), 32)
    black = 1 - ink[3] / 255
    assert np.abs(decoded[16, 16] - [(255 - part) * black for part in ink[:3]]).max() <= 3


def test_grey_pictures_of_8_and_16_bits_are_the_same() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    expected = np.repeat(ramp[:, :, None], 3, axis=2)
    for pixels in (ramp, ramp.astype(np.uint16) * 257):
        assert np.array_equal(images.decode(_encoded(Image.fromarray(pixels), "PNG"), 64), expected)
    assert np.abs(images.decode(_encoded(Image.fromarray(ramp), "JPEG", quality=98), 64).astype(int) - expected).max() <= 3
    assert np.array_equal(images.decode(_encoded(Image.fromarray(ramp > 127), "PNG"), 64), np.where(expected > 127, 255, 0))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_truncated_pictures_are_broken(format: str) -> None:
    data = _encoded(Image.fromarray(_smooth(200, 200)), format)
    for keep in (0, 1, 2, 20, len(data) // 2):
        with pytest.raises(images.BrokenPicture):
            images.load(data[:keep], 64)


@pytest.mark.parametrize("data", [b"<html>not found</html>", b"\xff\xd8\xff" + b"junk" * 99, b"\x89PNG\r\n\x1a\n" + b"\0" * 99])
def test_other_bytes_are_broken_with_a_reason_in_one_line(data: bytes) -> None:
    with pytest.raises(images.BrokenPicture, match="^[^\n]+$") as caught:
        images.load(data, 64)
    assert " at 0x" not in str(caught.value)


def test_normalise_is_the_released_one() -> None:
    pixels = torch.randint(0, 256, (2, 3, 5, 5), dtype=torch.uint8)
    result = images.normalise(pixels)
    for channel, (mean, std) in enumerate(zip((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711), strict=True)):
        torch.testing.assert_close(result[:, channel], (pixels[:, channel] / 255 - mean) / std, atol=1e-5, rtol=1e-5)
