"""Memory: what is in use, and computing twice instead of remembering (gradient checkpointing)."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norms inside normalise by the batch, as ever, but leave their running means as they are."""
    norms = [(norm, norm.momentum) for norm in module.modules() if isinstance(norm, nn.BatchNorm2d)]
    for norm, _ in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in norms:
            norm.momentum = momentum


def run_block(recompute: bool, block: nn.Module, *inputs: Tensor) -> Tensor:
    """`block(*inputs)`; when recomputing, only the inputs are kept for the backward pass, which runs the block again."""
    if not recompute:
        return block(*inputs)
    # Blocks draw no random numbers, so there is no state of a generator to put back.
    contexts = lambda: (nullcontext(), frozen_statistics(block))  # noqa: E731
    return checkpoint(block, *inputs, use_reentrant=False, preserve_rng_state=False, context_fn=contexts)


def peak_memory_mb(device: torch.device) -> float:
    """The most that was in use so far: of the GPU by PyTorch, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1e6 if sys.platform == "darwin" else used / 1e3  # bytes there, kilobytes elsewhere
