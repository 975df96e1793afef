"""`npm run export-model -- --format FORMAT --out PATH`: a checkpoint for OpenAI's code, open_clip, transformers or ONNX."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import checkpoint
from .errors import UserError, pip_install
from .files import write_atomically
from .hugging_face import hugging_face_config, to_hugging_face
from .images import MEAN, STD
from .model import CLIP
from .tokenizer import END, START, ClipTokenizer


def openai(model: CLIP, tokenizer: ClipTokenizer, out: Path) -> None:
    """One file with a state dict, as `build_model` of OpenAI's code takes it, and the merges beside it."""
    config = model.config
    if config.activation != "quick_gelu" or config.logit_bias:
        raise UserError(f"OpenAI's code has QuickGELU and no bias, {config.name} has {config.activation}{' and a bias' if config.logit_bias else ''}: export it for open_clip")
    width, heads = config.vision_width * (1 if config.patch_size else 32), (config.vision_heads, config.text_heads)
    if heads != (width // 64, config.text_width // 64):
        raise UserError(f"OpenAI's code has heads of 64, {config.name} has others: export it for open_clip")
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    write_atomically(out, lambda file: torch.save(weights, file))
    tokenizer.save(out.with_suffix(".bpe.txt.gz"))


def open_clip(model: CLIP, tokenizer: ClipTokenizer, out: Path) -> None:
    """A folder for `open_clip.create_model_and_transforms("local-dir:OUT")`."""
    config = model.config
    layers = config.vision_layers if isinstance(config.vision_layers, int) else list(config.vision_layers)
    width = config.vision_width * (1 if config.patch_size else 32)
    description = {
        "model_cfg": {
            "embed_dim": config.embed_dim,
            # Written down even where it is false: the wrong one loads without a word.
            "quick_gelu": config.activation == "quick_gelu",
            **({"init_logit_bias": -10} if config.logit_bias else {}),
            "vision_cfg": {
                "image_size": config.image_size,
                "layers": layers,
                "width": config.vision_width,
                "patch_size": config.patch_size,
                "head_width": width // config.vision_heads,
            },
            "text_cfg": {
                "context_length": config.context_length,
                "vocab_size": config.vocab_size,
                "width": config.text_width,
                "heads": config.text_heads,
                "layers": config.text_layers,
            },
        },
        "preprocess_cfg": {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"},
    }
    _write_json(out / "open_clip_config.json", description)
    tokenizer.save(out / "bpe.txt.gz")
    _write_safetensors(out / "open_clip_model.safetensors", dict(model.state_dict()))


def hugging_face(model: CLIP, tokenizer: ClipTokenizer, out: Path) -> None:
    """A folder for `CLIPModel.from_pretrained(OUT)` and `CLIPProcessor.from_pretrained(OUT)`."""
    config = model.config
    _write_json(out / "config.json", hugging_face_config(config, tokenizer.start, tokenizer.end))
    size = config.image_size
    pictures = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": size},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
        "do_convert_rgb": True,
    }
    _write_json(out / "preprocessor_config.json", pictures)
    words = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": config.context_length,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
        "do_lower_case": True,
    }
    _write_json(out / "tokenizer_config.json", words)
    _write_json(out / "vocab.json", tokenizer.vocabulary)
    merges = ["#version: 0.2", *(" ".join(merge) for merge in tokenizer.merges)]
    write_atomically(out / "merges.txt", ("\n".join(merges) + "\n").encode())
    _write_safetensors(out / "model.safetensors", to_hugging_face(dict(model.state_dict())))


class _Both(torch.nn.Module):
    """What an ONNX graph computes: both embeddings, of length one, and the similarities times the temperature."""

    def __init__(self, model: CLIP):
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor, input_ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, S, S) normalised floats, (T, L) -> (B, E), (T, E), (B, T)"""
        image, text = torch.nn.functional.normalize(self.model.encode_image(pixel_values), dim=-1), torch.nn.functional.normalize(self.model.encode_text(input_ids), dim=-1)
        logits = self.model.logit_scale.exp() * image @ text.T
        if self.model.config.logit_bias:
            logits = logits + self.model.logit_bias
        return image, text, logits


NAMES = ("image_embeds", "text_embeds", "logits_per_image")
"""Of the graph's outputs; its inputs are pixel_values and input_ids."""


