"""The models of the paper (arXiv 2103.00020, sections 2.4 and 2.5, tables 18-20), and small ones for two CPU cores."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

PAPER_VOCABULARY = 49_408
"""256 bytes, 256 bytes that end a word, 48,894 merges, start and end: what the released models hold."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides the shapes of a model; stored in each checkpoint."""

    name: str
    embed_dim: int
    image_size: int
    vision_layers: int | tuple[int, int, int, int]
    """Transformer layers, or the blocks of a ResNet's four stages."""
    vision_width: int
    """Width of the transformer, or of the ResNet's stem."""
    patch_size: int | None
    """None for a ResNet."""
    vision_heads: int
    text_width: int
    text_heads: int
    text_layers: int
    context_length: int = 77
    vocab_size: int = PAPER_VOCABULARY
    activation: str = "quick_gelu"
    """x * sigmoid(1.702 x) in every released model. Loading weights with the other one is silently wrong, so it is written down."""

    logit_bias: bool = False
    """A learned bias beside the temperature, for the sigmoid loss."""

    def with_vocabulary(self, size: int) -> ModelConfig:
        """The same model for a tokenizer of `size` entries."""
        return replace(self, vocab_size=size)

    def to_dict(self) -> dict:
        """Plain types only, so that a checkpoint loads with weights_only=True."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict) -> ModelConfig:
        """Inverse of `to_dict`."""
        layers = values["vision_layers"]
        return ModelConfig(**{**values, "vision_layers": layers if isinstance(layers, int) else tuple(layers)})


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters (tables 18 and 19)."""

    lr: float
    beta2: float
    eps: float
    batch_size: int = 32_768
    epochs: int = 32
    warmup: int = 2_000
    weight_decay: float = 0.2
    beta1: float = 0.9
    steps: int | None = None
    """Instead of `epochs`, where the data may be small."""


@dataclass(frozen=True)
class Preset:
    """A model and how it is trained."""

    model: ModelConfig
    recipe: Recipe


def _resnet(name: str, lr: float, embed: int, size: int, blocks: tuple[int, int, int, int], stem: int, text: int) -> Preset:
    model = ModelConfig(name, embed, size, blocks, stem, None, stem * 32 // 64, text, text // 64, 12)
    return Preset(model, Recipe(lr, beta2=0.999, eps=1e-8))


def _vit(name: str, lr: float, embed: int, size: int, patch: int, layers: int, width: int, text: int, epochs: int = 32) -> Preset:
    model = ModelConfig(name, embed, size, layers, width, patch, width // 64, text, text // 64, 12)
    return Preset(model, Recipe(lr, beta2=0.98, eps=1e-6, epochs=epochs))


TINY = "RN-Tiny"
"""Learns the sample web's handwriting in a minute and a half of one CPU core; not in the paper."""

_SMALL = (
    # One block a stage. A convolution knows that neighbouring pixels belong together; a ViT of the same cost has to
    # learn it, and names 30 % of the sample web's unseen pairs where this one names 90 %.
    Preset(
        ModelConfig(TINY, 96, 64, (1, 1, 1, 1), 16, None, 8, 64, 1, 2, context_length=32, vocab_size=4_096),
        Recipe(lr=2e-3, beta2=0.98, eps=1e-6, batch_size=64, warmup=80, steps=800),
    ),
    Preset(
        ModelConfig("ViT-Tiny/8", 96, 64, 3, 96, 8, 3, 64, 2, 2, context_length=32, vocab_size=4_096),
        Recipe(lr=1e-3, beta2=0.98, eps=1e-6, batch_size=64, warmup=100, steps=1_200),
    ),
)

_PAPER = (
    _resnet("RN50", 5e-4, 1024, 224, (3, 4, 6, 3), 64, 512),
    _resnet("RN101", 5e-4, 512, 224, (3, 4, 23, 3), 64, 512),
    _resnet("RN50x4", 5e-4, 640, 288, (4, 6, 10, 6), 80, 640),
    _resnet("RN50x16", 4e-4, 768, 384, (6, 8, 18, 8), 96, 768),
    _resnet("RN50x64", 3.6e-4, 1024, 448, (3, 15, 36, 10), 128, 1024),
    _vit("ViT-B/32", 5e-4, 512, 224, 32, 12, 768, 512),
    _vit("ViT-B/16", 5e-4, 512, 224, 16, 12, 768, 512),
    _vit("ViT-L/14", 4e-4, 768, 224, 14, 24, 1024, 768),
    # One more epoch at a higher resolution, begun from ViT-L/14.
    _vit("ViT-L/14@336px", 2e-5, 768, 336, 14, 24, 1024, 768, epochs=1),
)

PAPER = tuple(preset.model.name for preset in _PAPER)
"""Names of the paper's nine models."""

PRESETS: dict[str, Preset] = {preset.model.name: preset for preset in (*_PAPER, *_SMALL)}
