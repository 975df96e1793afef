"""Opens the exports with the programs they are made for; prints what they saw as JSON."""

import json
import sys

from datasets import load_dataset
from pycocotools.coco import COCO

folder = sys.argv[1]
hf = load_dataset(f"{folder}/hf", split="train")
table = load_dataset("parquet", data_files=f"{folder}/parquet/pairs.parquet", split="train")
urls = load_dataset("parquet", data_files=f"{folder}/img2dataset/pairs.parquet", split="train")
coco = COCO(f"{folder}/coco/captions.json")
print(
    json.dumps(
        {
            "hf": [
                {"id": row["id"], "caption": row["caption"], "queries": row["queries"], "size": row["image"].size}
                for row in hf
            ],
            "features": {name: str(feature) for name, feature in hf.features.items()},
            "table": table["id"][:],
            "urls": [[row["url"], row["caption"], row["sha256"]] for row in urls],
            "coco": [coco.imgToAnns[image][0]["caption"] for image in sorted(coco.imgs)],
        }
    )
)
