"""`python -m webimagetext_train.evaluate --checkpoint FILE --task TASK`: zero-shot, retrieval, probes (section 3)."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import torch

from . import checkpoint, prompts
from .errors import UserError
from .features import Cache, Embedder, say_to_stderr
from .files import write_atomically
from .options import at_least
from .plot import plot
from .probe import SHOTS, probe
from .results import sentence, write_json, write_sqlite
from .retrieval import retrieve
from .tasks import BUILT_IN, Classification, Retrieval, find_task
from .train import cores, pick_device
from .zeroshot import classify


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
        help=f"folders in CLIP_benchmark's WebDataset layout or of pictures by class, shards to search in ('data/shards/*.tar'), or {BUILT_IN}",
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


def evaluate(embedder: Embedder, task: Classification | Retrieval, shots: tuple[int, ...] | None = None) -> dict:
    """All figures of one task; with `shots` also those of probes."""
    if isinstance(task, Retrieval):
        return retrieve(embedder, task)
    return {**classify(embedder, task), **(probe(embedder, task, shots) if shots else {})}


def _embedder(args: argparse.Namespace, loaded: checkpoint.Checkpoint, ema: bool) -> Embedder:
    cache = Cache(None if args.no_cache else loaded.path.parent / "embeddings")
    say = (lambda text: None) if args.quiet or args.json else say_to_stderr
    return Embedder(loaded.model(ema).to(pick_device(args.device)), loaded.tokenizer, cache, args.batch_size, cores(), say)


def _control(args: argparse.Namespace) -> tuple[Embedder, dict] | None:
    if not args.control:
        return None
    loaded = checkpoint.load(args.control)
    if not loaded.state["run"].get("shuffle-captions"):
        raise UserError(f"{args.control} was trained with its own captions: a control needs --shuffle-captions")
    return _embedder(args, loaded, False), {"checkpoint": str(args.control), "step": loaded.step}


def _run(args: argparse.Namespace) -> None:
    tasks = [find_task(name, args.prompts) for name in args.task]
    loaded = checkpoint.load(args.checkpoint)
    embedder, control = _embedder(args, loaded, args.ema), _control(args)
    for task in tasks:
        for line in task.warnings:
            print(f"warning: {line}", file=sys.stderr)
        result = evaluate(embedder, task, tuple(args.shots) if args.probe and isinstance(task, Classification) else None)
        result |= {"checkpoint": str(args.checkpoint), "step": loaded.step, "model": loaded.config.name, "warnings": task.warnings}
        if control and isinstance(task, Classification):
            judged = classify(control[0], task, alone=False)
            result["control"] = {**control[1], "top1": judged["top1"], "ci": judged["ci"]}
        if result["broken"]:
            print(f"warning: {result['broken']} pictures cannot be read", file=sys.stderr)
        print(json.dumps(result) if args.json else sentence(result), flush=True)
        if args.out:
            name = re.sub(r"[^\w.-]+", "_", task.name).strip("_.") or "task"
            write_json(args.out / f"{name}.json", result)
            if isinstance(task, Classification):
                write_atomically(args.out / f"{name}.svg", plot(result).encode())
        if args.sqlite:
            write_sqlite(args.sqlite, result)


def main(arguments: list[str] | None = None) -> int:
    """-> exit code"""
    args = parse_arguments(arguments)
    try:
        torch.set_num_threads(cores())
        _run(args)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
