"""Adam whose two moments are kept in bfloat16: 4 bytes a weight less (section 2.5: "half-precision Adam statistics").

A moment moves by as little as a thousandth of itself in a step, while bfloat16 knows only steps of a 256th: rounded to
the nearest it would stand still. So it is rounded up or down at random, in proportion to how near each is, which is
right on average (stochastic rounding). The draws are a function of the step alone: replicas on many processes
round alike, and a resumed run rounds as the undisturbed one did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .distributed import local_part


def round_stochastically(value: Tensor, generator: torch.Generator) -> Tensor:
    """float32 -> bfloat16, whose mean over many draws is `value`."""
    # A bfloat16 is the upper half of a float32: what is added to the lower half may carry into the upper.
    noise = torch.randint(0, 1 << 16, value.shape, dtype=torch.int32, device=value.device, generator=generator)
    bits = (value.contiguous().view(torch.int32) + noise) & -(1 << 16)
    return bits.view(torch.float32).to(torch.bfloat16)


class HalfAdamW(torch.optim.Optimizer):
    """The same update as torch.optim.AdamW; weights of bfloat16 are rounded stochastically, too."""

    def __init__(self, params: Any, lr: float, betas: tuple[float, float], eps: float):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})
        self._generators: dict[torch.device, torch.Generator] = {}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        """One update from the gradients."""
        seeded: set[torch.device] = set()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"] = torch.zeros_like(parameter, dtype=torch.bfloat16)
                    state["exp_avg_sq"] = torch.zeros_like(parameter, dtype=torch.bfloat16)
                state["step"] += 1
                step = int(state["step"])
                device = parameter.device
                generator = self._generators.setdefault(device, torch.Generator(device))
                if device not in seeded:
                    generator.manual_seed(step)
                    seeded.add(device)
                _update(parameter, parameter.grad, state, group, step, generator)


def _update(parameter: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any], step: int, generator: torch.Generator) -> None:
    beta1, beta2 = group["betas"]
    weight, grad = local_part(parameter), local_part(gradient).float()
    first, second = local_part(state["exp_avg"]), local_part(state["exp_avg_sq"])
    mean = first.float().lerp_(grad, 1 - beta1)
    square = second.float().mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    first.copy_(round_stochastically(mean, generator))
    second.copy_(round_stochastically(square, generator))
    denominator = square.div_(1 - beta2**step).sqrt_().add_(group["eps"])
    new = weight.float()  # the weight itself, or a copy of a bfloat16 one
    new.mul_(1 - group["lr"] * group["weight_decay"])
    new.addcdiv_(mean, denominator, value=-group["lr"] / (1 - beta1**step))
    if new is not weight:
        weight.copy_(round_stochastically(new, generator))