def onnx(model: CLIP, tokenizer: ClipTokenizer, out: Path) -> None:
    """One file; any number of pictures and of captions. What ONNX Runtime computes is compared with PyTorch."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(f"ONNX needs two packages: {pip_install('onnxscript', 'onnxruntime')}") from error
    both, config = _Both(model).eval(), model.config

    def example(pictures: int, captions: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(pictures)
        ids = torch.randint(0, tokenizer.start, (captions, config.context_length), generator=generator)
        ids[:, 0] = tokenizer.start
        for row in range(captions):
            end = 2 + row % (config.context_length - 2)
            ids[row, end], ids[row, end + 1 :] = tokenizer.end, 0
        return torch.randn(pictures, 3, config.image_size, config.image_size, generator=generator), ids

    shapes = ({0: torch.export.Dim("pictures")}, {0: torch.export.Dim("captions")})
    temporary = out.with_name(f".{out.name}.tmp")
    out.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # PyTorch's exporter warns of what it calls itself.
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(both, example(2, 3), input_names=["pixel_values", "input_ids"], output_names=list(NAMES), dynamic_shapes=shapes, dynamo=True, verbose=False)
    assert program is not None
    try:
        program.save(str(temporary), external_data=False)
        session = onnxruntime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        for counts in ((1, 1), (5, 4)):
            pixels, ids = example(*counts)
            with torch.no_grad():
                expected = both(pixels, ids)
            found = session.run(list(NAMES), {"pixel_values": pixels.numpy(), "input_ids": ids.numpy()})
            for name, one, other in zip(NAMES, expected, found, strict=True):
                apart = (one - torch.from_numpy(other)).abs().max().item()
                if apart > 1e-4 * max(1.0, one.abs().max().item()):
                    raise UserError(f"{name} of the ONNX graph is {apart:.1e} off PyTorch's: report it, with the versions of torch and onnxscript")
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    tokenizer.save(out.with_suffix(".bpe.txt.gz"))


FORMATS: dict[str, Callable[[CLIP, ClipTokenizer, Path], None]] = {"openai": openai, "open_clip": open_clip, "huggingface": hugging_face, "onnx": onnx}


def _write_json(path: Path, value: dict[str, Any]) -> None:
    write_atomically(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def _write_safetensors(path: Path, weights: dict[str, Tensor]) -> None:
    try:
        from safetensors.torch import save
    except ImportError as error:
        raise UserError(f"this format needs the package safetensors: {pip_install('safetensors')}") from error
    # Readers expect to be told that these are PyTorch's.
    write_atomically(path, save({name: value.contiguous() for name, value in weights.items()}, metadata={"format": "pt"}))


def main(arguments: list[str] | None = None) -> int:
    """-> exit code"""
    parser = argparse.ArgumentParser("webimagetext_train.export", description="A checkpoint for other programs.", allow_abbrev=False)
    add = parser.add_argument
    add("--checkpoint", type=Path, default=Path("data/checkpoints/latest.pt"), help="default: %(default)s")
    add("--format", choices=tuple(FORMATS), required=True, help="openai and onnx write a file, open_clip and huggingface a folder")
    add("--out", type=Path, required=True, metavar="PATH", help="the file or folder to write")
    add("--ema", action="store_true", help="its averaged weights, where it was trained with --ema")
    args = parser.parse_args(arguments)
    try:
        loaded = checkpoint.load(args.checkpoint)
        FORMATS[args.format](loaded.model(args.ema).eval(), loaded.tokenizer, args.out)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{args.out}: {loaded.config.name} after step {loaded.step}, {args.format}, {loaded.config.activation}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
