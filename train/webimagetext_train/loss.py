"""Symmetric cross-entropy over cosine similarities (section 2.3, figure 3)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_LOGIT_SCALE = math.log(100)
"""The scale is clipped so that logits are never multiplied by more than 100 (section 2.5)."""


def clip_loss(image: Tensor, text: Tensor, logit_scale: Tensor) -> Tensor:
    """(B, E), (B, E) of length one, and the logarithm of the scale -> scalar.

    Row i of `image` belongs to row i of `text`; the mean of naming each picture among the captions and of finding each
    caption among the pictures.
    """
    logits = logit_scale.exp() * image @ text.T
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@torch.no_grad()
def clamp_logit_scale(logit_scale: Tensor) -> None:
    """Called after every optimizer step."""
    logit_scale.clamp_(max=MAX_LOGIT_SCALE)
