"""OpenAI's own loader takes our state dict."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from clip.model import build_model
from conftest import WHOLE, awake, inputs, ours, theirs, twin

from webimagetext_train.export import openai
from webimagetext_train.import_model import import_model
from webimagetext_train.presets import TINY
from webimagetext_train.tokenizer import ClipTokenizer


@pytest.mark.parametrize("name", [*WHOLE, TINY])
def test_build_model(name: str, vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    config = twin(name).with_vocabulary(vocabulary.size)
    model = awake(config)
    openai(model, vocabulary, tmp_path / "model.pt")
    other = build_model(torch.load(tmp_path / "model.pt", weights_only=True)).float()
    pixels, tokens = inputs(config, vocabulary)
    # It rounds most weights to half precision: with the same rounded weights the logits are the same.
    torch.testing.assert_close(ours(model, pixels, tokens), theirs(other, pixels, tokens), atol=2e-3, rtol=0)
    model.load_state_dict(other.state_dict())
    torch.testing.assert_close(ours(model, pixels, tokens), theirs(other, pixels, tokens), atol=1e-5, rtol=0)


def test_we_load_its_archive(vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    """The released files are TorchScript archives with three numbers beside the weights."""
    config = twin("ViT-B/32")
    other = build_model(dict(awake(config).state_dict())).float()
    for number, name in enumerate(("input_resolution", "context_length", "vocab_size")):
        if hasattr(other, name):
            delattr(other, name)
        other.register_buffer(name, torch.tensor(number))
    pixels, tokens = inputs(config, vocabulary)
    torch.jit.trace(other, (pixels, tokens), check_trace=False).save(tmp_path / "archive.pt")
    loaded = import_model(tmp_path / "archive.pt", tmp_path / "in.pt", "quick_gelu", vocabulary)
    assert loaded.config == config
    torch.testing.assert_close(ours(loaded.model().eval(), pixels, tokens), theirs(other, pixels, tokens), atol=1e-5, rtol=0)
