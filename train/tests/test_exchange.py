"""Checkpoints to and from other programs' forms; beside the programs themselves: `npm run test:parity`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import SMALL, Finished, run

from webimagetext_train import checkpoint, export
from webimagetext_train.errors import UserError
from webimagetext_train.foreign import read_foreign
from webimagetext_train.hugging_face import from_hugging_face, hugging_face_config, named_in, to_hugging_face
from webimagetext_train.import_model import import_model
from webimagetext_train.model import CLIP
from webimagetext_train.presets import PAPER, PRESETS
from webimagetext_train.tokenizer import ClipTokenizer

# Heads of 64, as OpenAI's code has them.
PLAIN = replace(SMALL, name="custom", vision_heads=1, text_heads=1)


def _same(one: dict, other: dict) -> None:
    assert set(one) == set(other)
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.mark.parametrize("name", PAPER)
def test_sizes_are_read_off_the_weights(name: str, tmp_path: Path) -> None:
    """All of a preset's configuration but the activation."""
    with torch.device("meta"):
        weights = CLIP(PRESETS[name].model).state_dict()
    from webimagetext_train.foreign import config_of

    assert config_of(weights, tmp_path, {"activation": "quick_gelu"}) == PRESETS[name].model


def test_there_and_back_by_openais_form(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    model = CLIP(PLAIN.with_vocabulary(tokenizer.size))
    export.openai(model, tokenizer, tmp_path / "out.pt")
    with pytest.raises(UserError, match="does not say its activation"):
        read_foreign(tmp_path / "out.pt", None)
    words = ClipTokenizer.load(tmp_path / "out.bpe.txt.gz")
    loaded = import_model(tmp_path / "out.pt", tmp_path / "in.pt", "quick_gelu", words)
    assert loaded.config == model.config
    _same(dict(loaded.model().state_dict()), dict(model.state_dict()))


def test_half_precision_and_names_of_data_parallel(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    model = CLIP(replace(PRESETS["RN-Tiny"].model, text_heads=1).with_vocabulary(tokenizer.size))
    halved = {f"module.{name}": value.half() if value.is_floating_point() else value for name, value in model.state_dict().items() if "num_batches" not in name}
    torch.save({"epoch": 3, "state_dict": halved}, tmp_path / "epoch_3.pt")
    config, weights = read_foreign(tmp_path / "epoch_3.pt", "gelu")
    assert config == replace(model.config, name=config.name, activation="gelu")
    CLIP(config).load_state_dict(weights)
    torch.testing.assert_close(weights["text_projection"], model.text_projection.data, atol=1e-3, rtol=1e-3)


def test_transformers_names_there_and_back() -> None:
    model = CLIP(SMALL)
    theirs = to_hugging_face(dict(model.state_dict()))
    assert theirs["text_projection.weight"].shape == (SMALL.embed_dim, SMALL.text_width)
    assert theirs["vision_model.encoder.layers.1.self_attn.k_proj.weight"].equal(model.visual.transformer.resblocks[1].attn.in_proj_weight[64:128])
    _same(from_hugging_face({**theirs, "text_model.embeddings.position_ids": torch.arange(16)}), dict(model.state_dict()))
    with pytest.raises(UserError, match="encoder.pooler is no weight of a CLIP"):
        from_hugging_face({**theirs, "encoder.pooler": torch.ones(1)})


def test_transformers_configuration() -> None:
    assert named_in(hugging_face_config(SMALL, 1, 2)) == {"activation": "quick_gelu", "text_heads": SMALL.text_heads, "vision_heads": SMALL.vision_heads}
    with pytest.raises(UserError, match="different activations"):
        named_in({"text_config": {"hidden_act": "gelu"}, "vision_config": {}})
    for config, said in ((PRESETS["RN50"].model, "has a ResNet"), (replace(SMALL, logit_bias=True), "sigmoid loss")):
        with pytest.raises(UserError, match=said):
            hugging_face_config(config, 1, 2)


@pytest.mark.parametrize("form", ["open_clip", "huggingface"])
def test_folders_there_and_back(form: str, tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    """They name the activation and the heads."""
    pytest.importorskip("safetensors")
    model = CLIP(replace(SMALL, activation="gelu", text_heads=2, name="custom").with_vocabulary(tokenizer.size))
    export.FORMATS[form](model, tokenizer, tmp_path / "out")
    loaded = import_model(tmp_path / "out", tmp_path / "in.pt", None, tokenizer)
    assert loaded.config == model.config
    _same(dict(loaded.model().state_dict()), dict(model.state_dict()))
    if form == "huggingface":
        words = json.loads((tmp_path / "out" / "vocab.json").read_text())
        assert words["<|endoftext|>"] == tokenizer.end == max(words.values())


def test_what_openais_code_cannot_hold(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    for config, said in ((replace(PLAIN, activation="gelu"), "QuickGELU"), (replace(PLAIN, text_heads=2), "heads of 64"), (replace(PLAIN, logit_bias=True), "a bias")):
        with pytest.raises(UserError, match=said):
            export.openai(CLIP(config.with_vocabulary(tokenizer.size)), tokenizer, tmp_path / "out.pt")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_clip(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with pytest.raises(UserError, match="no model at"):
        read_foreign(path, "gelu")
    path.write_bytes(b"neither one nor the other")
    with pytest.raises(UserError, match="cannot be read"):
        read_foreign(path, "gelu")
    torch.save({"weight": torch.ones(2)}, path)
    with pytest.raises(UserError, match="is no CLIP as OpenAI's are"):
        read_foreign(path, "gelu")
    weights = dict(CLIP(PLAIN).state_dict())
    torch.save({**weights, "ln_final.weight": torch.ones(3)}, path)
    with pytest.raises(UserError, match="ln_final.weight is missing, too many or of another shape"):
        read_foreign(path, "gelu")
    torch.save(weights, path)
    with pytest.raises(UserError, match=f"has {PLAIN.vocab_size} tokens and the tokenizer {tokenizer.size}"):
        import_model(path, tmp_path / "in.pt", "gelu", tokenizer)


def test_the_commands(finished: Finished, tmp_path: Path) -> None:
    """The weights of a run, out and in again, judge as they did before."""
    latest = finished.out / "latest.pt"
    code, output, error = run("export", "--checkpoint", latest, "--format", "openai", "--out", tmp_path / "tiny.pt")
    assert (code, error) == (0, "") and output.startswith(f"{tmp_path}/tiny.pt: RN-Tiny after step 120, openai, quick_gelu")
    command = ("import_model", tmp_path / "tiny.pt", "--out", tmp_path / "back.pt", "--tokenizer", tmp_path / "tiny.bpe.txt.gz")
    code, _, error = run(*command)
    assert code == 1 and "does not say its activation" in error and error.count("\n") == 1
    code, output, error = run(*command, "--activation", "quick_gelu")
    assert (code, error) == (0, "")
    _same(dict(checkpoint.load(tmp_path / "back.pt").model().state_dict()), dict(checkpoint.load(latest).model().state_dict()))
    code, _, error = run("export", "--checkpoint", latest, "--format", "openai", "--out", tmp_path / "x.pt", "--ema")
    assert code == 1 and "holds no average of its weights" in error
