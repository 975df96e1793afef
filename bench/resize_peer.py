"""OpenCV's side of `npm run bench:resize`: img2dataset's path, and the same with the decoder made to scale.

usage: resize_peer.py PICTURES OUT ROUNDS; prints a JSON object a line: name, CPU milliseconds a picture.
"""

import glob
import json
import os
import sys
import time

import cv2
import numpy as np

SIZE = 256
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 90]


def scaled(image, interpolation):
    """The short side to SIZE, as img2dataset's keep_ratio with resize_only_if_bigger."""
    height, width = image.shape[:2]
    factor = min(height, width) / SIZE
    if factor <= 1:
        return image
    return cv2.resize(image, (round(width / factor), round(height / factor)), interpolation=interpolation)


def encoded(image):
    return cv2.imencode(".jpg", image, QUALITY)[1].tobytes()


def img2dataset(data, interpolation):
    return encoded(scaled(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), interpolation))


def reduced(data, shape):
    """Decodes at the smallest scale of libjpeg's that is still large enough: img2dataset does not do this."""
    factor = min(shape[:2]) / SIZE
    flag = cv2.IMREAD_COLOR
    for scale, reduced_flag in (
        (2, cv2.IMREAD_REDUCED_COLOR_2),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (8, cv2.IMREAD_REDUCED_COLOR_8),
    ):
        if factor >= scale:
            flag = reduced_flag
    return encoded(scaled(cv2.imdecode(data, flag), cv2.INTER_AREA))


def main():
    pictures, out, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    cv2.setNumThreads(1)
    files = sorted(glob.glob(os.path.join(pictures, "*.jpg")))
    data = [np.fromfile(file, np.uint8) for file in files]
    shapes = [cv2.imdecode(bytes_, cv2.IMREAD_UNCHANGED).shape for bytes_ in data]
    ways = {
        "OpenCV area (img2dataset)": lambda i: img2dataset(data[i], cv2.INTER_AREA),
        "OpenCV lanczos4 (img2dataset)": lambda i: img2dataset(data[i], cv2.INTER_LANCZOS4),
        "OpenCV reduced decode": lambda i: reduced(data[i], shapes[i]),
        "OpenCV decode only": lambda i: cv2.imdecode(data[i], cv2.IMREAD_UNCHANGED),
    }
    times = {name: [] for name in ways}
    for name, way in ways.items():
        folder = os.path.join(out, name)
        os.makedirs(folder, exist_ok=True)
        for i, file in enumerate(files):
            made = way(i)
            if isinstance(made, bytes):
                with open(os.path.join(folder, os.path.basename(file)), "wb") as stored:
                    stored.write(made)
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            for i in range(len(data)):
                way(i)
            times[name].append((time.process_time() - started) * 1000 / len(data))
    for name, all_ in times.items():
        print(json.dumps({"name": name, "ms": sorted(all_)[len(all_) // 2], "version": cv2.__version__}))


main()
