"""Training from WebDataset shards: `python -m webimagetext_train.train --shards 'data/shards/*.tar'`.

Running the same command again goes on from the last checkpoint: model, optimizer, random state and the place in the
data are restored, and the losses that follow are bit for bit those of a run that was never stopped (on a CPU with the
same number of threads).
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from . import checkpoint
from .data import PARTS, Loader, LoaderOptions, captions_of
from .errors import UserError
from .files import remove_temporaries, write_atomically
from .images import normalise
from .loss import clamp_logit_scale, clip_loss
from .model import CLIP
from .options import SMALL_DATA, parse_arguments
from .optim import learning_rate, make_optimizer
from .presets import PRESETS, TINY, Preset
from .progress import Clock, Metrics, Progress
from .shards import ShardIndex, find_shards
from .tokenizer import ClipTokenizer

TOKENIZER = "bpe.txt.gz"
METRICS = "metrics.csv"


class Stop:
    """Remembers the first SIGINT or SIGTERM; the step in progress is finished and a checkpoint written."""

    def __init__(self) -> None:
        self.signal: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        if self.signal is not None:
            os._exit(128 + number)  # asked twice: at once; the last checkpoint stands
        self.signal = number


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pick_device(name: str | None) -> torch.device:
    """The one asked for, else a GPU where there is one."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {name} cannot be used ({str(error).splitlines()[0]}): try --device cpu") from error
    return device


