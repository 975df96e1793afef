"""Training from WebDataset shards: `python -m webimagetext_train.train --shards 'data/shards/*.tar'`.

Running the same command again goes on from the last checkpoint: model, optimizer and the place in the data are
restored, whatever is drawn at random is a function of the step, and the losses that follow are bit for bit those of a
run that was never stopped (on a CPU with the same number of threads).
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from contextlib import suppress

import torch

from . import launch
from .data import Batch, order
from .distributed import any_process, from_first, local_rank, process_group, rank, sum_over_processes, world
from .errors import UserError
from .files import write_atomically
from .memory import peak_memory_mb
from .metrics import FIELDS, Database, Rows, Sink, TensorBoard, WeightsAndBiases
from .optim import learning_rate
from .options import parse_arguments
from .progress import Clock, Progress
from .run import Run, cores, describe, open_shards, resolve

METRICS = "metrics.csv"
_GOING, _OUT_OF_TIME, _TOLD_TO_STOP = 0, 1, 2


class Stop:
    """Remembers the first SIGINT or SIGTERM; the step in progress is finished and a checkpoint written."""

    COPIES = 2.0
    """Seconds in which more signals are the first one again: a group of processes gets it at once, and parents hand it on."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._first = 0.0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        if self.signal is None:
            self.signal, self._first = number, time.monotonic()
        elif time.monotonic() - self._first > self.COPIES:
            os._exit(128 + number)  # asked twice: at once; the last checkpoint stands


def pick_device(name: str | None) -> torch.device:
    """The one asked for, else a GPU where there is one: each process its own."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        if device.index is not None and int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1:
            raise UserError(f"--device {name} is one for all processes: leave out its number, or --processes")
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", local_rank())
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device {name or 'cuda'} cannot be used ({str(error).splitlines()[0]}): try --device cpu") from error
    return device


def train(run: Run, stop: Stop) -> int:
    """Steps until done, out of time or told to stop -> which of these."""
    args, recipe, started = run.args, run.preset.recipe, time.monotonic()
    sinks, clock = _sinks(run), Clock()
    keys = _open_keys(run) if args.log_keys else None
    batches = run.loader().batches(run.step + 1, run.steps)
    state = _GOING
    try:
        while state == _GOING and run.step < run.steps:
            asked = time.monotonic()
            batch = next(batches)
            waited = time.monotonic() - asked
            lr = learning_rate(run.step + 1, run.steps, recipe.lr, recipe.warmup)
            result = _update(run, batch, lr)
            run.step += 1
            if keys:
                keys.write_all([[run.step, key, 1] for key in batch.keys] + [[run.step, key, 0] for key, _ in batch.broken])
            clock.add(recipe.batch_size, waited)
            if run.step % args.log_every == 0 or run.step == run.steps:
                values = {"step": run.step, "epoch": run.epoch, "loss": result.loss, "lr": lr, "logit_scale": run.model.logit_scale.exp().item()}
                values |= {"gradient_norm": result.gradient_norm, "memory_mb": round(peak_memory_mb(run.device), 1), **clock.look(run.steps - run.step)}
                for sink in sinks:
                    sink.write(**values)
                run.progress.step(run.steps, run.broken, **values)
            if run.step < run.steps:
                out_of_time = args.time_budget is not None and time.monotonic() - started >= args.time_budget
                state = any_process(_TOLD_TO_STOP if stop.signal is not None else _OUT_OF_TIME if out_of_time else _GOING, run.device)
            due = run.step % args.checkpoint_every == 0 or (args.keep_every and run.step % args.keep_every == 0)
            if state != _GOING or due or run.step == run.steps:
                run.save()
    finally:
        batches.close()
        for sink in [*sinks, *([keys] if keys else [])]:
            sink.close()
        run.progress.finish()
    return state


def _open_keys(run: Run) -> Rows:
    """This process' table of samples; the first also takes back rows of processes that are no longer there."""
    fields = ("step", "key", "seen")
    if rank() == 0:
        for path in run.out.glob("keys-*.csv"):
            if int(path.stem.split("-")[1]) >= world():
                Rows(path, fields, run.step).close()
    return Rows(run.out / f"keys-{rank()}.csv", fields, run.step)


def _sinks(run: Run) -> list[Sink]:
    if rank() != 0:
        return []
    sinks: list[Sink] = [Rows(run.out / METRICS, FIELDS, run.step)]
    if run.args.sqlite:
        sinks.append(Database(run.args.sqlite, str(run.out), run.step, run.progress))
    if run.args.tensorboard:
        sinks.append(TensorBoard(run.out / "tensorboard", run.step))
    if run.args.wandb:
        sinks.append(WeightsAndBiases(run.args.wandb, run.out, describe(run)))
    return sinks


def _update(run: Run, batch: Batch, lr: float):
    """One optimizer step -> its result."""
    for key, why in batch.broken:
        run.progress.event("broken", key=key, reason=why)
    number = run.step + 1
    lost = len(batch.broken) if world() == 1 else int(sum_over_processes(torch.tensor(len(batch.broken), device=run.device)))
    run.broken += lost
    if lost == run.preset.recipe.batch_size:
        raise UserError(f"no picture of step {number}'s batch can be read (first: {batch.broken[0][0]}): crawl again, or look at that file")
    for group in run.optimizer.param_groups:
        group["lr"] = lr
    result = run.stepper.step(number, batch.images, batch.tokens, run.optimizer, run.guard, run.average)
    if result.complaint:
        # The weights are as the step before left them, the last checkpoint is good, and the culprits are named.
        leapt = "leapt" in result.complaint
        path = run.out / ("spike.json" if leapt else "non-finite.json")
        if rank() == 0:
            keys = [run.index.key(sample) for sample in run.loader().indices(number).tolist()]
            report = {"step": number, "loss": str(result.loss), "gradient_norm": str(result.gradient_norm), "mean_loss": run.guard.mean, "keys": keys}
            write_atomically(path, json.dumps(report, indent=1).encode())
        advice = "look at them, then go on with --spike 0 or a lower --lr" if leapt else "lower --lr and run again"
        raise UserError(f"{result.complaint} at step {number}: its samples are listed in {path}; {advice}")
    return result


