"""ONNX Runtime computes what PyTorch computes, for any number of pictures and captions."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
import torch
from conftest import awake, inputs, ours

from webimagetext_train.export import onnx
from webimagetext_train.presets import PRESETS, TINY
from webimagetext_train.tokenizer import ClipTokenizer


@pytest.mark.parametrize("name", [TINY, "ViT-Tiny/8"])
def test_any_batch(name: str, vocabulary: ClipTokenizer, tmp_path: Path) -> None:
    config = PRESETS[name].model.with_vocabulary(vocabulary.size)
    model = awake(config)
    onnx(model, vocabulary, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 4):
        pixels, tokens = inputs(config, vocabulary, count)
        _, _, logits = session.run(None, {"pixel_values": pixels.numpy(), "input_ids": tokens.numpy()})
        torch.testing.assert_close(torch.from_numpy(logits), ours(model, pixels, tokens), atol=1e-4, rtol=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.bpe.txt.gz", "model.onnx"]
