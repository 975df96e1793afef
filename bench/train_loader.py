"""CPU seconds of reading and preparing pictures, open_clip's and webdataset's way and ours; a JSON object to stdout."""

from __future__ import annotations

import io
import json
import statistics
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import webdataset
from open_clip_peer import import_open_clip
from PIL import Image
from sklearn.datasets import load_sample_images
from webimagetext_train import images
from webimagetext_train.data import PARTS, order
from webimagetext_train.shards import ShardIndex

PHOTOS, ROUNDS, SAMPLES = 60, 3, 3000


def photos() -> list[Image.Image]:
    """500x375 cuts of scikit-learn's two photographs, half of them mirrored."""
    rng = np.random.default_rng(0)
    whole = [Image.fromarray(array) for array in load_sample_images().images]
    cuts = []
    for number in range(PHOTOS):
        photo = whole[number % len(whole)]
        left, top = int(rng.integers(photo.width - 500)), int(rng.integers(photo.height - 375))
        cut = photo.crop((left, top, left + 500, top + 375))
        cuts.append(cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 4 > 1 else cut)
    return cuts


def jpeg(picture: Image.Image) -> bytes:
    """Quality 88, colours halved: as the web has them."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, subsampling="4:2:0")
    return out.getvalue()


def median_rate(sides: dict) -> dict[str, float]:
    """Pictures a CPU second of functions that each prepare PHOTOS, called in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(ROUNDS + 1):
        for name, run in sides.items():
            began = time.process_time()
            run()
            if turn > 0:
                seconds[name].append(time.process_time() - began)
    return {name: PHOTOS / statistics.median(values) for name, values in seconds.items()}


def decoding() -> list[dict]:
    """Both ways over the pictures as the web has them, and as `crawl --resize 256` stores them."""
    transform = import_open_clip().image_transform(224, is_train=True, mean=images.MEAN, std=images.STD)
    places = np.random.default_rng(1).random(PHOTOS).tolist()
    rows = []
    for name, size in (("500x375", None), ("short side 256", 256)):
        pictures = photos()
        if size:
            pictures = [picture.resize((round(500 * size / 375), size), Image.Resampling.BICUBIC) for picture in pictures]
        data = [jpeg(picture) for picture in pictures]
        sides = {
            "open_clip": lambda data=data: [transform(Image.open(io.BytesIO(one))) for one in data],
            "ours": lambda data=data: [images.load(one, 224, place) for one, place in zip(data, places, strict=True)],
            "ours, normalised": lambda data=data: [images.normalise(images.load(one, 224, place)[None]) for one, place in zip(data, places, strict=True)],
        }
        rows.append({"pictures": name, "bytes": round(statistics.mean(map(len, data))), **median_rate(sides)})
    return rows


def difference() -> int:
    """The largest difference of any pixel to Pillow's decoder and bicubic filter."""
    worst = 0
    for picture in photos()[:20]:
        data = jpeg(picture)
        theirs = Image.open(io.BytesIO(data)).convert("RGB").crop((63, 0, 438, 375)).resize((224, 224), Image.Resampling.BICUBIC)
        ours = images.load(data, 224, 0.5).permute(1, 2, 0).numpy()
        worst = max(worst, int(np.abs(ours.astype(int) - np.asarray(theirs).astype(int)).max()))
    return worst


def tar_overhead() -> dict[str, float]:
    """Microseconds for the bytes of a sample: webdataset in the order of the file, ours in a random order."""
    data = jpeg(photos()[0])[:25_000]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for number in range(SAMPLES):
                for extension, body in (("jpg", data), ("txt", b"a caption of the usual length, more or less"), ("json", b"{}" * 100)):
                    entry = tarfile.TarInfo(f"{number:09}.{extension}")
                    entry.size = len(body)
                    tar.addfile(entry, io.BytesIO(body))
        seconds: dict[str, list[float]] = {"webdataset": [], "ours": [], "ours, index built": []}
        for _ in range(ROUNDS):
            began = time.process_time()
            assert sum(1 for _ in webdataset.WebDataset(str(path), shardshuffle=False)) == SAMPLES
            seconds["webdataset"].append(time.process_time() - began)
            began = time.process_time()
            index = ShardIndex.build([str(path)], PARTS)
            seconds["ours, index built"].append(time.process_time() - began)
            began = time.process_time()
            for sample in order(0, SAMPLES, SAMPLES, 0).tolist():
                index.read(sample, 0), index.read(sample, 1)
            seconds["ours"].append(time.process_time() - began)
    return {name: 1e6 * statistics.median(values) / SAMPLES for name, values in seconds.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    json.dump({"decoding": decoding(), "difference": difference(), "tar": tar_overhead(), "webdataset": webdataset.__version__}, sys.stdout)