def _list_batches(args: argparse.Namespace, progress: Progress) -> int:
    """The keys of all processes' samples, as they were or will be trained on; broken ones are among them."""
    index = open_shards(args, progress)
    preset, steps = resolve(args, len(index), pick_device(args.device).type == "cuda")
    first, last = args.list_batches
    if first > steps:
        raise UserError(f"--list-batches begins with step {first}, but the run has {steps} steps: name an earlier one, or the run's --steps or --epochs")
    size = preset.recipe.batch_size
    for step in range(first, min(last, steps) + 1):
        samples = order((step - 1) * size, size, len(index), args.seed)
        print(json.dumps({"step": step, "keys": [index.key(sample) for sample in samples.tolist()]}))
    return 0


def _lock(args: argparse.Namespace) -> object:
    """Keeps other runs out of --out for as long as the result is referred to."""
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        lock = open(args.out / "lock", "w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"another run is writing to {args.out}: wait for it, or name another --out") from error
    except OSError as error:
        raise UserError(f"{args.out} cannot be written ({error.strerror}): name another --out") from error
    return lock


def _train(args: argparse.Namespace, device: torch.device) -> int:
    progress, stop = Progress(args.json, args.quiet, rank() == 0), Stop()
    lock = _lock(args) if rank() == 0 else None
    from_first(None)  # the others wait for the lock
    torch.set_num_threads(args.threads or max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
    if args.precision is None:
        args.precision = "bf16" if device.type == "cuda" else "fp32"
    if args.precision == "fp16" and args.parallel == "fsdp" and world() > 1:
        raise UserError("--precision fp16 does not go with --parallel fsdp: take bf16")
    run = Run(args, progress, device)
    if lock:
        run.prepare_folder()
    name, pairs = run.preset.model.name, len(run.index)
    if run.step >= run.steps:
        sentence = f"{args.out} holds a finished run of {run.step} steps: nothing to do (raise --steps to go on, or --restart)"
        progress.event("done", sentence, step=run.step, checkpoint=str(run.latest), trained=0)
        return 0
    first, began = run.step, time.monotonic()
    how = f"going on after step {first}" if first else "from scratch"
    where = f"{world()} x {run.device.type}" if world() > 1 else str(run.device)
    progress.event(
        "start",
        f"training {name} on {pairs:,} pairs, {run.steps:,} steps of {run.preset.recipe.batch_size}, {where}, {how}",
        model=name,
        pairs=pairs,
        steps=run.steps,
        step=first,
        batch_size=run.preset.recipe.batch_size,
        device=str(run.device),
        processes=world(),
        vocabulary=run.tokenizer.size,
    )
    if args.restart:
        # Or the next run would go on from the old checkpoint, were this one killed before its first.
        run.save()
    state = train(run, stop)
    seconds = time.monotonic() - began
    if state == _GOING:
        progress.event("done", f"trained {run.step - first} steps in {seconds:.0f} s: {run.latest}", step=run.step, checkpoint=str(run.latest), trained=run.step - first)
        return 0
    reason = "signal" if state == _TOLD_TO_STOP else "time"
    progress.event("stopped", f"stopped after step {run.step} of {run.steps}; the same command goes on from there", step=run.step, reason=reason)
    return 0 if state == _OUT_OF_TIME else 128 + (stop.signal or signal.SIGTERM)


def main(arguments: list[str] | None = None) -> int:
    """-> exit code: 0 done, 1 failed, 2 wrong use (argparse), 130/143 stopped by a signal."""
    given = sys.argv[1:] if arguments is None else arguments
    args = parse_arguments(given)
    try:
        if args.nodes or args.slurm:
            if args.slurm:
                print(launch.sbatch_script(given, args.nodes or 1, args.processes, gpus=args.device != "cpu"), end="")
            else:
                print(launch.nodes_text(given, args.nodes or 1, args.processes), end="")
            return 0
        if args.list_batches:
            return _list_batches(args, Progress(args.json, args.quiet))
        if args.processes > 1 and "WORLD_SIZE" not in os.environ:
            if pick_device(args.device).type == "cuda" and torch.cuda.device_count() < args.processes:
                raise UserError(f"--processes {args.processes}, but this machine has {torch.cuda.device_count()} GPUs: start at most one a GPU")
            return launch.run_processes(given, args.processes)
        device = pick_device(args.device)
        with process_group(device.type):
            return _train(args, device)
    except UserError as error:
        message = str(error)
    except OSError as error:
        message = str(error)
    except (torch.OutOfMemoryError, MemoryError):
        message = _OUT_OF_MEMORY
    except RuntimeError as error:
        if "gloo/transport" in str(error) or isinstance(error, torch.distributed.DistError):
            with suppress(BrokenPipeError):
                print("another process of this run is gone", file=sys.stderr)
            return launch.LOST
        if "can't allocate memory" not in str(error) and "not enough memory" not in str(error):
            raise
        message = _OUT_OF_MEMORY
    with suppress(BrokenPipeError):
        print(f"error: {message}", file=sys.stderr)
    return 1


_OUT_OF_MEMORY = "the memory is full: raise --accum or give --checkpointing (same result), lower --batch-size, or take a smaller --model"


if __name__ == "__main__":
    sys.exit(main())
