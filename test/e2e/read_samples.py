"""Reads shards with the webdataset package, as a stranger would, and prints a JSON object a sample."""

import io
import json
import sys

import webdataset
from PIL import Image

for shard in sys.argv[1:]:
    for sample in webdataset.WebDataset(shard, shardshuffle=False):
        parts = {name: value for name, value in sample.items() if not name.startswith("__")}
        picture = Image.open(io.BytesIO(parts["jpg"]))
        picture.load()
        print(
            json.dumps(
                {
                    "key": sample["__key__"],
                    "parts": sorted(parts),
                    "size": picture.size,
                    "format": picture.format,
                    "text": parts["txt"].decode(),
                    "json": json.loads(parts["json"]),
                }
            )
        )
