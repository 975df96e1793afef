"""Names, shapes and sizes of the models are those of the released CLIP; only then do checkpoints load elsewhere."""

from __future__ import annotations

import pytest
import torch

from webimagetext_train.model import CLIP
from webimagetext_train.presets import PRESETS


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _blocks(name: str, layers: int, width: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(layers):
        block = f"{name}transformer.resblocks.{layer}"
        shapes |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
        shapes |= _linear(f"{block}.attn.out_proj", width, width)
        shapes |= _linear(f"{block}.mlp.c_fc", width, 4 * width) | _linear(f"{block}.mlp.c_proj", 4 * width, width)
        shapes |= _norm(f"{block}.ln_1", width) | _norm(f"{block}.ln_2", width)
    return shapes


def _text(width: int, embed: int) -> dict[str, tuple[int, ...]]:
    single = {"positional_embedding": (77, width), "text_projection": (width, embed), "logit_scale": ()}
    return single | {"token_embedding.weight": (49_408, width)} | _blocks("", 12, width) | _norm("ln_final", width)


def _vit_b_32() -> dict[str, tuple[int, ...]]:
    single = {
        "visual.class_embedding": (768,),
        "visual.positional_embedding": (7 * 7 + 1, 768),
        "visual.proj": (768, 512),
        "visual.conv1.weight": (768, 3, 32, 32),
    }
    norms = _norm("visual.ln_pre", 768) | _norm("visual.ln_post", 768)
    return single | norms | _blocks("visual.", 12, 768) | _text(512, 512)


def _batch_norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return _norm(name, width) | {f"{name}.running_mean": (width,), f"{name}.running_var": (width,), f"{name}.num_batches_tracked": ()}


def _rn50() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (inputs, outputs) in enumerate([(3, 32), (32, 32), (32, 64)], start=1):
        shapes[f"visual.conv{number}.weight"] = (outputs, inputs, 3, 3)
        shapes |= _batch_norm(f"visual.bn{number}", outputs)
    inputs = 64
    for stage, blocks in enumerate([3, 4, 6, 3], start=1):
        planes = 32 * 2**stage
        for block in range(blocks):
            name = f"visual.layer{stage}.{block}"
            for number, (a, b, kernel) in enumerate([(inputs, planes, 1), (planes, planes, 3), (planes, 4 * planes, 1)], start=1):
                shapes[f"{name}.conv{number}.weight"] = (b, a, kernel, kernel)
                shapes |= _batch_norm(f"{name}.bn{number}", b)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * planes, inputs, 1, 1)
                shapes |= _batch_norm(f"{name}.downsample.1", 4 * planes)
            inputs = 4 * planes
    shapes["visual.attnpool.positional_embedding"] = (7 * 7 + 1, 2048)
    for part in "qkv":
        shapes |= _linear(f"visual.attnpool.{part}_proj", 2048, 2048)
    return shapes | _linear("visual.attnpool.c_proj", 2048, 1024) | _text(512, 1024)


def _meta(name: str) -> CLIP:
    # No memory is taken: shapes are all that is looked at.
    with torch.device("meta"):
        return CLIP(PRESETS[name].model)


@pytest.mark.parametrize(("name", "expected", "entries"), [("ViT-B/32", _vit_b_32(), 302), ("RN50", _rn50(), 489)])
def test_names_and_shapes(name: str, expected: dict[str, tuple[int, ...]], entries: int) -> None:
    shapes = {key: tuple(value.shape) for key, value in _meta(name).state_dict().items()}
    assert shapes == expected
    assert len(shapes) == entries


# What the released checkpoints hold.
COUNTS = {
    "ViT-B/32": 151_277_313,
    "ViT-B/16": 149_620_737,
    "ViT-L/14": 427_616_513,
    "ViT-L/14@336px": 427_944_193,
    "RN50": 102_007_137,
    "RN101": 119_688_033,
    "RN50x4": 178_300_601,
    "RN50x16": 290_979_217,
    "RN50x64": 623_258_305,
}


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_parameter_counts(name: str, count: int) -> None:
    assert sum(parameter.numel() for parameter in _meta(name).parameters()) == count


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_maps_both_sides_to_one_space(name: str) -> None:
    config = PRESETS[name].model
    model = _meta(name)
    with torch.device("meta"):
        image, text = model(torch.empty(2, 3, config.image_size, config.image_size), torch.empty(2, 9, dtype=torch.int64))
    assert image.shape == text.shape == (2, config.embed_dim)
