"""The options of `npm run evaluate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import prompts
from .options import at_least

SHOTS = (1, 2, 4, 8, 16)
"""Of the paper's few-shot comparison (section 3.1.4, figure 6)."""


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """The options of `npm run evaluate`."""
    parser = argparse.ArgumentParser("webimagetext_train.evaluate", description="What a checkpoint can do that it was not trained for.", allow_abbrev=False)
    add = parser.add_argument
    add("--checkpoint", type=Path, default=Path("data/checkpoints/latest.pt"), help="default: %(default)s")
    add("--ema", action="store_true", help="its averaged weights, where it was trained with --ema")
    add(
        "--task",
        nargs="+",
        required=True,
        metavar="TASK",
        help="folders in CLIP_benchmark's WebDataset layout or of pictures by class, shards to search in ('data/shards/*.tar'), or digits",
    )
    add("--prompts", metavar="NAME", help=f"templates to use instead of the task's: a file, or one of {', '.join(prompts.names())}")
    add("--probe", action="store_true", help="also train linear probes on the task's train/: few-shot and on all pictures")
    add("--shots", type=at_least(1), nargs="+", default=SHOTS, metavar="N", help=f"pictures a class of the few-shot probes (default: {' '.join(map(str, SHOTS))})")
    add("--control", type=Path, metavar="FILE", help="a checkpoint trained with --shuffle-captions, to be judged beside it")
    add("--out", type=Path, metavar="DIR", help="also write TASK.json and TASK.svg into this folder")
    add("--sqlite", type=Path, metavar="FILE", help="also write to the view eval_stats of a workspace's wit.sqlite (npm run evaluate names it)")
    add("--no-cache", action="store_true", help="embed anew, and keep nothing in CHECKPOINT's folder")
    add("--batch-size", type=at_least(1), default=256, help="pictures at once (default: %(default)s)")
    add("--device", help="default: cuda if there is one, else cpu")
    add("--json", action="store_true", help="a JSON line a task instead of sentences")
    add("--quiet", action="store_true", help="no progress")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    parse_arguments(["--help"])
