"""Adam with decoupled weight decay on everything but gains and biases, warm-up, cosine (section 2.5)."""

from __future__ import annotations

import math

import torch
from torch import nn

from .presets import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Gains, biases, the class embedding and the temperature are those parameters with fewer than two dimensions."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    # Fused: one pass over the weights a step, a tenth of the step's time on a CPU.
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), eps=recipe.eps, fused=True)


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Rate of step `step` of `steps`, both counted from one: linear to `peak`, then half a cosine to zero."""
    if step <= warmup:
        return peak * step / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
