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

from .errors import UserError
from .files import write_atomically
from .model import CLIP
from .presets import ModelConfig
from .tokenizer import ClipTokenizer

LATEST = "latest.pt"
FORMAT = 1


@dataclass
class Checkpoint:
    """What is read back."""

    path: Path
    step: int
    config: ModelConfig
    tokenizer: ClipTokenizer
    state: dict[str, Any]

    def model(self) -> CLIP:
        """The model with its weights, on the CPU."""
        model = CLIP(self.config)
        try:
            model.load_state_dict(self.state["state_dict"])
        except (RuntimeError, LookupError, TypeError) as error:
            raise UserError(f"the weights in {self.path} do not fit its model {self.config.name}: name another checkpoint") from error
        return model


def save(path: Path, *, step: int, model: CLIP, optimizer: torch.optim.Optimizer, tokenizer: ClipTokenizer, tokenizer_file: str, run: dict) -> None:
    """`tokenizer_file` is relative to the checkpoint's folder; `run` holds the options that a resumed run must share."""
    bad = [name for name, value in model.state_dict().items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if bad:
        raise UserError(f"{bad[0]} became non-finite at step {step}; the last checkpoint was kept: lower --lr and run again")
    state = {
        "format": FORMAT,
        "step": step,
        "config": model.config.to_dict(),
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rng": {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []},
        "tokenizer": {"file": tokenizer_file, "sha256": tokenizer.digest()},
        "run": run,
    }
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


def restore_rng(state: dict) -> None:
    """Generators as they were when the checkpoint was written."""
    torch.set_rng_state(state["rng"]["cpu"])
    if torch.cuda.is_available() and len(state["rng"]["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["rng"]["cuda"])
