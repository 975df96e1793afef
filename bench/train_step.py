"""CPU seconds of one optimizer step, open_clip's and ours, on the same data in turn; a JSON object to stdout."""

from __future__ import annotations

import json
import statistics
import sys
import time

import torch
from open_clip_peer import import_open_clip

open_clip = import_open_clip()
from open_clip.loss import ClipLoss  # noqa: E402
from open_clip.model import CLIP as TheirCLIP  # noqa: E402
from webimagetext_train.guard import Guard  # noqa: E402
from webimagetext_train.images import normalise  # noqa: E402
from webimagetext_train.model import CLIP  # noqa: E402
from webimagetext_train.optim import make_optimizer  # noqa: E402
from webimagetext_train.presets import ModelConfig, Recipe  # noqa: E402
from webimagetext_train.step import Stepper, StepOptions  # noqa: E402

BATCH, STEPS, VOCABULARY = 32, 3, 49_408
CONFIG = ModelConfig("bench", 256, 112, 12, 192, 16, 3, 256, 4, 6, activation="gelu")
RECIPE = Recipe(5e-4, 0.98, 1e-6)


def captions(full: bool) -> torch.Tensor:
    """(BATCH, 77) ids as open_clip pads them. Alt texts: a median of ten tokens, a long tail."""
    generator = torch.Generator().manual_seed(1)
    tokens = torch.zeros(BATCH, 77, dtype=torch.int64)
    lengths = (torch.randn(BATCH, generator=generator) * 0.5 + 2.35).exp().round().clamp(3, 77).long()
    for row in range(BATCH):
        length = 77 if full else int(lengths[row])
        tokens[row, :length] = torch.randint(1, VOCABULARY - 2, (length,), generator=generator)
        tokens[row, 0], tokens[row, length - 1] = VOCABULARY - 2, VOCABULARY - 1
    return tokens


def their_step(precision: str, images: torch.Tensor, tokens: torch.Tensor):
    """open_clip's model, loss and parameter groups, as its train.py puts them together."""
    torch.manual_seed(0)
    vision = {"layers": CONFIG.vision_layers, "width": CONFIG.vision_width, "patch_size": CONFIG.patch_size, "image_size": CONFIG.image_size}
    text = {"context_length": 77, "vocab_size": VOCABULARY, "width": CONFIG.text_width, "heads": CONFIG.text_heads, "layers": CONFIG.text_layers}
    model, loss_of = TheirCLIP(CONFIG.embed_dim, vision, text), ClipLoss()
    decay = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    gains = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": gains, "weight_decay": 0.0}, {"params": decay, "weight_decay": 0.2}]
    optimizer = torch.optim.AdamW(groups, lr=RECIPE.lr, betas=(RECIPE.beta1, RECIPE.beta2), eps=RECIPE.eps)
    pixels = normalise(images)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = loss_of(*model(pixels, tokens))
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, 4.6052)
        loss.item()

    return step


def our_step(precision: str, images: torch.Tensor, tokens: torch.Tensor):
    """What `npm run train` does for a batch, cropped as its loader crops."""
    torch.manual_seed(0)
    model = CLIP(CONFIG)
    stepper = Stepper(model, torch.device("cpu"), StepOptions(precision))
    optimizer, guard = make_optimizer(model, RECIPE), Guard(10.0)
    cropped = tokens[:, : int(tokens.argmax(dim=1).max()) + 1]
    return lambda: stepper.step(1, images, cropped, optimizer, guard)


def main() -> None:
    """Both precisions, captions of usual length and of all 77 tokens."""
    torch.set_num_threads(1)
    images = torch.randint(0, 256, (BATCH, 3, 112, 112), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    rows = []
    for full in (False, True):
        tokens = captions(full)
        for precision in ("fp32", "bf16"):
            sides = {"open_clip": their_step(precision, images, tokens), "ours": our_step(precision, images, tokens)}
            seconds: dict[str, list[float]] = {name: [] for name in sides}
            for turn in range(STEPS + 1):
                for name, step in sides.items():
                    began = time.process_time()
                    step()
                    if turn > 0:
                        seconds[name].append(time.process_time() - began)
            rates = {name: BATCH / statistics.median(values) for name, values in seconds.items()}
            rows.append({"captions": "77 tokens" if full else f"{(tokens > 0).sum() / BATCH:.1f} tokens on average", "precision": precision, **rates})
    json.dump({"rows": rows, "open_clip": open_clip.__version__, "torch": torch.__version__}, sys.stdout)


if __name__ == "__main__":
    main()
