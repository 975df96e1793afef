"""One training run in one folder: its data, model, optimizer, and how they are saved and found again."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from . import checkpoint
from .data import PARTS, Loader, LoaderOptions, captions_of
from .distributed import from_first, rank, world
from .errors import UserError
from .files import remove_temporaries
from .guard import Guard
from .index_cache import open_index
from .init_from import initial_weights
from .model import CLIP
from .optim import Average, make_optimizer, restore_optimizer
from .options import SMALL_DATA
from .presets import PRESETS, TINY, Preset
from .progress import Progress
from .shards import ShardIndex, find_shards
from .step import Stepper, StepOptions
from .tokenizer import ClipTokenizer

TOKENIZER = "bpe.txt.gz"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_shards(args: argparse.Namespace, progress: Progress) -> ShardIndex:
    """The samples of --shards; what is wrong with them is said."""
    cache = args.cache or args.out / "cache"
    say = lambda text: progress.event("reading", text)  # noqa: E731
    index = open_index(find_shards(args.shards, cache=cache / "shards", say=say), PARTS, cache / "index", say)
    for line in index.damaged:
        progress.event("damaged", f"warning: {line}; reading what lies before", shard=line)
    if index.incomplete:
        progress.event("incomplete", f"warning: {index.incomplete} samples lack a picture or a caption", samples=index.incomplete)
    return index


def resolve(args: argparse.Namespace, pairs: int, on_gpu: bool) -> tuple[Preset, int]:
    """Options over the preset's values; the number of steps."""
    preset = PRESETS[args.model or ("ViT-B/32" if on_gpu and pairs >= SMALL_DATA else TINY)]
    recipe = preset.recipe
    batch = args.batch_size or min(recipe.batch_size, 1024)
    if pairs < batch:
        raise UserError(f"{' '.join(args.shards)} holds {pairs} pairs, fewer than one batch of {batch}: crawl more or lower --batch-size")
    if batch < world() * args.accum:
        raise UserError(f"a batch of {batch} is less than one pair for each of {world()} processes x --accum {args.accum}: raise --batch-size")
    epochs = args.epochs or (None if recipe.steps else recipe.epochs)
    steps = args.steps or (max(1, round(epochs * pairs / batch)) if epochs else recipe.steps)
    given = {name: getattr(args, name) for name in ("lr", "weight_decay", "beta1", "beta2", "eps") if getattr(args, name) is not None}
    warmup = min(recipe.warmup, max(1, steps // 10)) if args.warmup is None else args.warmup
    model = replace(preset.model, logit_bias=args.loss == "sigmoid")
    return Preset(model, replace(recipe, batch_size=batch, warmup=warmup, **given)), steps


class Run:
    """Everything that a step needs, new or as the last checkpoint left it."""

    def __init__(self, args: argparse.Namespace, progress: Progress, device: torch.device):
        self.args, self.progress, self.out, self.device = args, progress, args.out, device
        self.index = open_shards(args, progress)
        self.preset, self.steps = resolve(args, len(self.index), device.type == "cuda")
        self.identity = {
            "model": self.preset.model.name,
            "batch-size": self.preset.recipe.batch_size,
            "loss": args.loss,
            "seed": args.seed,
            "shuffle-captions": args.shuffle_captions,
            "data": self.index.fingerprint(),
        }
        if from_first(self.identity) != self.identity:
            raise UserError(f"process {rank()} sees other shards than the first: {' '.join(args.shards)} must mean the same files on all machines")
        self.step, self.broken = 0, 0
        self.guard = Guard(args.spike)
        previous = None if args.restart or not self.latest.exists() else checkpoint.load(self.latest)
        torch.manual_seed(args.seed)
        if previous:
            self._check_same(previous)
            self.tokenizer, model, self.step = previous.tokenizer, previous.model(), previous.step
            self.broken = previous.state["run"]["broken"]
            self.guard = Guard(args.spike, **previous.state["run"]["guard"])
        else:
            self.tokenizer, model = self._begin()
        # Where weights are split, only after this do the parameters have their final form.
        self.stepper = Stepper(model, device, self._step_options())
        self.model = model
        self.optimizer = make_optimizer(model, self.preset.recipe, args.half_statistics)
        self.average = None if args.ema is None else Average(model, args.ema)
        if previous:
            self._restore(previous.state)

    @property
    def latest(self) -> Path:
        """The checkpoint that a run goes on from."""
        return self.out / checkpoint.LATEST

    @property
    def epoch(self) -> float:
        """Passes over the data so far."""
        return round(self.step * self.preset.recipe.batch_size / len(self.index), 4)

    def loader(self) -> Loader:
        """Batches of this process."""
        args, recipe, model = self.args, self.preset.recipe, self.preset.model
        share = max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))) if self.device.type == "cuda" else 1
        options = LoaderOptions(
            recipe.batch_size,
            model.image_size,
            model.context_length,
            args.seed,
            share if args.workers is None else args.workers,
            args.shuffle_captions,
            rank(),
            world(),
            pin=self.device.type == "cuda",
        )
        return Loader(self.index, self.tokenizer, options)

    def save(self) -> None:
        """Writes latest.pt, and step-N.pt when it is to be kept; every process must call it."""
        run = {**self.identity, "broken": self.broken, "steps": self.steps, "guard": self.guard.state()}
        state = checkpoint.collect(
            step=self.step,
            model=self.model,
            optimizer=self.optimizer,
            tokenizer=self.tokenizer,
            tokenizer_file=TOKENIZER,
            run=run,
            ema=self.average.state() if self.average else None,
            scaler=self.stepper.scaler.state_dict() if self.stepper.scaler.is_enabled() else None,
        )
        if rank() != 0:
            return
        checkpoint.write(self.latest, state)
        if self.args.keep_every and self.step > 0 and self.step % self.args.keep_every == 0:
            # The same bytes under a second name: latest.pt is replaced, never written into.
            kept = self.out / f"step-{self.step}.pt"
            kept.unlink(missing_ok=True)
            os.link(self.latest, kept)
        self.progress.event("checkpoint", step=self.step, path=str(self.latest))

    def prepare_folder(self) -> None:
        """The first process does so when nothing can be refused any more: what killed ones left goes, the tokenizer comes."""
        for name in (checkpoint.LATEST, TOKENIZER, "metrics.csv"):
            remove_temporaries(self.out / name)
        if self.step == 0:
            self.tokenizer.save(self.out / TOKENIZER)

    def _step_options(self) -> StepOptions:
        args = self.args
        names = ("precision", "accum", "clip_norm", "patch_dropout", "checkpointing", "compile", "parallel", "seed")
        return StepOptions(**{name: getattr(args, name) for name in names})

    def _check_same(self, previous: checkpoint.Checkpoint) -> None:
        before = previous.state["run"]
        if "data" not in before:
            raise UserError(f"{self.latest} was imported and is no run to go on with: move it elsewhere and begin with it by --init")
        others = ["other data" if name == "data" else f"--{name} {before[name]}, not {value}" for name, value in self.identity.items() if before[name] != value]
        if self.args.tokenizer and ClipTokenizer.load(self.args.tokenizer).digest() != previous.tokenizer.digest():
            others.append("another --tokenizer")
        if others:
            raise UserError(f"{self.out} holds a run with {others[0]}: begin anew with --restart, or name another --out")

    def _begin(self) -> tuple[ClipTokenizer, CLIP]:
        source = checkpoint.load(self.args.init) if self.args.init else None
        named = ClipTokenizer.load(self.args.tokenizer) if self.args.tokenizer else None
        if source and named and named.digest() != source.tokenizer.digest():
            raise UserError(f"{self.args.init} was trained with another tokenizer than {self.args.tokenizer}: leave out --tokenizer, or --init")
        if source:
            tokenizer = source.tokenizer
        elif named:
            tokenizer = named
        else:
            merges = ClipTokenizer.train(captions_of(self.index), self.preset.model.vocab_size).merges if rank() == 0 else None
            tokenizer = ClipTokenizer(from_first(merges))
        model = CLIP(self.preset.model.with_vocabulary(tokenizer.size))
        if source:
            model.load_state_dict(initial_weights(source, model.config))
        return tokenizer, model

    def _restore(self, state: dict[str, Any]) -> None:
        """Under the options of this command: the rate and the decay are not those of the file."""
        restore_optimizer(self.model, self.optimizer, state["optimizer"]["state"], self.args.half_statistics)
        if self.average and "ema_state_dict" in state:
            self.average.restore(state["ema_state_dict"])
        if self.stepper.scaler.is_enabled() and "scaler" in state:
            self.stepper.scaler.load_state_dict(state["scaler"])


def describe(run: Run) -> dict[str, object]:
    """What a log should know of a run beforehand."""
    return {**asdict(run.preset.recipe), "model": run.preset.model.name, "pairs": len(run.index), "steps": run.steps, "processes": world(), **run.identity}
