"""One optimizer step on a batch of any size, on any number of processes, in any precision.

With `accum` k the batch goes through the towers in k pieces, twice: first only for its features, from which the loss of
the whole global batch and its gradients with respect to the features follow; then again, each piece's backward pass
starting from its rows of those gradients. Memory is that of one piece, the result that of the whole (but for batch
norms, which see one piece at a time).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .distributed import average_gradient, rank, world
from .errors import UserError
from .guard import Guard
from .images import normalise
from .loss import FeatureGradients, clamp_logit_scale, contrast
from .memory import frozen_statistics
from .model import CLIP, SortedText
from .optim import Average, gradient_norm

PARALLEL = ("ddp", "fsdp")


@dataclass(frozen=True)
class StepOptions:
    """How a step is computed; none of it changes what is computed, but for rounding, clipping and dropout."""

    precision: str = "fp32"
    accum: int = 1
    clip_norm: float | None = None
    patch_dropout: float = 0.0
    checkpointing: bool = False
    compile: bool = False
    parallel: str = "ddp"
    sort_text: bool = True
    """Cut captions to their length in three pieces of similar length."""
    seed: int = 0


@dataclass(frozen=True)
class StepResult:
    """Of the global batch."""

    loss: float
    gradient_norm: float
    """Before clipping; in fp16 infinite when the scaler left the step out."""
    complaint: str | None
    """Why the weights were not touched, if they were not."""


class _Towers(nn.Module):
    """All that gets a gradient passes through one forward call, as the wrappers of PyTorch want it."""

    def __init__(self, clip: CLIP):
        super().__init__()
        self.clip = clip

    def forward(self, images: Tensor, text: SortedText) -> tuple[Tensor, ...]:
        image, caption = self.clip(images, text)
        bias = () if self.clip.config.logit_bias is False else (self.clip.logit_bias * 1,)
        return image, caption, self.clip.logit_scale * 1, *bias


def _blocks(clip: CLIP) -> Iterator[nn.Module]:
    """What is split, compiled or recomputed as one."""
    yield from clip.transformer.resblocks
    if clip.config.patch_size:
        yield from clip.visual.transformer.resblocks
    else:
        for number in range(1, 5):
            yield from getattr(clip.visual, f"layer{number}")


class Stepper:
    """Owns how `clip` is run; make the optimizer after it, since it may split the parameters."""

    def __init__(self, clip: CLIP, device: torch.device, options: StepOptions):
        self.clip, self.device, self.options = clip, device, options
        clip.to(device).train()
        self._split = options.parallel == "fsdp" and world() > 1
        if not clip.config.patch_size and not self._split:
            # Convolutions are faster with the channels of a pixel side by side; FSDP splits no weights that lie so.
            clip.visual.to(memory_format=torch.channels_last)
        clip.transformer.checkpointing = options.checkpointing
        (clip.visual.transformer if clip.config.patch_size else clip.visual).checkpointing = options.checkpointing
        if options.patch_dropout and not clip.config.patch_size:
            raise UserError(f"--patch-dropout needs a ViT, and {clip.config.name} has no patches: leave it out")
        clip.visual.patch_dropout = options.patch_dropout
        if options.compile:
            for block in _blocks(clip):
                block.compile()
        self._towers: nn.Module = _Towers(clip)
        self._alone = [clip.logit_scale, *([clip.logit_bias] if clip.config.logit_bias else [])]
        if self._split:
            from torch.distributed.fsdp import fully_shard  # takes a second, so only where it is used

            for block in _blocks(clip):
                fully_shard(block)
            fully_shard(self._towers, ignored_params=set(self._alone))
        elif world() > 1:
            where = [device.index] if device.type == "cuda" else None
            self._towers = DistributedDataParallel(self._towers, device_ids=where, gradient_as_bucket_view=True)
        # Split weights fetch each block once a call: three calls for the text would cost more than padding does.
        self._shares = SortedText.SHARES if options.sort_text and not self._split else (1.0,)
        self.scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "fp16")

    def step(self, number: int, images: Tensor, tokens: Tensor, optimizer: torch.optim.Optimizer, guard: Guard, average: Average | None = None) -> StepResult:
        """(b, 3, S, S) uint8 and (b, L) ids on the CPU, this process' part of step `number`'s batch -> the global result.

        When the loss or a gradient is not finite, or the guard takes it for a leap, the weights are not touched.
        """
        optimizer.zero_grad(set_to_none=True)
        pieces = list(zip(images.tensor_split(self.options.accum), tokens.tensor_split(self.options.accum), strict=True))
        gradients = self._backward(number, pieces)
        if self._split:
            for parameter in self._alone:
                average_gradient(parameter)
        self.scaler.unscale_(optimizer)
        norm = gradient_norm(self.clip.parameters())
        # The only wait for the GPU in a step.
        loss, length = torch.stack([gradients.loss, norm]).tolist()
        complaint = guard.judge(loss)
        if complaint is None and not math.isfinite(length) and not self.scaler.is_enabled():
            complaint = f"the gradient's length became {length}"
        result = StepResult(loss, length, complaint)
        if complaint:
            return result
        if self.options.clip_norm is not None:
            torch._foreach_mul_([p.grad for p in self.clip.parameters()], min(1.0, self.options.clip_norm / (length + 1e-6)))
        self.scaler.step(optimizer)
        self.scaler.update()
        clamp_logit_scale(self.clip.logit_scale)
        if average:
            average.update()
        return result

    def _backward(self, number: int, pieces: list[tuple[Tensor, Tensor]]) -> FeatureGradients:
        outputs: tuple[Tensor, ...] | None = None
        if len(pieces) == 1:
            with self._synchronised(True):
                outputs = self._forward(number, 0, pieces[0])
            image, text = outputs[:2]
        else:
            with torch.no_grad(), frozen_statistics(self.clip):
                features = [self._forward(number, place, piece)[:2] for place, piece in enumerate(pieces)]
            image, text = (torch.cat(parts) for parts in zip(*features, strict=True))
        gradients = contrast(image.detach(), text.detach(), self.clip.logit_scale, self.clip.logit_bias if self.clip.config.logit_bias else None)
        alone = [gradients.logit_scale, *([] if gradients.logit_bias is None else [gradients.logit_bias])]
        start = 0
        for place, piece in enumerate(pieces):
            last, end = place == len(pieces) - 1, start + len(piece[0])
            with self._synchronised(last):
                if outputs is None or len(pieces) > 1:
                    outputs = self._forward(number, place, piece)
                of_outputs = [gradients.image[start:end], gradients.text[start:end], *(g if last else torch.zeros_like(g) for g in alone)]
                torch.autograd.backward(outputs, self.scaler.scale(of_outputs))
            start = end
        return gradients

    def _forward(self, number: int, place: int, piece: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        # Whatever is drawn inside is a function of the step: the same in both passes, and after a resume.
        torch.manual_seed(zlib.crc32(f"{self.options.seed} {number} {rank()} {place}".encode()))
        images, tokens = piece
        # Few different lengths where a new one costs something.
        multiple = 8 if self.device.type == "cuda" or self.options.compile else 1
        text = SortedText.cut(tokens, self._shares, multiple).to(self.device)
        pixels = normalise(images.to(self.device, non_blocking=True))
        if not self.clip.config.patch_size:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.options.precision, torch.bfloat16)
        with torch.autocast(self.device.type, kind, enabled=self.options.precision != "fp32"):
            return self._towers(pixels, text)

    @contextmanager
    def _synchronised(self, last: bool) -> Iterator[None]:
        """Gradients of all but the last piece stay on their process."""
        if self._split:
            self._towers.set_requires_gradient_sync(last)
        quiet: AbstractContextManager = self._towers.no_sync() if isinstance(self._towers, DistributedDataParallel) and not last else nullcontext()
        with quiet:
            yield
