"""Adam with decoupled weight decay on everything but gains and biases, warm-up, cosine (section 2.5)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .distributed import is_split, split_like, whole
from .half_adam import HalfAdamW
from .presets import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe, half_statistics: bool = False) -> torch.optim.Optimizer:
    """Gains, biases, the class embedding and the temperature are those parameters with fewer than two dimensions."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
        # Apart from the others: where weights are split over processes, a single number is not.
        {"params": [p for p in parameters if p.ndim == 0], "weight_decay": 0.0},
    ]
    betas = (recipe.beta1, recipe.beta2)
    if half_statistics:
        return HalfAdamW(groups, lr=recipe.lr, betas=betas, eps=recipe.eps)
    # Fused: one pass over the weights a step, a tenth of the step's time on a CPU.
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=betas, eps=recipe.eps, fused=True)


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Rate of step `step` of `steps`, both counted from one: linear to `peak`, then half a cosine to zero."""
    if step <= warmup:
        return peak * step / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """L2 norm of all gradients together, also of those that are split over processes -> scalar."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    kinds = ([g for g in gradients if is_split(g) is split] for split in (False, True))
    norms = [whole(torch.nn.utils.get_total_norm(kind)) for kind in kinds if kind]
    return torch.linalg.vector_norm(torch.stack(norms))


def optimizer_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, dict[str, Tensor]]:
    """Parameter name -> its step and moments, whole and on the CPU: good for any number of processes."""
    state = {name: optimizer.state.get(parameter, {}) for name, parameter in model.named_parameters()}
    return {name: {key: whole(value).cpu() for key, value in of_one.items()} for name, of_one in state.items() if of_one}


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, dict[str, Tensor]], half_statistics: bool) -> None:
    """Inverse of `optimizer_state`; moments saved in one precision may go on in the other."""
    kind = torch.bfloat16 if half_statistics else torch.float32
    for name, parameter in model.named_parameters():
        if name in state:
            moments = {key: split_like(state[name][key].to(kind, copy=True), parameter) for key in ("exp_avg", "exp_avg_sq")}
            # The fused optimizer keeps the count beside the weights, so that a step needs no answer from the GPU.
            count = state[name]["step"].clone() if half_statistics else state[name]["step"].to(parameter.device, copy=True)
            optimizer.state[parameter] = {"step": count, **moments}


class Average:
    """Exponential moving average of the weights (Polyak), in float32."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay, self._parameters = decay, dict(model.named_parameters())
        self.weights = {name: parameter.detach().float().clone() for name, parameter in self._parameters.items()}

    @torch.no_grad()
    def update(self) -> None:
        """After each optimizer step."""
        for name, parameter in self._parameters.items():
            self.weights[name].lerp_(parameter.float(), 1 - self.decay)

    def state(self) -> dict[str, Tensor]:
        """Whole, on the CPU."""
        return {name: whole(weight).cpu() for name, weight in self.weights.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Inverse of `state`."""
        for name, parameter in self._parameters.items():
            self.weights[name] = split_like(state[name], parameter).clone()
