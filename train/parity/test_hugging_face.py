"""transformers reads our export, weights and words, and we read its folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from captions import captions
from conftest import awake, inputs, ours, twin
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer, CLIPConfig, CLIPModel, CLIPProcessor

from webimagetext_train.errors import UserError
from webimagetext_train.export import hugging_face
from webimagetext_train.images import normalise, square
from webimagetext_train.import_model import import_model
from webimagetext_train.presets import PAPER, PRESETS
from webimagetext_train.tokenizer import ClipTokenizer

VITS = [name for name in PAPER if PRESETS[name].model.patch_size]


@torch.no_grad()
def _logits(model: CLIPModel, pixels: Tensor, tokens: Tensor) -> Tensor:
    return model.eval()(pixel_values=pixels, input_ids=tokens).logits_per_image


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
@pytest.mark.parametrize("name", VITS)
def test_it_loads_our_export(name: str, activation: str, vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    config = replace(twin(name), activation=activation)
    model = awake(config)
    hugging_face(model, vocabulary, tmp_path)
    other, report = CLIPModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    pixels, tokens = inputs(config, vocabulary)
    torch.testing.assert_close(ours(model, pixels, tokens), _logits(other, pixels, tokens), atol=1e-5, rtol=0)


def test_its_words_are_ours(vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    lines = captions(2000)
    own = ClipTokenizer.train(lines, 3000)
    for number, tokenizer in enumerate((vocabulary, own)):
        config = replace(twin("ViT-B/32").with_vocabulary(tokenizer.size), vision_layers=1, text_layers=1)
        folder = tmp_path / str(number)
        hugging_face(awake(config), tokenizer, folder)
        other = AutoTokenizer.from_pretrained(folder)
        for line, ids in zip(lines, other(lines, truncation=True, max_length=config.context_length)["input_ids"], strict=True):
            row = tokenizer.encode([line], config.context_length)[0]
            assert ids == row[: row.argmax() + 1].tolist(), line


def test_its_pictures_are_ours(vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    """Up to the rounding of two resizers: it cuts the square after resizing, we before."""
    config = replace(twin("ViT-B/32"), vision_layers=1, text_layers=1)
    hugging_face(awake(config), vocabulary, tmp_path)
    pixels = torch.nn.functional.interpolate(torch.rand(1, 3, 9, 12), (360, 480), mode="bicubic").clamp(0, 1)[0].permute(1, 2, 0)
    array = (pixels * 255).round().to(torch.uint8).numpy()
    other = CLIPProcessor.from_pretrained(tmp_path)(images=Image.fromarray(array), return_tensors="pt")["pixel_values"]
    apart = (other - normalise(square(array, config.image_size, 0.5)[None])).abs()
    assert apart.mean() < 0.01 and apart.max() < 0.1


def test_we_load_its_folder(vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    """Heads that are not 64 wide are in the configuration, and so is the activation."""
    sizes = {"hidden_size": 96, "intermediate_size": 384, "num_hidden_layers": 2, "projection_dim": 48, "hidden_act": "gelu"}
    text = {**sizes, "num_attention_heads": 6, "eos_token_id": vocabulary.end, "bos_token_id": vocabulary.start}
    vision = {**sizes, "num_attention_heads": 3, "image_size": 64, "patch_size": 16}
    torch.manual_seed(0)
    other = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=48))
    other.save_pretrained(tmp_path / "theirs")
    loaded = import_model(tmp_path / "theirs", tmp_path / "in.pt", None, vocabulary)
    assert (loaded.config.text_heads, loaded.config.vision_heads, loaded.config.activation) == (6, 3, "gelu")
    pixels, tokens = inputs(loaded.config, vocabulary)
    torch.testing.assert_close(ours(loaded.model().eval(), pixels, tokens), _logits(other, pixels, tokens), atol=1e-5, rtol=0)


def test_a_resnet_is_refused(vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has a ResNet, which transformers' CLIPModel cannot hold"):
        hugging_face(awake(twin("RN50")), vocabulary, tmp_path)
