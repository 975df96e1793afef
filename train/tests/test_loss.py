"""The loss against figure 3 of the paper written as loops, and the temperature's bounds (sections 2.3 and 2.5)."""

from __future__ import annotations

import math

import pytest
import torch
from conftest import SMALL
from torch import Tensor

from webimagetext_train.loss import MAX_LOGIT_SCALE, clamp_logit_scale, clip_loss
from webimagetext_train.model import CLIP


def _features(rows: int, seed: int) -> Tensor:
    features = torch.randn(rows, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return features / features.norm(dim=-1, keepdim=True)


def _slow_loss(image: list[list[float]], text: list[list[float]], t: float) -> float:
    """Figure 3: logits = I_e . T_e * exp(t); the mean of a softmax cross-entropy by rows and one by columns."""
    count = len(image)
    logits = [[math.exp(t) * sum(a * b for a, b in zip(i, j, strict=True)) for j in text] for i in image]
    by_picture = by_caption = 0.0
    for n in range(count):
        by_picture += math.log(sum(math.exp(logits[n][j]) for j in range(count))) - logits[n][n]
        by_caption += math.log(sum(math.exp(logits[i][n]) for i in range(count))) - logits[n][n]
    return (by_picture / count + by_caption / count) / 2


@pytest.mark.parametrize(("rows", "t"), [(1, 0.0), (2, 2.6593), (7, 0.5), (16, math.log(100))])
def test_is_figure_3(rows: int, t: float) -> None:
    image, text = _features(rows, 1), _features(rows, 2)
    loss = clip_loss(image, text, torch.tensor(t, dtype=torch.float64)).item()
    assert loss == pytest.approx(_slow_loss(image.tolist(), text.tolist(), t), rel=1e-12, abs=1e-12)


def test_pictures_and_captions_may_change_places() -> None:
    image, text, t = _features(6, 1), _features(6, 2), torch.tensor(1.0, dtype=torch.float64)
    assert clip_loss(image, text, t).item() == pytest.approx(clip_loss(text, image, t).item(), rel=1e-12)


def test_gradients_are_those_of_finite_differences() -> None:
    inputs = [_features(4, 1), _features(4, 2), torch.tensor(0.7, dtype=torch.float64)]
    for value in inputs:
        value.requires_grad_()
    assert torch.autograd.gradcheck(clip_loss, inputs)


def test_chance_and_perfection() -> None:
    same = torch.ones(8, 3) / 3**0.5
    assert clip_loss(same, same, torch.tensor(3.0)).item() == pytest.approx(math.log(8), rel=1e-6)
    apart = torch.eye(8)
    assert clip_loss(apart, apart, torch.tensor(MAX_LOGIT_SCALE)).item() == pytest.approx(0, abs=1e-6)


def test_scale_begins_at_one_over_tau_and_stops_at_100() -> None:
    scale = CLIP(SMALL).logit_scale
    assert scale.exp().item() == pytest.approx(1 / 0.07, rel=1e-6)
    clamp_logit_scale(scale)
    assert scale.exp().item() == pytest.approx(1 / 0.07, rel=1e-6)
    scale.data.fill_(9.0)
    clamp_logit_scale(scale)
    assert scale.exp().item() == pytest.approx(100, rel=1e-6)
    assert scale.requires_grad
