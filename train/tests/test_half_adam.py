"""Half-precision moments: rounded right on average, nearly the update of full precision, the same draws each time."""

from __future__ import annotations

import pytest
import torch
from conftest import SMALL

from webimagetext_train.half_adam import HalfAdamW, round_stochastically
from webimagetext_train.model import CLIP
from webimagetext_train.optim import make_optimizer, optimizer_state, restore_optimizer
from webimagetext_train.presets import PRESETS, TINY


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_rounding_is_right_on_average_and_goes_only_to_a_neighbour() -> None:
    for value in (1.001, -1.001, 3e-20, 0.1, 65_000.3):
        rounded = round_stochastically(torch.full((200_000,), value), _generator()).double()
        neighbours = set(rounded.unique().tolist())
        assert len(neighbours) == 2
        assert min(neighbours) < value < max(neighbours)
        gap = max(neighbours) - min(neighbours)
        assert abs(rounded.mean().item() - value) < 0.01 * gap


def test_what_fits_is_left_alone() -> None:
    exact = torch.tensor([0.0, -0.0, 1.0, -2.5, 2.0**-120, float("inf")])
    assert torch.equal(round_stochastically(exact, _generator()).float(), exact)


def test_a_small_change_is_not_lost() -> None:
    """Rounded to the nearest, a second moment that moves by a thousandth a step would never move."""
    value = torch.ones(10_000, dtype=torch.bfloat16)
    generator = _generator()
    for _ in range(1000):
        value = round_stochastically(value.float() * 0.999, generator)
    assert value.float().mean().item() == pytest.approx(0.999**1000, rel=0.02)
    assert (torch.ones(1, dtype=torch.bfloat16) * 0.999).to(torch.bfloat16) == 1


def _problem(optimizer: type[torch.optim.Optimizer] | None, steps: int, **options: float) -> torch.Tensor:
    """Weights after some steps of noisy regression."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(400))
    target = torch.randn(400, generator=generator)
    opt = (optimizer or torch.optim.AdamW)([weight], lr=0.01, betas=(0.9, 0.98), eps=1e-6, **options)
    for _ in range(steps):
        weight.grad = weight.detach() - target + 0.1 * torch.randn(400, generator=generator)
        opt.step()
    return weight.detach()


def test_it_is_nearly_adam_and_draws_alike() -> None:
    exact, half = _problem(None, 300, weight_decay=0.0), _problem(HalfAdamW, 300)
    assert (half - exact).norm() < 0.01 * exact.norm()
    assert torch.equal(half, _problem(HalfAdamW, 300))


def test_the_first_step_is_adams() -> None:
    torch.testing.assert_close(_problem(HalfAdamW, 1), _problem(None, 1, weight_decay=0.0))


def test_half_precision_weights_learn_too() -> None:
    weight = torch.nn.Parameter(torch.ones(1000, dtype=torch.bfloat16))
    optimizer = HalfAdamW([weight], lr=1e-3, betas=(0.9, 0.98), eps=1e-6)
    for _ in range(100):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    assert weight.float().mean().item() == pytest.approx(0.9, abs=0.005)


@pytest.mark.parametrize("half", [False, True])
def test_its_state_is_kept_by_name_and_may_change_its_precision(half: bool) -> None:
    def trained(saved: dict | None, half: bool) -> tuple[CLIP, torch.optim.Optimizer]:
        torch.manual_seed(0)
        model = CLIP(SMALL)
        optimizer = make_optimizer(model, PRESETS[TINY].recipe, half)
        if saved:
            restore_optimizer(model, optimizer, saved, half)
        torch.manual_seed(1)
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
        return model, optimizer

    saved = optimizer_state(*trained(None, half))
    assert set(saved) == {name for name, _ in CLIP(SMALL).named_parameters()}
    kind = torch.bfloat16 if half else torch.float32
    assert all(moments["exp_avg"].dtype == moments["exp_avg_sq"].dtype == kind and moments["step"] == 1 for moments in saved.values())
    for other in (False, True):
        again = optimizer_state(*trained(saved, other))
        assert all(moments["step"] == 2 for moments in again.values())
        torch.testing.assert_close(again["logit_scale"]["exp_avg"].float(), saved["logit_scale"]["exp_avg"].float() * 1.9, rtol=0.01, atol=0.01)
