"""A checkpoint gives back what was saved, cannot run code, and refuses what is not its own."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import SMALL

from webimagetext_train import checkpoint
from webimagetext_train.errors import UserError
from webimagetext_train.loss import clip_loss
from webimagetext_train.model import CLIP
from webimagetext_train.optim import make_optimizer
from webimagetext_train.presets import PRESETS, TINY, ModelConfig
from webimagetext_train.tokenizer import ClipTokenizer

RESNET = ModelConfig("small ResNet", 32, 32, (1, 1, 1, 1), 8, None, 4, 64, 1, 1, context_length=16)


def _save(folder: Path, tokenizer: ClipTokenizer, config: ModelConfig = SMALL) -> tuple[CLIP, torch.optim.AdamW]:
    """After one step, so that the optimizer has moments and batch norms have means."""
    torch.manual_seed(0)
    model = CLIP(config.with_vocabulary(tokenizer.size))
    optimizer = make_optimizer(model, PRESETS[TINY].recipe)
    tokens = torch.from_numpy(tokenizer.encode(["one", "two three"], config.context_length))
    clip_loss(*model(torch.randn(2, 3, 32, 32), tokens), model.logit_scale).backward()
    optimizer.step()
    tokenizer.save(folder / "bpe.txt.gz")
    path = folder / checkpoint.LATEST
    checkpoint.save(path, step=7, model=model, optimizer=optimizer, tokenizer=tokenizer, tokenizer_file="bpe.txt.gz", run={"seed": 3})
    return model, optimizer


@pytest.mark.parametrize("config", [SMALL, RESNET])
def test_gives_back_what_was_saved(tmp_path: Path, tokenizer: ClipTokenizer, config: ModelConfig) -> None:
    model, optimizer = _save(tmp_path, tokenizer, config)
    loaded = checkpoint.load(tmp_path / checkpoint.LATEST)
    assert (loaded.step, loaded.config, loaded.state["run"]) == (7, config.with_vocabulary(tokenizer.size), {"seed": 3})
    assert loaded.tokenizer.merges == tokenizer.merges
    restored = loaded.model()
    for key, value in model.state_dict().items():
        assert torch.equal(restored.state_dict()[key], value), key
    for name, parameter in model.named_parameters():
        before, after = optimizer.state[parameter], loaded.state["optimizer"]["state"][name]
        assert all(torch.equal(before[moment], after[moment]) for moment in ("step", "exp_avg", "exp_avg_sq"))


def test_only_plain_types_are_read(tmp_path: Path, tokenizer: ClipTokenizer) -> None:
    _save(tmp_path, tokenizer)
    state = torch.load(tmp_path / checkpoint.LATEST, weights_only=True)
    assert {"state_dict", "step", "config", "optimizer", "tokenizer"} <= set(state)


class _Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple:
        return open, (str(self.path), "w")


def test_a_strangers_checkpoint_runs_no_code(tmp_path: Path) -> None:
    torch.save({"format": 1, "step": _Evil(tmp_path / "owned")}, tmp_path / "zip.pt")
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(_Evil(tmp_path / "owned"), 2))
    for name in ("zip.pt", "pickle.pt"):
        with pytest.raises(UserError, match=name):
            checkpoint.load(tmp_path / name)
    assert not (tmp_path / "owned").exists()


FOREIGN = {
    "open_clip": {"state_dict": {"logit_scale": torch.zeros(())}, "epoch": 3},
    "bare weights": {"logit_scale": torch.zeros(())},
    "tensor": torch.zeros(3),
    "list": [1, 2],
    "later format": {"format": 2},
    "no config": {"format": 1, "step": 1},
    "odd config": {"format": 1, "step": 1, "config": {"vision_layers": 1, "colour": "red"}},
    "config of text": {"format": 1, "step": 1, "config": "ViT"},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_checkpoints_are_refused_by_name(name: str, tmp_path: Path) -> None:
    torch.save(FOREIGN[name], tmp_path / "foreign.pt")
    with pytest.raises(UserError, match="foreign.pt is not a checkpoint of this trainer"):
        checkpoint.load(tmp_path / "foreign.pt")


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_cut_checkpoints_are_refused_by_name(kept: float, tmp_path: Path, tokenizer: ClipTokenizer) -> None:
    _save(tmp_path, tokenizer)
    path = tmp_path / checkpoint.LATEST
    data = path.read_bytes()
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(UserError, match=r"latest\.pt is not a checkpoint"):
        checkpoint.load(path)


def test_weights_of_another_shape_are_refused(tmp_path: Path, tokenizer: ClipTokenizer) -> None:
    _save(tmp_path, tokenizer)
    loaded = checkpoint.load(tmp_path / checkpoint.LATEST)
    loaded.config = replace(loaded.config, embed_dim=16)
    with pytest.raises(UserError, match=r"latest\.pt do not fit"):
        loaded.model()


def test_no_checkpoint_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="npm run train"):
        checkpoint.load(tmp_path / "latest.pt")


def test_another_tokenizer_is_refused(tmp_path: Path, tokenizer: ClipTokenizer) -> None:
    _save(tmp_path, tokenizer)
    ClipTokenizer(tokenizer.merges[:-1]).save(tmp_path / "bpe.txt.gz")
    with pytest.raises(UserError, match=r"bpe\.txt\.gz is not the tokenizer"):
        checkpoint.load(tmp_path / checkpoint.LATEST)
    (tmp_path / "bpe.txt.gz").unlink()
    with pytest.raises(UserError, match=r"bpe\.txt\.gz"):
        checkpoint.load(tmp_path / checkpoint.LATEST)
