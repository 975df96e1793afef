"""The loss and one step of the optimizer are open_clip's."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import open_clip
import pytest
import torch
from conftest import awake, inputs, twin

from webimagetext_train.export import open_clip as export
from webimagetext_train.loss import clamp_logit_scale, clip_loss
from webimagetext_train.optim import make_optimizer
from webimagetext_train.presets import PRESETS
from webimagetext_train.tokenizer import ClipTokenizer


@pytest.mark.parametrize("name", ["RN50", "ViT-B/32"])
def test_loss_and_step(name: str, vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    layers = 2 if PRESETS[name].model.patch_size else (1, 1, 1, 1)
    config, recipe = replace(twin(name), vision_layers=layers, text_layers=2), PRESETS[name].recipe
    model = awake(config)
    export(model, vocabulary, tmp_path)
    other = open_clip.create_model(f"local-dir:{tmp_path}")
    pixels, tokens = inputs(config, vocabulary, 4)
    model.train()
    other.train()
    image, text = model(pixels, tokens)
    loss = clip_loss(image, text, model.logit_scale)
    expected = open_clip.ClipLoss()(*other(pixels, tokens))
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)

    optimizer = make_optimizer(model, recipe)
    for group in optimizer.param_groups:
        group["lr"] = recipe.lr
    plain = [value for key, value in other.named_parameters() if value.ndim < 2 or any(part in key for part in ("bn", "ln", "bias", "logit_scale"))]
    decayed = [value for value in other.parameters() if all(value is not one for one in plain)]
    groups = [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": recipe.weight_decay}]
    their_optimizer = torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), eps=recipe.eps)
    loss.backward()
    expected.backward()
    gradients = {key: value.grad for key, value in other.named_parameters()}
    before = {key: value.detach().clone() for key, value in model.named_parameters()}
    for key, value in model.named_parameters():
        assert value.grad is not None and gradients[key] is not None
        torch.testing.assert_close(value.grad, gradients[key], atol=1e-6 + 1e-5 * gradients[key].abs().max().item(), rtol=0)
        # Adam's first step is the sign of the gradient: with rounding alone two zeros would differ by twice the rate.
        value.grad = gradients[key].clone()
    optimizer.step()
    their_optimizer.step()
    clamp_logit_scale(model.logit_scale)
    with torch.no_grad():
        other.logit_scale.clamp_(0, math.log(100))
    moved = 0
    for key, value in other.named_parameters():
        torch.testing.assert_close(model.get_parameter(key), value, atol=1e-7, rtol=1e-6)
        moved += not torch.equal(before[key], value)
    assert moved == len(before)
