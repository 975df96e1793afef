"""open_clip 3.3.0 beside a CPU build of torch, as the other side of benchmarks and parity tests."""

from __future__ import annotations

import torch

_LIBRARIES = []


def import_open_clip():
    """The package. Its torchvision, built for CUDA, registers no operators on a CPU, but asks for two of them by name."""
    if not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES.append(library)  # undone when it is collected
    import open_clip

    return open_clip
