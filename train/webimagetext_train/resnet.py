"""The paper's modified ResNet (section 2.4): a stem of three convolutions, blur before every stride, attention pooling."""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .memory import run_block
from .presets import ModelConfig


class Bottleneck(nn.Module):
    """Residual block whose stride is an average pool before the last convolution (anti-aliasing)."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int):
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        # A block begins as the identity.
        nn.init.zeros_(self.bn3.weight)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or inputs != outputs:
            # The names "0" and "1" are those of the released checkpoints; the pool holds no parameters.
            self.downsample = nn.Sequential(
                OrderedDict(
                    [
                        ("-1", nn.AvgPool2d(stride)),
                        ("0", nn.Conv2d(inputs, outputs, 1, bias=False)),
                        ("1", nn.BatchNorm2d(outputs)),
                    ]
                )
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 planes, H/stride, W/stride)"""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.avgpool(F.relu(self.bn2(self.conv2(x))))
        return F.relu(self.bn3(self.conv3(x)) + shortcut)


class AttentionPool2d(nn.Module):
    """One attention query, the mean of all places, instead of global average pooling."""

    def __init__(self, side: int, width: int, heads: int, outputs: int):
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.randn(side * side + 1, width) / width**0.5)
        self.k_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, outputs)
        for layer in (self.k_proj, self.q_proj, self.v_proj, self.c_proj):
            nn.init.normal_(layer.weight, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, side, side) -> (B, outputs)"""
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([x.mean(dim=1, keepdim=True), x], dim=1) + self.positional_embedding

        def split(y: Tensor) -> Tensor:
            # All sizes named: there may be no row at all, where a process' pictures are all broken.
            return y.view(*y.shape[:2], self.heads, y.shape[-1] // self.heads).transpose(1, 2)

        mixed = F.scaled_dot_product_attention(split(self.q_proj(x[:, :1])), split(self.k_proj(x)), split(self.v_proj(x)))
        return self.c_proj(mixed.transpose(1, 2).flatten(1))


class ModifiedResNet(nn.Module):
    """Picture tower of the RN presets."""

    checkpointing = False
    """As in the transformer: keep only the blocks' inputs for the backward pass."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        assert not isinstance(config.vision_layers, int)
        width = config.vision_width
        self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.avgpool = nn.AvgPool2d(2)
        inputs = width
        for stage, blocks in enumerate(config.vision_layers):
            planes = width * 2**stage
            layers = []
            for block in range(blocks):
                layers.append(Bottleneck(inputs, planes, stride=2 if stage > 0 and block == 0 else 1))
                inputs = planes * Bottleneck.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.attnpool = AttentionPool2d(config.image_size // 32, inputs, config.vision_heads, config.embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, size, size) -> (B, E)"""
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = self.avgpool(F.relu(self.bn3(self.conv3(x))))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in layer:
                x = run_block(self.checkpointing and self.training, block, x)
        return self.attnpool(x)
