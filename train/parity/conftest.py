"""Others' programs beside ours: `npm run test:parity`. Needs requirements-parity.txt, and nothing of it at run time."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.library
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

# torchvision's binary operators do not load beside every build of torch; what is imported of it here needs only their
# declarations.
try:
    import torchvision  # noqa: F401
except RuntimeError:
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        _library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401

# The front of OpenAI's package needs a setuptools of its day; the model and the tokenizer behind it do not.
_package = types.ModuleType("clip")
_package.__path__ = list(importlib.util.find_spec("clip").submodule_search_locations)  # type: ignore[union-attr]
sys.modules["clip"] = _package

from webimagetext_train.model import CLIP  # noqa: E402
from webimagetext_train.presets import PAPER, PRESETS, ModelConfig  # noqa: E402
from webimagetext_train.tokenizer import OPENAI, ClipTokenizer  # noqa: E402

WHOLE = ("RN50", "ViT-B/32")
"""Small enough to be computed in full on two cores; of the others, each stage keeps a block or two."""


def twin(name: str) -> ModelConfig:
    """The model of a preset, with fewer blocks where it is big: all widths, heads and sizes are the original's."""
    config = PRESETS[name].model
    if name in WHOLE:
        return config
    # The two widest take half a minute a block.
    most = 1 if name in ("RN50x16", "RN50x64") else 2
    layers = 2 if isinstance(config.vision_layers, int) else tuple(min(most, blocks) for blocks in config.vision_layers)
    return replace(config, vision_layers=layers, text_layers=2)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """The sums are then the same on every machine, and two threads never wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(params=PAPER)
def preset(request: pytest.FixtureRequest) -> str:
    """Each of the nine."""
    return request.param


@pytest.fixture(scope="session")
def vocabulary() -> ClipTokenizer:
    """OpenAI's, out of an installed package."""
    return ClipTokenizer.load(OPENAI)


def awake(config: ModelConfig, seed: int = 0) -> CLIP:
    """A model that hides nothing: a new one's residual branches and biases are zero, and its norms do nothing."""
    torch.manual_seed(seed)
    model = CLIP(config)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim < 2 and name != "logit_scale":
                value.add_(torch.randn_like(value) * 0.1)
            if "bn" in name and name.endswith("weight"):
                value.uniform_(0.4, 0.8)
        for name, value in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                value.add_(torch.rand_like(value) * 0.1)
    return model.eval()


def inputs(config: ModelConfig, vocabulary: ClipTokenizer, count: int = 3) -> tuple[Tensor, Tensor]:
    """Pictures of noise, and captions padded to the context length."""
    captions = ["a photo of a cat", "two dogs, one of them asleep", "x", "the numbers 1234 & a very long caption " * 6][:count]
    tokens = torch.zeros(count, config.context_length, dtype=torch.int64)
    found = torch.from_numpy(vocabulary.encode(captions, config.context_length))
    tokens[:, : found.shape[1]] = found
    torch.manual_seed(1)
    return torch.randn(count, 3, config.image_size, config.image_size), tokens


@torch.no_grad()
def ours(model: CLIP, pixels: Tensor, tokens: Tensor) -> Tensor:
    """Logits (B, B)."""
    image, text = model(pixels, tokens)
    return model.logit_scale.exp() * image @ text.T


@torch.no_grad()
def theirs(model: Callable, pixels: Tensor, tokens: Tensor) -> Tensor:
    """Logits of anything with encode_image, encode_text and logit_scale."""
    image, text = model.encode_image(pixels), model.encode_text(tokens)  # type: ignore[attr-defined]
    unit = [rows / rows.norm(dim=-1, keepdim=True) for rows in (image, text)]
    return model.logit_scale.exp() * unit[0] @ unit[1].T  # type: ignore[attr-defined]
