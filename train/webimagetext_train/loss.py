"""The two objectives, and their gradients with respect to features that lie on many processes.

The gradient of a contrastive loss needs every feature of the global batch but the activations of none of them: `contrast`
takes features, computes only this process' rows of the similarity matrix (section 2.5: "calculation of embedding
similarities was sharded") in blocks, and gives the gradients that the towers' backward passes then start from, one
small batch at a time (gradient caching, arXiv 2101.06983). The result is that of the big batch on one device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .distributed import gather_rows, sum_over_processes, sum_rows_to_owner

MAX_LOGIT_SCALE = math.log(100)
"""The scale is clipped so that logits are never multiplied by more than 100 (section 2.5)."""

LOSSES = ("softmax", "sigmoid")
BLOCK = 8_192
"""Rows of the similarity matrix at once: 8,192 x 32,768 float32 logits are 1 GiB."""


def clip_loss(image: Tensor, text: Tensor, logit_scale: Tensor) -> Tensor:
    """(B, E), (B, E) of length one, and the logarithm of the scale -> scalar.

    Row i of `image` belongs to row i of `text`; the mean of naming each picture among the captions and of finding each
    caption among the pictures (section 2.3, figure 3).
    """
    logits = logit_scale.exp() * image @ text.T
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def sigmoid_loss(image: Tensor, text: Tensor, logit_scale: Tensor, logit_bias: Tensor) -> Tensor:
    """Each picture with each caption is a yes-or-no question of its own (SigLIP, arXiv 2303.15343, algorithm 1)."""
    logits = logit_scale.exp() * image @ text.T + logit_bias
    return -F.logsigmoid(logits * (2 * torch.eye(len(logits), device=logits.device) - 1)).sum() / len(logits)


def _softmax_rows(mine: Tensor, others: Tensor, first: int, logit_scale: Tensor) -> Tensor:
    """Sum of the cross-entropies of some rows, row 0 of which belongs to row `first` of all the others."""
    target = torch.arange(first, first + len(mine), device=mine.device)
    return F.cross_entropy(logit_scale.exp() * mine @ others.T, target, reduction="sum")


def _sigmoid_rows(mine: Tensor, others: Tensor, first: int, logit_scale: Tensor, logit_bias: Tensor) -> Tensor:
    logits = logit_scale.exp() * mine @ others.T + logit_bias
    sign = torch.full_like(logits, -1.0)
    rows = torch.arange(len(mine), device=mine.device)
    sign[rows, rows + first] = 1.0
    return -F.logsigmoid(logits * sign).sum()


@dataclass
class FeatureGradients:
    """Of the mean loss over the global batch, times the number of processes, which then average their weights' gradients."""

    loss: Tensor
    """The mean over the global batch itself, the same on every process."""
    image: Tensor
    text: Tensor
    logit_scale: Tensor
    logit_bias: Tensor | None


def contrast(image: Tensor, text: Tensor, logit_scale: Tensor, logit_bias: Tensor | None = None, block: int = BLOCK) -> FeatureGradients:
    """Features (b, E) of this process' pairs, of length one and detached -> gradients of the same shapes.

    Processes may bring different numbers of pairs, none included. A `logit_bias` chooses the sigmoid loss.
    """
    counts, all_images, all_texts = gather_rows(image, text)
    first, total = sum(counts.before), sum(counts.all)
    scale = logit_scale.detach().float().requires_grad_()
    bias = None if logit_bias is None else logit_bias.detach().float().requires_grad_()
    all_images.requires_grad_(), all_texts.requires_grad_()
    value = torch.zeros((), device=image.device)
    weight = len(counts.all) / max(1, total)
    for start in range(0, len(image), block):
        rows = slice(first + start, first + min(start + block, len(image)))
        if bias is None:
            # Two backward passes, so that only one block of logits is held at a time.
            for mine, others in ((all_images, all_texts), (all_texts, all_images)):
                part = _softmax_rows(mine[rows], others, rows.start, scale) / 2
                (part * weight).backward()
                value += part.detach()
        else:
            part = _sigmoid_rows(all_images[rows], all_texts, rows.start, scale, bias)
            (part * weight).backward()
            value += part.detach()
    gradients = (torch.zeros_like(x) if x.grad is None else x.grad for x in (all_images, all_texts, scale))
    of_images, of_texts, of_scale = gradients
    of_bias = None if bias is None else torch.zeros_like(bias) if bias.grad is None else bias.grad
    loss = sum_over_processes(value) / max(1, total)
    return FeatureGradients(loss, sum_rows_to_owner(of_images, counts), sum_rows_to_owner(of_texts, counts), of_scale, of_bias)


@torch.no_grad()
def clamp_logit_scale(logit_scale: Tensor) -> None:
    """Called after every optimizer step."""
    logit_scale.clamp_(max=MAX_LOGIT_SCALE)
