"""open_clip reads what we write and we read what it writes: names, shapes, and logits to 1e-5, for all nine models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import open_clip
import pytest
import torch
from conftest import awake, inputs, ours, theirs, twin
from open_clip.factory import load_state_dict

from webimagetext_train.errors import UserError
from webimagetext_train.export import open_clip as export
from webimagetext_train.import_model import import_model
from webimagetext_train.model import CLIP
from webimagetext_train.presets import PRESETS
from webimagetext_train.tokenizer import ClipTokenizer

THEIR_NAMES = {"ViT-B/32": "ViT-B-32", "ViT-B/16": "ViT-B-16", "ViT-L/14": "ViT-L-14", "ViT-L/14@336px": "ViT-L-14-336"}


def _close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert one.std() > 1e-3  # two models that always say the same would agree as well


def test_names_and_shapes_of_the_whole_model(preset: str) -> None:
    with torch.device("meta"):
        own = CLIP(PRESETS[preset].model).state_dict()
        other = open_clip.model.CLIP(**open_clip.get_model_config(THEIR_NAMES.get(preset, preset)), output_dict=False).state_dict()
    other.pop("attn_mask", None)
    assert {name: tuple(value.shape) for name, value in own.items()} == {name: tuple(value.shape) for name, value in other.items()}


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_open_clip_loads_our_export(preset: str, activation: str, vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    config = replace(twin(preset), activation=activation)
    model = awake(config)
    export(model, vocabulary, tmp_path)
    other = open_clip.create_model(f"local-dir:{tmp_path}").eval()
    pixels, tokens = inputs(config, vocabulary)
    _close(ours(model, pixels, tokens), theirs(other, pixels, tokens))


def test_we_load_open_clips_checkpoint(preset: str, vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    """As its training writes it: under "state_dict", each name after "module."."""
    config = twin(preset)
    model = awake(config, seed=1)
    export(model, vocabulary, tmp_path / "folder")
    other = open_clip.create_model(f"local-dir:{tmp_path}/folder").eval()
    torch.save({"epoch": 1, "state_dict": {f"module.{name}": value for name, value in other.state_dict().items()}}, tmp_path / "epoch_1.pt")
    with pytest.raises(UserError, match="does not say its activation"):
        import_model(tmp_path / "epoch_1.pt", tmp_path / "in.pt", None, vocabulary)
    loaded = import_model(tmp_path / "epoch_1.pt", tmp_path / "in.pt", "quick_gelu", vocabulary)
    assert replace(loaded.config, name=config.name) == config
    pixels, tokens = inputs(config, vocabulary)
    _close(ours(loaded.model().eval(), pixels, tokens), theirs(other, pixels, tokens))


def test_our_checkpoint_is_one_of_open_clip(vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    """Without an export: latest.pt holds the names, and load_state_dict finds them."""
    model = awake(twin("ViT-B/16"))
    export(model, vocabulary, tmp_path / "folder")
    import_model(tmp_path / "folder", tmp_path / "latest.pt", None, vocabulary)
    assert set(load_state_dict(str(tmp_path / "latest.pt"))) == set(model.state_dict())


def test_a_folder_that_names_its_activation_is_believed(vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    config = replace(twin("ViT-B/32"), activation="gelu", vision_layers=1, text_layers=1)
    export(awake(config), vocabulary, tmp_path / "folder")
    assert import_model(tmp_path / "folder", tmp_path / "in.pt", None, vocabulary).config.activation == "gelu"
    with pytest.raises(UserError, match="says that its activation is gelu"):
        import_model(tmp_path / "folder", tmp_path / "in.pt", "quick_gelu", vocabulary)
