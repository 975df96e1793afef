"""Several processes, one a GPU (NCCL) or on CPUs (gloo), started by torchrun; with one process everything here is free.

Data-parallel replicas (DDP) or weights split over the processes (FSDP2, `fully_shard`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .errors import UserError


def rank() -> int:
    """This process' number; 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_rank() -> int:
    """This process' number on its machine: its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def process_group(device_type: str) -> Iterator[None]:
    """Joins the others that torchrun started, for as long as the block runs; does nothing without torchrun."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    if device_type == "cuda":
        if local_rank() >= torch.cuda.device_count():
            raise UserError(f"{os.environ.get('LOCAL_WORLD_SIZE')} processes, but {torch.cuda.device_count()} GPUs on this machine: start one a GPU")
        torch.cuda.set_device(local_rank())
    # Rank 0 may walk a large index or train a tokenizer while the others wait.
    dist.init_process_group("nccl" if device_type == "cuda" else "gloo", timeout=timedelta(hours=1))
    try:
        yield
    finally:
        dist.destroy_process_group()


@dataclass(frozen=True)
class Counts:
    """Rows that each process brought."""

    all: list[int]
    rank: int

    @property
    def before(self) -> list[int]:
        """Those of the processes before this one."""
        return self.all[: self.rank]


def gather_rows(*parts: Tensor) -> tuple[Any, ...]:
    """(b, E) tensors of this process, b differing between processes -> `Counts`, and for each its (B, E) of all."""
    if world() == 1:
        return Counts([len(parts[0])], 0), *(part.detach().clone() for part in parts)
    sizes = [torch.zeros(1, dtype=torch.int64, device=parts[0].device) for _ in range(world())]
    dist.all_gather(sizes, torch.tensor([len(parts[0])], device=parts[0].device))
    counts = Counts([int(size) for size in sizes], rank())
    longest = max(counts.all)
    gathered = []
    for part in parts:
        padded = torch.zeros(longest, part.shape[1], dtype=part.dtype, device=part.device)
        padded[: len(part)] = part.detach()
        rows = [torch.empty_like(padded) for _ in range(world())]
        dist.all_gather(rows, padded)
        gathered.append(torch.cat([row[:count] for row, count in zip(rows, counts.all, strict=True)]))
    return counts, *gathered


def sum_rows_to_owner(rows: Tensor, counts: Counts) -> Tensor:
    """(B, E) of every process -> the sums of the rows that this one brought."""
    if world() > 1 and len(set(counts.all)) == 1 and dist.get_backend() == "nccl":
        mine = torch.empty(counts.all[0], rows.shape[1], dtype=rows.dtype, device=rows.device)
        dist.reduce_scatter_tensor(mine, rows)
        return mine
    if world() > 1:
        dist.all_reduce(rows)
    return rows[sum(counts.before) : sum(counts.before) + counts.all[counts.rank]]


def sum_over_processes(value: Tensor) -> Tensor:
    """The sum, on every process."""
    if world() > 1:
        value = value.clone()
        dist.all_reduce(value)
    return value


def average_gradient(parameter: nn.Parameter) -> None:
    """Of a parameter that no wrapper looks after."""
    if world() > 1 and parameter.grad is not None:
        dist.all_reduce(parameter.grad)
        parameter.grad /= world()


def any_process(flag: int, device: torch.device) -> int:
    """The largest of all processes' flags: a signal that reached one stops all after the same step."""
    if world() == 1:
        return flag
    value = torch.tensor([flag], device=device)
    dist.all_reduce(value, dist.ReduceOp.MAX)
    return int(value)


def from_first(value: object) -> object:
    """What rank 0 has, on every process."""
    if world() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def is_split(tensor: Tensor) -> bool:
    """Whether FSDP keeps only a part of it here. Importing the module takes a second, and only FSDP does so."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def whole(tensor: Tensor) -> Tensor:
    """A split tensor put together again (every process must ask), any other as it is."""
    return tensor.full_tensor() if is_split(tensor) else tensor


def local_part(tensor: Tensor) -> Tensor:
    """Of a split tensor what lies here, sharing its memory; any other as it is."""
    return tensor.to_local() if is_split(tensor) else tensor


def split_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """This process' part of `tensor` where the parameter is split, else `tensor` on its device."""
    if is_split(parameter):
        return sys.modules["torch.distributed.tensor"].distribute_tensor(tensor.to(parameter.device), parameter.device_mesh, parameter.placements)
    return tensor.to(parameter.device)
