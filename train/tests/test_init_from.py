"""A model begun from another one's weights, at another picture size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import SMALL

from webimagetext_train import checkpoint
from webimagetext_train.errors import UserError
from webimagetext_train.init_from import initial_weights, resize_positions
from webimagetext_train.model import CLIP
from webimagetext_train.optim import make_optimizer
from webimagetext_train.presets import PRESETS, TINY, ModelConfig
from webimagetext_train.tokenizer import ClipTokenizer

RESNET = ModelConfig("small ResNet", 32, 32, (1, 1, 1, 1), 8, None, 4, 64, 1, 1, context_length=16, vocab_size=600)


def _saved(folder: Path, tokenizer: ClipTokenizer, config: ModelConfig) -> checkpoint.Checkpoint:
    torch.manual_seed(0)
    model = CLIP(config.with_vocabulary(tokenizer.size))
    tokenizer.save(folder / "bpe.txt.gz")
    path = folder / "begun.pt"
    checkpoint.save(path, step=1, model=model, optimizer=make_optimizer(model, PRESETS[TINY].recipe), tokenizer=tokenizer, tokenizer_file="bpe.txt.gz", run={})
    return checkpoint.load(path)


@pytest.mark.parametrize("config", [SMALL, RESNET], ids=["vit", "resnet"])
def test_a_larger_picture_size_keeps_all_but_the_grid(tmp_path: Path, tokenizer: ClipTokenizer, config: ModelConfig) -> None:
    source = _saved(tmp_path, tokenizer, config)
    larger = replace(source.config, name="larger", image_size=64, logit_bias=True)
    model = CLIP(larger)
    model.load_state_dict(initial_weights(source, larger))
    for name, value in source.state["state_dict"].items():
        if "visual" not in name or "positional" not in name:
            assert torch.equal(model.state_dict()[name], value), name
    assert model.logit_bias.item() == -10
    # A picture of one colour looks the same at both sizes to a tower whose positions differ little.
    same = replace(source.config, name="same")
    assert all(torch.equal(value, source.state["state_dict"][name]) for name, value in initial_weights(source, same).items())


def test_positions_are_stretched_not_shuffled() -> None:
    side = torch.arange(4.0)
    grid = torch.stack(torch.meshgrid(side, side, indexing="ij"), dim=-1).reshape(16, 2)
    stretched = resize_positions(torch.cat([torch.full((1, 2), 9.0), grid]), 8)
    assert stretched.shape == (65, 2)
    assert torch.equal(stretched[0], torch.full((2,), 9.0))
    rows = stretched[1:].reshape(8, 8, 2)
    assert (rows[1:, :, 0] > rows[:-1, :, 0]).all()
    assert (rows[:, 1:, 1] > rows[:, :-1, 1]).all()
    torch.testing.assert_close(rows.mean(dim=(0, 1)), grid.mean(dim=0))


def test_another_architecture_is_refused(tmp_path: Path, tokenizer: ClipTokenizer) -> None:
    source = _saved(tmp_path, tokenizer, SMALL)
    with pytest.raises(UserError, match="differs from wider in more than the picture size"):
        initial_weights(source, replace(source.config, name="wider", vision_width=128))
