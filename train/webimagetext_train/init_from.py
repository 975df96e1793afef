"""Beginning with the weights of another model, at another picture size: the paper's ViT-L/14@336px (section 2.5)."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .checkpoint import Checkpoint
from .errors import UserError
from .presets import ModelConfig


def resize_positions(positions: Tensor, side: int, first: int = 1) -> Tensor:
    """(first + n^2, D) -> (first + side^2, D): the grid is interpolated, the `first` rows (the class token) are kept."""
    kept, grid = positions[:first], positions[first:]
    old = round(len(grid) ** 0.5)
    if old == side:
        return positions
    image = grid.reshape(old, old, -1).permute(2, 0, 1).unsqueeze(0).float()
    image = F.interpolate(image, size=(side, side), mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([kept, image[0].permute(1, 2, 0).reshape(side * side, -1).to(positions.dtype)])


def initial_weights(source: Checkpoint, config: ModelConfig) -> dict[str, Tensor]:
    """The weights of `source` for a model that may differ in its picture size, name and loss, but in nothing else."""
    free = {"name": config.name, "image_size": config.image_size, "logit_bias": config.logit_bias}
    if replace(source.config, **free) != config:
        raise UserError(f"{source.path} holds a {source.config.name}, which differs from {config.name} in more than the picture size: name another --init")
    weights = dict(source.state["state_dict"])
    name = "visual.positional_embedding" if config.patch_size else "visual.attnpool.positional_embedding"
    weights[name] = resize_positions(weights[name], config.image_size // (config.patch_size or 32))
    weights.pop("logit_bias", None)
    if config.logit_bias:
        weights["logit_bias"] = source.state["state_dict"].get("logit_bias", torch.tensor(-10.0))
    return weights
