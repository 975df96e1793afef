"""Which parameters decay, and the ends of the learning rate's course (section 2.5)."""

from __future__ import annotations

import pytest
import torch
from conftest import SMALL

from webimagetext_train.model import CLIP
from webimagetext_train.optim import learning_rate, make_optimizer
from webimagetext_train.presets import PRESETS, TINY


@pytest.mark.parametrize("name", [TINY, "RN50"])
def test_gains_and_biases_do_not_decay(name: str) -> None:
    with torch.device("meta"):
        model = CLIP(PRESETS[name].model)
    optimizer = make_optimizer(model, PRESETS[name].recipe)
    decay = {id(parameter): group["weight_decay"] for group in optimizer.param_groups for parameter in group["params"]}
    assert len(decay) == len(list(model.parameters()))
    for key, parameter in model.named_parameters():
        layer = key.split(".")[-2] if "." in key else ""
        is_gain = key.endswith("weight") and (layer.startswith(("ln_", "bn")) or "downsample.1" in key)
        exempt = is_gain or key.endswith("bias") or key in ("logit_scale", "visual.class_embedding")
        assert decay[id(parameter)] == (0.0 if exempt else 0.2), key


def test_adam_has_the_papers_betas() -> None:
    model = CLIP(SMALL)
    for name, beta2, eps in (("ViT-B/32", 0.98, 1e-6), ("RN50", 0.999, 1e-8)):
        optimizer = make_optimizer(model, PRESETS[name].recipe)
        assert optimizer.defaults["betas"] == (0.9, beta2)
        assert optimizer.defaults["eps"] == eps


def test_without_a_gradient_weights_shrink_and_gains_stay() -> None:
    """Decay is decoupled: lr * decay a step, whatever Adam does."""
    model = CLIP(SMALL)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = make_optimizer(model, PRESETS["ViT-B/32"].recipe)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for key, value in model.named_parameters():
        torch.testing.assert_close(value, before[key] * (1 - 5e-4 * 0.2) if value.ndim >= 2 else before[key])


def test_learning_rate_climbs_to_the_peak_and_falls_to_zero() -> None:
    rates = [learning_rate(step, 100, 2.0, 10) for step in range(1, 101)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == 2.0
    assert rates[54] == pytest.approx(1.0)  # half way down
    assert rates[99] == pytest.approx(0, abs=1e-12)
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:] == sorted(rates[9:], reverse=True)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (1, 1), (1, 5), (5, 5), (3, 0)])
def test_short_runs_have_a_rate_too(steps: int, warmup: int) -> None:
    for step in range(1, steps + 1):
        assert 0 <= learning_rate(step, steps, 1.0, warmup) <= 1
