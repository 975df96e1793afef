"""What the towers compute, each part against a slower one that is plainly right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import SMALL
from torch import nn

from webimagetext_train.model import CLIP, Attention, QuickGELU, ResidualAttentionBlock, VisionTransformer
from webimagetext_train.resnet import AttentionPool2d
from webimagetext_train.tokenizer import ClipTokenizer


@pytest.fixture
def model() -> CLIP:
    """In double precision, so that a difference is a difference and no rounding."""
    torch.manual_seed(0)
    return CLIP(replace(SMALL, context_length=77)).eval().double()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16])
def test_a_block_gives_at_one_place_what_it_gives_there_among_all(causal: bool, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    block = ResidualAttentionBlock(64, 4, causal, "gelu")
    nn.init.normal_(block.attn.in_proj_weight, std=0.1)
    block.to(kind)
    x, place = torch.randn(9, 6, 64, dtype=kind), torch.tensor([0, 5, 3, 3, 1, 2, 4, 0, 5])
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.05}[kind]
    torch.testing.assert_close(block(x, place), block(x)[torch.arange(9), place], rtol=tolerance, atol=tolerance)
    # Half precision takes another way than the fused kernel, by two products and a softmax.
    torch.testing.assert_close(block(x).double(), block.double()(x.double()), rtol=tolerance, atol=tolerance)


def test_cropping_a_batch_of_captions_changes_nothing(model: CLIP, tokenizer: ClipTokenizer) -> None:
    captions = ["a handwritten one beside a two", "seven", ""]
    short = torch.from_numpy(tokenizer.encode(captions, 77))
    assert short.shape[1] < 77
    padded = F.pad(short, (0, 77 - short.shape[1]))
    torch.testing.assert_close(model.encode_text(short), model.encode_text(padded), atol=1e-12, rtol=0)


def test_captions_do_not_see_each_other(model: CLIP, tokenizer: ClipTokenizer) -> None:
    captions = ["a handwritten one beside a two", "seven", "3"]
    together = model.encode_text(torch.from_numpy(tokenizer.encode(captions, 77)))
    alone = torch.cat([model.encode_text(torch.from_numpy(tokenizer.encode([caption], 77))) for caption in captions])
    torch.testing.assert_close(together, alone, atol=1e-12, rtol=0)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_torch_multihead_attention(causal: bool) -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(64, 4, causal), torch.nn.MultiheadAttention(64, 4, batch_first=True)
    torch.nn.init.normal_(ours.in_proj_weight, std=0.2)
    torch.nn.init.normal_(ours.in_proj_bias)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 9, 64)
    mask = torch.full((9, 9), float("-inf")).triu(1) if causal else None
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False, attn_mask=mask)[0], atol=1e-5, rtol=1e-5)


def test_attention_pooling_is_torch_multihead_attention_of_the_mean() -> None:
    torch.manual_seed(0)
    pool = AttentionPool2d(3, 64, 4, 32)
    theirs = torch.nn.MultiheadAttention(64, 4, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([pool.q_proj.weight, pool.k_proj.weight, pool.v_proj.weight]))
        theirs.in_proj_bias.copy_(torch.cat([pool.q_proj.bias, pool.k_proj.bias, pool.v_proj.bias]))
        theirs.out_proj.weight.copy_(torch.eye(64))
        theirs.out_proj.bias.zero_()
    x = torch.randn(2, 64, 3, 3)
    places = torch.stack([x[:, :, row, column] for row in range(3) for column in range(3)], dim=1)
    places = torch.cat([places.mean(dim=1, keepdim=True), places], dim=1) + pool.positional_embedding
    expected = pool.c_proj(theirs(places[:, :1], places, places, need_weights=False)[0][:, 0])
    torch.testing.assert_close(pool(x), expected, atol=1e-5, rtol=1e-5)


def _slow_vision(tower: VisionTransformer, x: torch.Tensor) -> torch.Tensor:
    """The released code's way: a convolution, and every token carried to the end."""
    x = F.conv2d(x, tower.conv1.weight, stride=tower.patch).flatten(2).transpose(1, 2)
    x = torch.cat([tower.class_embedding.expand(len(x), 1, -1), x], dim=1) + tower.positional_embedding
    # The whole of the last block, as the paper draws it.
    return (tower.ln_post(nn.Sequential(*tower.transformer.resblocks)(tower.ln_pre(x))) @ tower.proj)[:, 0]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_patches_are_a_convolution(model: CLIP, layout: torch.memory_format) -> None:
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    ours = model.encode_image(x.to(memory_format=layout))
    torch.testing.assert_close(ours, _slow_vision(model.visual, x), atol=1e-12, rtol=1e-12)


def test_a_block_adds_to_its_input() -> None:
    """With both output projections at zero nothing is left but the residual path."""
    block = ResidualAttentionBlock(64, 4, True, "quick_gelu")
    torch.nn.init.normal_(block.attn.in_proj_weight)
    for layer in (block.attn.out_proj, block.mlp.c_proj):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    x = torch.randn(2, 5, 64)
    assert torch.equal(block(x), x)


def test_quick_gelu() -> None:
    x = np.linspace(-4, 4, 33)
    np.testing.assert_allclose(QuickGELU()(torch.from_numpy(x)).numpy(), x / (1 + np.exp(-1.702 * x)), atol=1e-12)


def test_features_are_of_length_one(model: CLIP) -> None:
    image, text = model(torch.randn(3, 3, 32, 32).double(), torch.tensor([[1, 9, 599], [1, 599, 0], [1, 7, 599]]))
    for features in (image, text):
        assert features.dtype == torch.float32
        torch.testing.assert_close(features.norm(dim=-1), torch.ones(3))