class Run:
    """One training run in one folder."""

    def __init__(self, args: argparse.Namespace, progress: Progress):
        self.args, self.progress, self.out = args, progress, args.out
        torch.set_num_threads(args.threads or cores())
        self.device = pick_device(args.device)
        self.index = self._open_shards()
        self.preset, self.steps = self._resolve()
        self.identity = {
            "model": self.preset.model.name,
            "batch-size": self.preset.recipe.batch_size,
            "seed": args.seed,
            "shuffle-captions": args.shuffle_captions,
            "data": self.index.fingerprint(),
        }
        self.step, self.broken = 0, 0
        previous = None if args.restart or not self.latest.exists() else checkpoint.load(self.latest)
        torch.manual_seed(args.seed)
        if previous:
            self._check_same(previous)
            self.tokenizer, self.model, self.step = previous.tokenizer, previous.model(), previous.step
            self.broken = previous.state["run"]["broken"]
        else:
            self.tokenizer = self._make_tokenizer()
            self.model = CLIP(self.preset.model.with_vocabulary(self.tokenizer.size))
        self.model.to(self.device).train()
        self.optimizer = make_optimizer(self.model, self.preset.recipe)
        if previous:
            # The moments of the file under the options of this command.
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": previous.state["optimizer"]["state"]})
            checkpoint.restore_rng(previous.state)

    @property
    def latest(self) -> Path:
        return self.out / checkpoint.LATEST

    def _open_shards(self) -> ShardIndex:
        index = ShardIndex.build(find_shards(self.args.shards), PARTS)
        for line in index.damaged:
            self.progress.event("damaged", f"warning: {line}; reading what lies before", shard=line)
        if index.incomplete:
            self.progress.event("incomplete", f"warning: {index.incomplete} samples lack a picture or a caption", samples=index.incomplete)
        return index

    def _resolve(self) -> tuple[Preset, int]:
        """Options over the preset's values; the number of steps."""
        args, pairs = self.args, len(self.index)
        preset = PRESETS[args.model or ("ViT-B/32" if self.device.type == "cuda" and pairs >= SMALL_DATA else TINY)]
        recipe = preset.recipe
        batch = args.batch_size or min(recipe.batch_size, 1024)
        if pairs < batch:
            raise UserError(f"{self.args.shards} holds {pairs} pairs, fewer than one batch of {batch}: crawl more or lower --batch-size")
        steps = args.steps or recipe.steps or max(1, recipe.epochs * pairs // batch)
        warmup = min(recipe.warmup, max(1, steps // 10)) if args.warmup is None else args.warmup
        decay = recipe.weight_decay if args.weight_decay is None else args.weight_decay
        lr = recipe.lr if args.lr is None else args.lr
        return replace(preset, recipe=replace(recipe, batch_size=batch, lr=lr, warmup=warmup, weight_decay=decay)), steps

    def _check_same(self, previous: checkpoint.Checkpoint) -> None:
        before = previous.state["run"]
        others = ["other data" if name == "data" else f"--{name} {before[name]}, not {value}" for name, value in self.identity.items() if before[name] != value]
        if self.args.tokenizer and ClipTokenizer.load(self.args.tokenizer).digest() != previous.tokenizer.digest():
            others.append("another --tokenizer")
        if others:
            raise UserError(f"{self.out} holds a run with {others[0]}: begin anew with --restart, or name another --out")

    def _make_tokenizer(self) -> ClipTokenizer:
        if self.args.tokenizer:
            tokenizer = ClipTokenizer.load(self.args.tokenizer)
        else:
            tokenizer = ClipTokenizer.train(captions_of(self.index), self.preset.model.vocab_size)
        tokenizer.save(self.out / TOKENIZER)
        return tokenizer

    def save(self) -> None:
        """Writes latest.pt."""
        run = {**self.identity, "broken": self.broken, "steps": self.steps}
        checkpoint.save(self.latest, step=self.step, model=self.model, optimizer=self.optimizer, tokenizer=self.tokenizer, tokenizer_file=TOKENIZER, run=run)
        self.progress.event("checkpoint", step=self.step, path=str(self.latest))

    def train(self, stop: Stop) -> str:
        """Steps until done, out of time or told to stop -> "done", "time" or "signal"."""
        args, recipe, started = self.args, self.preset.recipe, time.monotonic()
        options = LoaderOptions(
            recipe.batch_size,
            self.preset.model.image_size,
            self.preset.model.context_length,
            args.seed,
            args.workers if args.workers is not None else cores() if self.device.type == "cuda" else 1,
            args.shuffle_captions,
        )
        metrics, clock = Metrics(self.out / METRICS, self.step), Clock()
        batches = Loader(self.index, self.tokenizer, options).batches(self.step + 1, self.steps)
        reason = "done"
        try:
            for batch in batches:
                for key, why in batch.broken:
                    self.progress.event("broken", key=key, reason=why)
                self.broken += len(batch.broken)
                lr = learning_rate(self.step + 1, self.steps, recipe.lr, recipe.warmup)
                loss = self._update(batch, lr)
                self.step += 1
                clock.add(len(batch.keys))
                if self.step % args.log_every == 0 or self.step == self.steps:
                    scale = self.model.logit_scale.exp().item()
                    values = {"step": self.step, "loss": loss, "lr": lr, "logit_scale": scale, **clock.look(self.steps - self.step)}
                    metrics.write(**values)
                    self.progress.step(self.steps, self.broken, **values)
                if self.step < self.steps:
                    if stop.signal is not None:
                        reason = "signal"
                    elif args.time_budget is not None and time.monotonic() - started >= args.time_budget:
                        reason = "time"
                if reason != "done" or self.step % args.checkpoint_every == 0 or self.step == self.steps:
                    self.save()
                if reason != "done":
                    break
        finally:
            batches.close()
            metrics.close()
            self.progress.finish()
        return reason

    def _update(self, batch, lr: float) -> float:
        """One optimizer step -> its loss."""
        if not batch.keys:
            raise UserError(f"no picture of step {self.step + 1}'s batch can be read (first: {batch.broken[0][0]}): crawl again, or look at that file")
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.args.precision == "bf16"):
            image, text = self.model(normalise(batch.images.to(self.device, non_blocking=True)), batch.tokens.to(self.device))
        loss = clip_loss(image, text, self.model.logit_scale)
        value = loss.item()
        if value != value or abs(value) == float("inf"):
            # Stop before the weights are touched: the last checkpoint stays good, and the culprits are named.
            path = self.out / "non-finite.json"
            write_atomically(path, json.dumps({"step": self.step + 1, "loss": str(value), "keys": batch.keys}, indent=1).encode())
            raise UserError(f"loss became {value} at step {self.step + 1}: its samples are listed in {path}; lower --lr and run again")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        clamp_logit_scale(self.model.logit_scale)
        return value


def _train(args: argparse.Namespace) -> int:
    progress, stop = Progress(args.json, args.quiet), Stop()
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        lock = open(args.out / "lock", "w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"another run is writing to {args.out}: wait for it, or name another --out") from error
    except OSError as error:
        raise UserError(f"{args.out} cannot be written ({error.strerror}): name another --out") from error
    for name in (checkpoint.LATEST, TOKENIZER, METRICS):
        remove_temporaries(args.out / name)
    if args.precision is None:
        args.precision = "bf16" if pick_device(args.device).type == "cuda" else "fp32"
    run = Run(args, progress)
    name, pairs = run.preset.model.name, len(run.index)
    if run.step >= run.steps:
        sentence = f"{args.out} holds a finished run of {run.step} steps: nothing to do (raise --steps to go on, or --restart)"
        progress.event("done", sentence, step=run.step, checkpoint=str(run.latest), trained=0)
        return 0
    first, began = run.step, time.monotonic()
    how = f"going on after step {first}" if first else "from scratch"
    progress.event(
        "start",
        f"training {name} on {pairs:,} pairs, {run.steps:,} steps of {run.preset.recipe.batch_size}, {run.device}, {how}",
        model=name,
        pairs=pairs,
        steps=run.steps,
        step=first,
        batch_size=run.preset.recipe.batch_size,
        device=str(run.device),
        vocabulary=run.tokenizer.size,
    )
    reason = run.train(stop)
    seconds = time.monotonic() - began
    if reason == "done":
        progress.event("done", f"trained {run.step - first} steps in {seconds:.0f} s: {run.latest}", step=run.step, checkpoint=str(run.latest), trained=run.step - first)
        return 0
    progress.event("stopped", f"stopped after step {run.step} of {run.steps}; the same command goes on from there", step=run.step, reason=reason)
    return 0 if reason == "time" else 128 + (stop.signal or 0)


def main(arguments: list[str] | None = None) -> int:
    """-> exit code: 0 done, 1 failed, 2 wrong use (argparse), 130/143 stopped by a signal."""
    args = parse_arguments(arguments)
    try:
        return _train(args)
    except UserError as error:
        message = str(error)
    except OSError as error:
        message = str(error)
    except torch.OutOfMemoryError:
        message = "the GPU's memory is full: lower --batch-size, or take a smaller --model"
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
