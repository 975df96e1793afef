"""Names and configuration of transformers' CLIPModel, from ours and to ours. It has no ResNets."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from .errors import UserError
from .presets import ModelConfig

_BLOCK = {
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_WHOLE = {
    "logit_scale": "logit_scale",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    # Spelled like this there.
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
}
_TRANSPOSED = {"text_projection": "text_projection.weight", "visual.proj": "visual_projection.weight"}
_TOWERS = {"transformer": "text_model", "visual.transformer": "vision_model"}


def to_hugging_face(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Ours -> theirs; queries, keys and values are three matrices there."""
    result = {}
    for name, value in weights.items():
        block = re.fullmatch(r"(transformer|visual\.transformer)\.resblocks\.(\d+)\.(.+)", name)
        if block:
            place = f"{_TOWERS[block[1]]}.encoder.layers.{block[2]}"
            if block[3].startswith("attn.in_proj_"):
                kind = block[3].removeprefix("attn.in_proj_")
                for part, piece in zip("qkv", value.chunk(3), strict=True):
                    result[f"{place}.self_attn.{part}_proj.{kind}"] = piece.clone()
            else:
                module, kind = block[3].rsplit(".", 1)
                result[f"{place}.{_BLOCK[module]}.{kind}"] = value
        elif name in _TRANSPOSED:
            result[_TRANSPOSED[name]] = value.T.contiguous()
        else:
            result[_WHOLE[name]] = value
    return result


def from_hugging_face(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Theirs -> ours."""
    whole = {theirs: ours for ours, theirs in _WHOLE.items()}
    transposed = {theirs: ours for ours, theirs in _TRANSPOSED.items()}
    modules = {theirs: ours for ours, theirs in _BLOCK.items()}
    towers = {theirs: ours for ours, theirs in _TOWERS.items()}
    result = {}
    for name, value in weights.items():
        block = re.fullmatch(r"(text_model|vision_model)\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if block:
            place, module, kind = f"{towers[block[1]]}.resblocks.{block[2]}", block[3], block[4]
            if module == "self_attn.q_proj":
                parts = [weights[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
                result[f"{place}.attn.in_proj_{kind}"] = torch.cat(parts)
            elif module in modules:
                result[f"{place}.{modules[module]}.{kind}"] = value
            elif module not in ("self_attn.k_proj", "self_attn.v_proj"):
                raise UserError(f"{name} is no weight of a CLIP: name another model")
        elif name in transposed:
            result[transposed[name]] = value.T.contiguous()
        elif name in whole:
            result[whole[name]] = value
        elif not name.endswith(".position_ids"):  # a buffer of old versions
            raise UserError(f"{name} is no weight of a CLIP: name another model")
    return result


def hugging_face_config(config: ModelConfig, start: int, end: int) -> dict[str, Any]:
    """config.json; `start` and `end` are token ids."""
    if not config.patch_size or config.logit_bias:
        reason = "has a ResNet" if not config.patch_size else "was trained with the sigmoid loss"
        raise UserError(f"{config.name} {reason}, which transformers' CLIPModel cannot hold: export it for open_clip or ONNX")
    common = {"hidden_act": config.activation, "layer_norm_eps": 1e-5, "projection_dim": config.embed_dim}
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": config.embed_dim,
        "text_config": {
            **common,
            "model_type": "clip_text_model",
            "vocab_size": config.vocab_size,
            "hidden_size": config.text_width,
            "intermediate_size": 4 * config.text_width,
            "num_hidden_layers": config.text_layers,
            "num_attention_heads": config.text_heads,
            "max_position_embeddings": config.context_length,
            "bos_token_id": start,
            "eos_token_id": end,
            "pad_token_id": end,
        },
        "vision_config": {
            **common,
            "model_type": "clip_vision_model",
            "hidden_size": config.vision_width,
            "intermediate_size": 4 * config.vision_width,
            "num_hidden_layers": config.vision_layers,
            "num_attention_heads": config.vision_heads,
            "image_size": config.image_size,
            "patch_size": config.patch_size,
            "num_channels": 3,
        },
    }


def named_in(config: dict[str, Any]) -> dict[str, Any]:
    """What only config.json knows: the activation and the numbers of heads. What it leaves out has the class's defaults."""
    text, vision = config.get("text_config") or {}, config.get("vision_config") or {}
    activations = {part.get("hidden_act", "quick_gelu") for part in (text, vision)}
    if len(activations) > 1:
        raise UserError(f"its two towers have different activations ({', '.join(sorted(activations))}): no CLIP of ours has that")
    return {"activation": activations.pop(), "text_heads": text.get("num_attention_heads", 8), "vision_heads": vision.get("num_attention_heads", 12)}
