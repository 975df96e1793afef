"""CLIP (arXiv 2103.00020, section 2.4) with OpenAI's parameter names, so that checkpoints load elsewhere and back.

Shapes: B batch, L tokens of text, N = 1 + (size/patch)^2 tokens of a picture, D width, E embedding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .memory import run_block
from .presets import ModelConfig
from .resnet import ModifiedResNet


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x), the approximation that the released models were trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, type[nn.Module]] = {"quick_gelu": QuickGELU, "gelu": nn.GELU}


class Attention(nn.Module):
    """Multi-head self-attention; parameters named and laid out as in torch.nn.MultiheadAttention."""

    def __init__(self, width: int, heads: int, causal: bool):
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)"""
        batch, length, width = x.shape
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = qkv.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = attention(q, k, v, causal=self.causal)
        return self.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))

    def at(self, x: Tensor, place: Tensor) -> Tensor:
        """(B, L, D), (B,) -> (B, D): what `forward` gives at one place of each row, asking for no other."""
        batch, length, width = x.shape
        one = x[torch.arange(batch, device=x.device), place]
        q = F.linear(one, self.in_proj_weight[:width], self.in_proj_bias[:width]).view(batch, self.heads, 1, width // self.heads)
        kv = F.linear(x, self.in_proj_weight[width:], self.in_proj_bias[width:])
        k, v = kv.view(batch, length, 2, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = torch.arange(length, device=x.device) <= place.unsqueeze(1) if self.causal else None
        mixed = attention(q, k, v, seen=None if seen is None else seen[:, None, None, :])
        return self.out_proj(mixed.reshape(batch, width))


def attention(q: Tensor, k: Tensor, v: Tensor, causal: bool = False, seen: Tensor | None = None) -> Tensor:
    """(B, heads, L, D) each -> (B, heads, L, D), by the fastest kernel there is; `seen` says which keys count."""
    if q.device.type == "cuda" or q.dtype == torch.float32:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=causal)
    # A CPU's fused kernel is four to six times slower in half precision than two products and a softmax (torch 2.13).
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if causal:
        scores = scores + scores.new_full(scores.shape[-2:], float("-inf")).triu(1)
    if seen is not None:
        scores = scores.masked_fill(~seen, float("-inf"))
    return scores.softmax(dim=-1) @ v


class MLP(nn.Module):
    """Two projections, four times as wide in between."""

    def __init__(self, width: int, activation: str):
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.gelu = ACTIVATIONS[activation]()
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(self.gelu(self.c_fc(x)))


class ResidualAttentionBlock(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, heads: int, causal: bool, activation: str):
        super().__init__()
        self.attn = Attention(width, heads, causal)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = MLP(width, activation)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, place: Tensor | None = None) -> Tensor:
        """(B, L, D) -> (B, L, D), or with (B,) places only those: (B, D)"""
        if place is None:
            x = x + self.attn(self.ln_1(x))
        else:
            x = x[torch.arange(x.shape[0], device=x.device), place] + self.attn.at(self.ln_1(x), place)
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """A stack of blocks."""

    checkpointing = False
    """Keep only the blocks' inputs for the backward pass and compute the rest again: less memory, a third more time."""

    def __init__(self, width: int, layers: int, heads: int, causal: bool, activation: str):
        super().__init__()
        self.resblocks = nn.Sequential(*(ResidualAttentionBlock(width, heads, causal, activation) for _ in range(layers)))

    def forward(self, x: Tensor, place: Tensor) -> Tensor:
        """(B, L, D), (B,) -> (B, D): the output at one place of each row; the last block computes no other."""
        recompute = self.checkpointing and self.training
        for block in self.resblocks[:-1]:
            x = run_block(recompute, block, x)
        return run_block(recompute, self.resblocks[-1], x, place)


