"""The options of `npm run train`."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from .presets import PAPER, PRESETS, TINY

SMALL_DATA = 100_000
"""Below so many pairs the small model is the default even where there is a GPU: ViT-B/32 would learn them by heart."""

PAPER_RATES = ", ".join(f"{name} {preset.recipe.lr:g}" for name, preset in PRESETS.items() if name in PAPER)


def at_least(low: int, kind: type[int] | type[float] = int, below: float = math.inf, low_too: bool = True) -> Callable[[str], float]:
    """A type for argparse: `low` itself is among the numbers, unless `low_too` is false; infinity never is."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text} is no {'whole ' if kind is int else ''}number") from None
        if not (value >= low if low_too else value > low):
            raise argparse.ArgumentTypeError(f"must be {'at least' if low_too else 'above'} {low}")
        if not value < below:
            raise argparse.ArgumentTypeError(f"must be {'finite' if below == math.inf else f'below {below:g}'}")
        return value

    return parse


def step_range(text: str) -> tuple[int, int]:
    """`FIRST:LAST`, or one step."""
    match = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if first < 1 or last < first:
        raise argparse.ArgumentTypeError(f"{text} is no range of steps such as 1:100")
    return first, last


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Defaults that depend on the model or the machine are filled in later."""
    parser = argparse.ArgumentParser(
        "webimagetext_train.train",
        description="Train a CLIP on WebDataset shards; run again to resume. The values of the paper (arXiv 2103.00020) are named with the options.",
        allow_abbrev=False,
    )
    for group in (_what, _recipe, _speed, _processes, _watching):
        group(parser)
    args = parser.parse_args(arguments)
    if args.steps is not None and args.epochs is not None:
        parser.error("argument --epochs: give either --steps or --epochs")
    if args.accum is not None and args.batch_size is not None and args.accum > args.batch_size:
        parser.error(f"argument --accum: cannot cut a batch of {args.batch_size} into {args.accum} pieces")
    return args


def _what(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is trained on what").add_argument
    add(
        "--shards",
        nargs="+",
        default=["data/shards/*.tar"],
        metavar="SHARDS",
        help="tar shards with KEY.jpg|png|webp and KEY.txt: globs and ranges such as {00000..00099}.tar, of paths, http(s):// or s3:// (default: data/shards/*.tar)",
    )
    add("--cache", type=Path, metavar="DIR", help="where shards from elsewhere and the index of large sets are kept (default: OUT/cache)")
    add("--out", type=Path, default=Path("data/checkpoints"), help="folder of latest.pt, metrics.csv and the tokenizer (default: %(default)s)")
    add("--model", choices=PRESETS, metavar="NAME", help=f"one of {', '.join(PRESETS)} (default: ViT-B/32 with a GPU and at least {SMALL_DATA:,} pairs, else {TINY})")
    add("--init", type=Path, metavar="FILE", help="begin with the weights of a checkpoint; positions are interpolated to the model's picture size (paper: ViT-L/14@336px from ViT-L/14)")
    add("--tokenizer", type=Path, metavar="FILE", help="a bpe_*.txt.gz to use (default: one trained on the captions; paper: 49,152 entries)")
    add("--seed", type=at_least(0, below=2**63), default=0, help="of weights and data order (default: 0)")
    add("--shuffle-captions", action="store_true", help="control: give each picture the caption of another; nothing can be learnt")
    add("--restart", action="store_true", help="begin anew, replacing the run in --out")


def _recipe(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("recipe").add_argument
    add("--batch-size", type=at_least(2), help="pairs a step on all GPUs together (default: 64 for the small model, else 1,024; paper: 32,768)")
    add("--epochs", type=at_least(0, float, low_too=False), help="passes over the data (default and paper: 32; 1 for ViT-L/14@336px)")
    add("--steps", type=at_least(1), help="optimizer steps in all, instead of --epochs")
    add("--lr", type=at_least(0, float), help=f"peak learning rate (default and paper: {PAPER_RATES})")
    add("--warmup", type=at_least(0), help="steps of linear warm-up, then half a cosine to zero (default: at most a tenth of the steps; paper: 2,000)")
    add("--weight-decay", type=at_least(0, float), help="decoupled, not on gains and biases (default and paper: 0.2)")
    add("--beta1", type=at_least(0, float, 1), help="of Adam (default and paper: 0.9)")
    add("--beta2", type=at_least(0, float, 1), help="of Adam (default and paper: 0.999 for ResNets, 0.98 for ViTs)")
    add("--eps", type=at_least(0, float, low_too=False), help="of Adam (default and paper: 1e-8 for ResNets, 1e-6 for ViTs)")
    add("--clip-norm", type=at_least(0, float, low_too=False), metavar="N", help="scale gradients down to this length (default and paper: never)")
    add("--loss", choices=("softmax", "sigmoid"), default="softmax", help="symmetric cross-entropy as in the paper, or SigLIP's (default: %(default)s)")
    add("--patch-dropout", type=at_least(0, float, 1), default=0.0, metavar="SHARE", help="of a picture's patches, ViT only (default and paper: 0)")
    add("--ema", type=at_least(0, float, 1), metavar="DECAY", help="also keep an exponential moving average of the weights, e.g. 0.9999 (default and paper: none)")


def _speed(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("speed and memory").add_argument
    add("--precision", choices=("fp32", "bf16", "fp16"), help="of the matrix products; fp16 with loss scaling (default: bf16 on a GPU, else fp32; paper: fp16)")
    add("--accum", type=at_least(1), default=1, metavar="K", help="put the batch through the towers in K pieces, same result, less memory, a third more time (default: 1)")
    add("--checkpointing", action="store_true", help="keep only each block's input for the backward pass: less memory, a third more time (paper: yes)")
    add("--half-statistics", action="store_true", help="Adam's moments in bfloat16, stochastically rounded: 4 bytes a weight less (paper: half precision)")
    add("--compile", action="store_true", help="compile the blocks (torch.compile); the first steps take minutes")
    add("--device", help="cpu, cuda, cuda:1, mps (default: cuda if there is one, else cpu)")
    add("--threads", type=at_least(1), help="CPU threads of PyTorch (default: the cores this process may use)")
    add("--workers", type=at_least(0), help="threads that decode pictures; 0 = none (default: one a core, 1 without a GPU)")


def _processes(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("many GPUs").add_argument
    add("--processes", type=at_least(1), default=1, metavar="N", help="processes on this machine, one a GPU, sharing each batch (default: 1)")
    add("--parallel", choices=("ddp", "fsdp"), default="ddp", help="a copy of the weights on each, or split over all (default: %(default)s)")
    add("--nodes", type=at_least(1), metavar="N", help="print what to start on each of N machines (torchrun), with --processes each, and end")
    add("--slurm", action="store_true", help="print it as a script for sbatch instead")


def _watching(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("watching and stopping").add_argument
    add("--checkpoint-every", type=at_least(1), default=500, metavar="N", help="steps (default: %(default)s)")
    add("--keep-every", type=at_least(1), metavar="N", help="also save every Nth step, and keep it as step-N.pt")
    add("--log-every", type=at_least(1), default=20, metavar="N", help="steps (default: %(default)s)")
    add("--time-budget", type=at_least(0, float), metavar="SECONDS", help="stop with a checkpoint after so long; run again to go on")
    add("--spike", type=at_least(0, float), default=10.0, metavar="X", help="stop when the loss is X deviations above its recent mean, naming the batch; 0 = never (default: 10)")
    add("--tensorboard", action="store_true", help="also log to OUT/tensorboard")
    add("--wandb", metavar="PROJECT", help="also log to Weights & Biases")
    add("--sqlite", type=Path, metavar="FILE", help="also log to the view train_stats of a workspace's wit.sqlite (npm run train names it)")
    add("--log-keys", action="store_true", help="write the key of each sample to OUT/keys-RANK.csv as its step is done")
    add("--list-batches", type=step_range, metavar="FIRST:LAST", help="print the keys of these steps' batches, a JSON line a step, and end")
    add("--json", action="store_true", help="events as JSON lines on stdout")
    add("--quiet", action="store_true", help="errors only")


if __name__ == "__main__":
    parse_arguments(["--help"])
