"""Checkpoints of others: OpenAI's archives and state dicts, open_clip's, transformers' folders.

Sizes are read off the weights. The activation is not in them, and the wrong one gives features that look plausible and
are not: it comes from the source's own configuration, or must be named.
"""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import UserError, pip_install
from .hugging_face import from_hugging_face, named_in
from .model import ACTIVATIONS, CLIP
from .presets import PRESETS, ModelConfig

_SCALARS = ("input_resolution", "context_length", "vocab_size")
"""What OpenAI's archives hold beside the weights."""
_FILES = ("model.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "pytorch_model.bin")


def read_foreign(path: Path, activation: str | None) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The model's configuration and its weights under our names, in float32.

    @raises UserError when it is no CLIP, or says nothing of its activation and `activation` is None.
    """
    named: dict[str, Any] = {}
    file = path
    if path.is_dir():
        file = next((path / name for name in _FILES if (path / name).exists()), path / _FILES[0])
        if (path / "open_clip_config.json").exists():
            named = _open_clip_names(_json(path / "open_clip_config.json"))
        elif (path / "config.json").exists():
            named = named_in(_json(path / "config.json"))
    weights = _read(file)
    if any(name.startswith("text_model.") for name in weights):
        weights = from_hugging_face(weights)
        if "text_heads" not in named:
            raise UserError(f"{path} has transformers' names but no config.json beside it: name its folder")
    if activation and named.get("activation", activation) != activation:
        raise UserError(f"{path} says that its activation is {named['activation']}, not {activation}: leave out --activation")
    chosen = named.get("activation", activation)
    if chosen is None:
        raise UserError(f"{path} does not say its activation: OpenAI's models and open_clip's *-quickgelu have --activation quick_gelu, the other ones of open_clip gelu")
    if chosen not in ACTIVATIONS:
        raise UserError(f"{path} has the activation {chosen}, but a CLIP has one of {', '.join(ACTIVATIONS)}")
    config = config_of(weights, path, {**named, "activation": chosen})
    with torch.device("meta"):
        expected = CLIP(config).state_dict()
    # How many batches a normalisation has seen decides nothing, and not everybody keeps it.
    counters = {name: torch.zeros((), dtype=torch.int64) for name in expected if name.endswith("num_batches_tracked")}
    weights = {**counters, **{name: value if name in counters else value.float() for name, value in weights.items()}}
    odd = sorted(set(expected) ^ set(weights)) or [name for name in expected if expected[name].shape != weights[name].shape]
    if odd:
        raise UserError(f"{path} is no CLIP as OpenAI's are ({odd[0]} is missing, too many or of another shape): name another model")
    return config, weights


def config_of(weights: dict[str, Tensor], path: Path, named: dict[str, Any]) -> ModelConfig:
    """Sizes from the shapes; heads are 64 wide where `named` does not say otherwise, as in all of OpenAI's."""
    try:
        text_width, embed = weights["text_projection"].shape
        vit = "visual.proj" in weights
        first = weights["visual.conv1.weight"]
        if vit:
            layers: int | tuple[int, ...] = _count(weights, "visual.transformer.resblocks", 3)
            width, patch = first.shape[0], first.shape[-1]
            size = round((len(weights["visual.positional_embedding"]) - 1) ** 0.5) * patch
        else:
            layers = tuple(_count(weights, f"visual.layer{stage}", 2) for stage in range(1, 5))
            width, patch = weights["visual.layer1.0.conv1.weight"].shape[0], None
            size = round((len(weights["visual.attnpool.positional_embedding"]) - 1) ** 0.5) * 32
        config = ModelConfig(
            "custom",
            embed,
            size,
            layers,  # type: ignore[arg-type]
            width,
            patch,
            width // 64 if vit else width * 32 // 64,
            text_width,
            text_width // 64,
            _count(weights, "transformer.resblocks", 2),
            context_length=len(weights["positional_embedding"]),
            vocab_size=len(weights["token_embedding.weight"]),
            logit_bias="logit_bias" in weights,
        )
    except (LookupError, ValueError) as error:
        raise UserError(f"{path} is no CLIP as OpenAI's are ({error} is missing): name another model") from error
    config = replace(config, **named)
    like = [name for name, preset in PRESETS.items() if replace(preset.model, name="custom", vocab_size=config.vocab_size, activation=config.activation, logit_bias=config.logit_bias) == config]
    return replace(config, name=like[0]) if like else config


def _count(weights: dict[str, Tensor], prefix: str, place: int) -> int:
    """Blocks under a prefix; their number is the name's part at `place`."""
    return len({name.split(".")[place] for name in weights if name.startswith(prefix + ".")})


def _open_clip_names(config: dict[str, Any]) -> dict[str, Any]:
    model = config.get("model_cfg", config)
    vision, text = model.get("vision_cfg", {}), model.get("text_cfg", {})
    named = {"activation": "quick_gelu" if model.get("quick_gelu") else "gelu"}
    if "heads" in text:
        named["text_heads"] = text["heads"]
    if "width" in vision:
        wide = vision["width"] * (32 if isinstance(vision.get("layers"), list) else 1)
        named["vision_heads"] = wide // vision.get("head_width", 64)
    return named


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): name another model") from error


def _read(file: Path) -> dict[str, Tensor]:
    """Whatever the container."""
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(file)
        else:
            state = _unpickle(file)
    except ImportError as error:
        raise UserError(f"{file} needs the package safetensors: {pip_install('safetensors')}") from error
    except FileNotFoundError as error:
        raise UserError(f"no model at {file}: name a checkpoint, or a folder with one of {', '.join(_FILES)}") from error
    except Exception as error:  # whatever the readers of three formats raise at a broken file
        raise UserError(f"{file} cannot be read ({type(error).__name__}: {str(error).splitlines()[0]}): name another model") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{file} holds no weights by name: name another model")
    state = {name.removeprefix("module."): value for name, value in state.items()}
    return {name: value for name, value in state.items() if name not in _SCALARS}


def _unpickle(file: Path) -> Any:
    with warnings.catch_warnings():
        # Of what PyTorch thinks of the archives that OpenAI's own files are.
        warnings.simplefilter("ignore")
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except (RuntimeError, pickle.UnpicklingError):
            return dict(torch.jit.load(file, map_location="cpu").state_dict())