class VisionTransformer(nn.Module):
    """ViT with one more layer norm before the first block (section 2.4)."""

    patch_dropout = 0.0
    """Share of each picture's patches that training leaves out, drawn anew each time (FLIP, arXiv 2212.00794)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        assert isinstance(config.vision_layers, int) and config.patch_size
        width, patch = config.vision_width, config.patch_size
        tokens = (config.image_size // patch) ** 2 + 1
        scale = width**-0.5
        self.patch = patch
        self.conv1 = nn.Conv2d(3, width, kernel_size=patch, stride=patch, bias=False)
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(tokens, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, config.vision_layers, config.vision_heads, False, config.activation)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(scale * torch.randn(width, config.embed_dim))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, size, size) -> (B, E)"""
        batch, channels, height, width = x.shape
        patch = self.patch
        rows, columns = height // patch, width // patch
        # conv1 never overlaps, so it is one matrix product over flattened patches: faster than the convolution.
        x = x.view(batch, channels, rows, patch, columns, patch).permute(0, 2, 4, 1, 3, 5)
        x = F.linear(x.reshape(batch, rows * columns, channels * patch * patch), self.conv1.weight.flatten(1))
        x = torch.cat([self.class_embedding.to(x.dtype).expand(batch, 1, -1), x], dim=1) + self.positional_embedding
        if self.training and self.patch_dropout > 0:
            x = self._drop_patches(x)
        class_token = torch.zeros(batch, dtype=torch.int64, device=x.device)
        return self.ln_post(self.transformer(self.ln_pre(x), class_token)) @ self.proj

    def _drop_patches(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, 1 + kept, D): the class token and a random choice of the others, at least one."""
        batch, tokens, width = x.shape
        kept = max(1, round((tokens - 1) * (1 - self.patch_dropout)))
        chosen = torch.rand(batch, tokens - 1, device=x.device).topk(kept, dim=1).indices + 1
        return torch.cat([x[:, :1], x.gather(1, chosen.unsqueeze(-1).expand(-1, -1, width))], dim=1)


class CLIP(nn.Module):
    """Two towers, a linear projection each, and a learned temperature."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.visual = VisionTransformer(config) if config.patch_size else ModifiedResNet(config)
        self.transformer = Transformer(config.text_width, config.text_layers, config.text_heads, True, config.activation)
        self.token_embedding = nn.Embedding(config.vocab_size, config.text_width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context_length, config.text_width))
        self.ln_final = nn.LayerNorm(config.text_width)
        self.text_projection = nn.Parameter(torch.empty(config.text_width, config.embed_dim))
        # tau = 0.07 (section 2.5), kept as the logarithm of its inverse.
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        if config.logit_bias:
            # The sigmoid loss starts at a scale of 10 and at few positives (SigLIP, arXiv 2303.15343, section 3.2).
            self.logit_scale.data.fill_(math.log(10))
            self.logit_bias = nn.Parameter(torch.tensor(-10.0))
        self._initialise()

    def _initialise(self) -> None:
        """As in the released code: the text tower by width and depth, the picture tower by PyTorch's usual draws."""
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        width, layers = self.config.text_width, self.config.text_layers
        for block in self.transformer.resblocks:
            nn.init.normal_(block.attn.in_proj_weight, std=width**-0.5)
            nn.init.normal_(block.attn.out_proj.weight, std=width**-0.5 * (2 * layers) ** -0.5)
            nn.init.normal_(block.mlp.c_fc.weight, std=(2 * width) ** -0.5)
            nn.init.normal_(block.mlp.c_proj.weight, std=width**-0.5 * (2 * layers) ** -0.5)
            nn.init.zeros_(block.attn.out_proj.bias)
        nn.init.normal_(self.text_projection, std=width**-0.5)
        if isinstance(self.visual, VisionTransformer):
            for block in self.visual.transformer.resblocks:
                nn.init.xavier_uniform_(block.attn.in_proj_weight)
                nn.init.zeros_(block.attn.out_proj.bias)

    def encode_image(self, images: Tensor) -> Tensor:
        """(B, 3, size, size) normalised floats -> (B, E), not normalised"""
        return self.visual(images)

    def encode_text(self, tokens: Tensor) -> Tensor:
        """(B, L) token ids -> (B, E), not normalised; L may be anything up to the context length.

        Attention is causal and only the end token is read, so whatever follows it, padding included, cannot matter:
        a batch may be cropped to its longest caption with the same result.
        """
        return self._encode_embedded(self.token_embedding(tokens), tokens)

    def _encode_embedded(self, x: Tensor, tokens: Tensor) -> Tensor:
        # The end token has the highest id.
        x = self.transformer(x + self.positional_embedding[: tokens.shape[1]], tokens.argmax(dim=-1))
        return self.ln_final(x) @ self.text_projection

    def encode_sorted_text(self, text: SortedText) -> Tensor:
        """What `encode_text` gives for the whole batch, without computing the padding of short captions."""
        # One look-up for all: the gradient of the embedding is as large as the vocabulary each time.
        embedded = self.token_embedding(torch.cat([tokens.flatten() for tokens in text.pieces]))
        rows = embedded.split([tokens.numel() for tokens in text.pieces])
        encoded = [self._encode_embedded(x.view(*tokens.shape, x.shape[-1]), tokens) for x, tokens in zip(rows, text.pieces, strict=True)]
        return torch.cat(encoded)[text.place]

    def forward(self, images: Tensor, tokens: Tensor | SortedText) -> tuple[Tensor, Tensor]:
        """-> (B, E), (B, E), both of length one, in float32"""
        text = self.encode_text(tokens) if isinstance(tokens, Tensor) else self.encode_sorted_text(tokens)
        return F.normalize(self.encode_image(images).float(), dim=-1), F.normalize(text.float(), dim=-1)


class SortedText:
    """A batch of token ids cut into pieces of captions of about the same length, each as short as its longest."""

    SHARES = (0.5, 0.875, 1.0)
    """The shorter half, most of the rest, the longest eighth: three calls cost less than the padding of one."""

    WORTH_IT = 0.8

    def __init__(self, pieces: list[Tensor], place: Tensor):
        self.pieces = pieces
        """(n, L) each"""
        self.place = place
        """(B,) where in the concatenated pieces each row of the batch is"""

    @staticmethod
    def cut(tokens: Tensor, shares: Sequence[float] = SHARES, multiple: int = 1) -> SortedText:
        """(B, L) on the CPU; lengths are rounded up to a `multiple`, as GPUs and compiled models prefer."""
        lengths = tokens.argmax(dim=-1) + 1
        order = lengths.argsort(stable=True)
        if len(tokens) == 0:
            return SortedText([tokens], order)
        ends = sorted({round(len(tokens) * share) for share in shares} - {0})
        widths = [-(-int(lengths[order[end - 1]]) // multiple) * multiple for end in ends]
        pieces, start = [], 0
        for number, (end, width) in enumerate(zip(ends, widths, strict=True)):
            # A piece hardly shorter than the next one saves less than a call costs.
            if number + 1 == len(ends) or width < SortedText.WORTH_IT * widths[number + 1]:
                pieces.append(tokens[order[start:end], :width])
                start = end
        return SortedText(pieces, order.argsort())

    def to(self, device: torch.device) -> SortedText:
        """The same on another device."""
        return SortedText([piece.to(device, non_blocking=True) for piece in self.pieces], self.place.to(device, non_blocking=True))
