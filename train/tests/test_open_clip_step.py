"""One optimizer step gives what open_clip 3.3.0 gives: its model, its loss, its parameter groups, PyTorch's AdamW."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import SMALL

from webimagetext_train.guard import Guard
from webimagetext_train.images import normalise
from webimagetext_train.model import CLIP
from webimagetext_train.optim import make_optimizer
from webimagetext_train.presets import ModelConfig, Recipe
from webimagetext_train.step import Stepper, StepOptions

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

RECIPE = Recipe(5e-4, 0.98, 1e-6, weight_decay=0.2)
VIT = replace(SMALL, context_length=77, vocab_size=49_408)
RESNET = ModelConfig("small ResNet", 32, 64, (1, 1, 1, 1), 8, None, 4, 64, 1, 2, vocab_size=49_408)


def _batch(config: ModelConfig, rows: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.zeros(rows, 77, dtype=torch.int64)
    for row in range(rows):
        length = 3 + row * 3 % 75
        tokens[row, :length] = torch.randint(1, 49_406, (length,))
        tokens[row, 0], tokens[row, length - 1] = 49_406, 49_407
    return torch.randint(0, 256, (rows, 3, config.image_size, config.image_size), dtype=torch.uint8), tokens


def _theirs(config: ModelConfig):
    from open_clip_peer import import_open_clip

    import_open_clip()
    from open_clip.model import CLIP as TheirCLIP

    resnet = config.patch_size is None
    vision = {"layers": config.vision_layers, "width": config.vision_width, "image_size": config.image_size, "head_width": 64 if not resnet else config.vision_width * 32 // 4}
    vision |= {} if resnet else {"patch_size": config.patch_size}
    text = {"context_length": 77, "vocab_size": 49_408, "width": config.text_width, "heads": config.text_heads, "layers": config.text_layers}
    return TheirCLIP(config.embed_dim, vision, text, quick_gelu=config.activation == "quick_gelu").float()


@pytest.mark.parametrize("accum", [1, 8])
@pytest.mark.parametrize("config", [VIT, replace(VIT, activation="gelu"), RESNET], ids=["quick_gelu", "gelu", "resnet"])
def test_loss_gradients_and_weights_after_a_step(config: ModelConfig, accum: int) -> None:
    if config is RESNET and accum > 1:
        pytest.skip("batch norms see one piece at a time")
    from open_clip_peer import import_open_clip

    import_open_clip()
    from open_clip.loss import ClipLoss

    torch.manual_seed(0)
    ours = CLIP(config)
    theirs = _theirs(config)
    missing = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert set(missing.missing_keys) <= {"attn_mask"}
    assert missing.unexpected_keys == []
    images, tokens = _batch(config)

    exempt = [parameter for parameter in theirs.parameters() if parameter.ndim < 2]
    decay = [parameter for parameter in theirs.parameters() if parameter.ndim >= 2]
    groups = [{"params": exempt, "weight_decay": 0.0}, {"params": decay, "weight_decay": 0.2}]
    optimizer = torch.optim.AdamW(groups, lr=RECIPE.lr, betas=(RECIPE.beta1, RECIPE.beta2), eps=RECIPE.eps)
    theirs.train()
    loss = ClipLoss()(*theirs(normalise(images), tokens))
    loss.backward()
    gradients = {name: parameter.grad.clone() for name, parameter in theirs.named_parameters()}
    optimizer.step()

    stepper = Stepper(ours, torch.device("cpu"), StepOptions(accum=accum))
    result = stepper.step(1, images, tokens, make_optimizer(ours, RECIPE), Guard(0))
    assert result.loss == pytest.approx(loss.item(), rel=1e-6)
    after = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        # Batch norms of a few pictures at their beginning magnify rounding, on either side (in float64 they agree to 1e-14).
        tolerance = 5e-3 if config is RESNET else 1e-5
        assert (parameter.grad - gradients[name]).norm() <= tolerance * gradients[name].norm() + 1e-7, name
        # Where a gradient is all rounding Adam's first step is its sign: compared are the weights that have one.
        sure = gradients[name].abs() >= max(1e-2 * gradients[name].abs().max(), 1e-6)
        assert (parameter - after[name]).abs().where(sure, 0).max() <= 1e-6, name
