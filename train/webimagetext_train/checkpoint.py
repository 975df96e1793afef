"""A run's state in one file, replaced atomically.

The weights lie under "state_dict" with OpenAI's names, so that the file is also a checkpoint for open_clip. It holds
plain types only and is read with weights_only=True: a checkpoint from a stranger cannot run code.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .distributed import whole
from .errors import UserError
from .files import write_atomically
from .model import CLIP
from .optim import optimizer_state
from .presets import ModelConfig
from .tokenizer import ClipTokenizer

LATEST = "latest.pt"
FORMAT = 2


@dataclass
class Checkpoint:
    """What is read back."""

    path: Path
    step: int
    config: ModelConfig
    tokenizer: ClipTokenizer
    state: dict[str, Any]

    def model(self, ema: bool = False) -> CLIP:
        """The model with its weights, or with their moving average, on the CPU."""
        if ema and "ema_state_dict" not in self.state:
            raise UserError(f"{self.path} holds no average of its weights: train with --ema, or leave it out here")
        model = CLIP(self.config)
        try:
            model.load_state_dict({**self.state["state_dict"], **self.state["ema_state_dict"]} if ema else self.state["state_dict"])
        except (RuntimeError, LookupError, TypeError) as error:
            raise UserError(f"the weights in {self.path} do not fit its model {self.config.name}: name another checkpoint") from error
        return model


def collect(*, step: int, model: CLIP, optimizer: torch.optim.Optimizer, tokenizer: ClipTokenizer, tokenizer_file: str, run: dict, ema: dict | None = None, scaler: dict | None = None) -> dict:
    """All that a checkpoint holds; where weights are split over processes, every process must call it.

    `tokenizer_file` is relative to the checkpoint's folder; `run` holds the options that a resumed run must share.
    """
    weights = {name: whole(value) for name, value in model.state_dict().items()}
    bad = [name for name, value in weights.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if bad:
        raise UserError(f"{bad[0]} became non-finite at step {step}; the last checkpoint was kept: lower --lr and run again")
    return {
        "format": FORMAT,
        "step": step,
        "config": model.config.to_dict(),
        "state_dict": weights,
        "optimizer": {"state": optimizer_state(model, optimizer)},
        "tokenizer": {"file": tokenizer_file, "sha256": tokenizer.digest()},
        "run": run,
        **({} if ema is None else {"ema_state_dict": ema}),
        **({} if scaler is None else {"scaler": scaler}),
    }


def save(path: Path, **parts: Any) -> None:
    """Collects and writes; see `collect`."""
    write(path, collect(**parts))


def write(path: Path, state: dict) -> None:
    """Replaces `path` atomically."""
    write_atomically(path, lambda file: torch.save(state, file))


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint and the tokenizer beside it."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict) or state["format"] != FORMAT:
            raise ValueError("another format")
        config, step = ModelConfig.from_dict(state["config"]), int(state["step"])
        merges, digest = path.parent / state["tokenizer"]["file"], state["tokenizer"]["sha256"]
    except FileNotFoundError as error:
        raise UserError(f"no checkpoint at {path}: run `npm run train` first") from error
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(f"{path} is not a checkpoint of this trainer ({type(error).__name__}): name another one") from error
    tokenizer = ClipTokenizer.load(merges)
    if tokenizer.digest() != digest:
        raise UserError(f"{merges} is not the tokenizer that {path} was trained with: restore it or train again with --restart")
    return Checkpoint(path, step, config, tokenizer, state)
