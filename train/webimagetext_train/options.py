"""The options of `npm run train`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from .presets import PRESETS, TINY

SMALL_DATA = 100_000
"""Below so many pairs the small model is the default even where there is a GPU: ViT-B/32 would learn them by heart."""


def at_least(low: int, kind: type[int] | type[float] = int) -> Callable[[str], float]:
    """A type for argparse."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text} is no {'whole ' if kind is int else ''}number") from None
        if not value >= low:
            raise argparse.ArgumentTypeError(f"must be at least {low}")
        return value

    return parse


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Defaults that depend on the model or the machine are filled in later."""
    parser = argparse.ArgumentParser("webimagetext_train.train", description="Train a CLIP on WebDataset shards; run again to resume.")
    add = parser.add_argument
    add("--shards", default="data/shards/*.tar", help="glob of tar shards with KEY.jpg|png|webp and KEY.txt (default: %(default)s)")
    add("--out", type=Path, default=Path("data/checkpoints"), help="folder of latest.pt, metrics.csv and the tokenizer (default: %(default)s)")
    add("--model", choices=PRESETS, metavar="NAME", help=f"one of {', '.join(PRESETS)} (default: ViT-B/32 with a GPU and at least {SMALL_DATA:,} pairs, else {TINY})")
    add("--steps", type=at_least(1), help="optimizer steps in all (default: the model's epochs)")
    add("--batch-size", type=at_least(2), help="pairs a step, two or more to tell apart; the paper has 32,768 (default: 64 for the small model, else 1,024)")
    add("--lr", type=at_least(0, float), help="peak learning rate (default: the paper's for the model)")
    add("--warmup", type=at_least(0), help="steps of linear warm-up (default: the paper's 2,000, at most a tenth of the steps)")
    add("--weight-decay", type=at_least(0, float), help="decoupled, not on gains and biases (default: 0.2)")
    add("--seed", type=int, default=0, help="of weights and data order (default: 0)")
    add("--precision", choices=("fp32", "bf16"), help="of the matrix products (default: bf16 on a GPU, else fp32)")
    add("--workers", type=at_least(0), help="threads that decode pictures; 0 = none (default: one a core, 1 without a GPU)")
    add("--checkpoint-every", type=at_least(1), default=500, metavar="N", help="steps (default: %(default)s)")
    add("--log-every", type=at_least(1), default=20, metavar="N", help="steps (default: %(default)s)")
    add("--tokenizer", type=Path, metavar="FILE", help="a bpe_*.txt.gz to use (default: one trained on the captions)")
    add("--shuffle-captions", action="store_true", help="control: give each picture the caption of another; nothing can be learnt")
    add("--restart", action="store_true", help="begin anew, replacing the run in --out")
    add("--time-budget", type=at_least(0, float), metavar="SECONDS", help="stop with a checkpoint after so long; run again to go on")
    add("--device", help="cpu, cuda, cuda:1, mps (default: cuda if there is one, else cpu)")
    add("--threads", type=at_least(1), help="CPU threads of PyTorch (default: the cores this process may use)")
    add("--json", action="store_true", help="events as JSON lines on stdout")
    add("--quiet", action="store_true", help="errors only")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    parse_arguments(["--help"])
