"""`python -m webimagetext_train.evaluate --checkpoint FILE --task TASK`: zero-shot, retrieval, probes (section 3)."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import torch

from . import checkpoint
from .errors import UserError
from .evaluate_options import parse_arguments
from .features import Cache, Embedder, say_to_stderr
from .files import write_atomically
from .plot import plot
from .probe import probe
from .results import sentence, write_json, write_sqlite
from .retrieval import retrieve
from .tasks import Classification, Retrieval, find_task
from .train import cores, pick_device
from .zeroshot import classify


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
    names = [task.name for task in tasks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice and (args.out or args.sqlite):
        raise UserError(f"two tasks are called {twice}, and one's results would replace the other's: rename a folder, or leave out --out and --sqlite")
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
    except (torch.OutOfMemoryError, MemoryError):
        print("error: the memory is full: lower --batch-size", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
