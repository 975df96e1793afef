"""Zero-shot classification (sections 3.1.2 to 3.1.4): a picture gets the class whose captions lie nearest to it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import UserError
from .features import Embedder, Pictures
from .prompts import PLACE
from .tasks import Classification


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a proportion; also right near 0 and 1, where the usual one is not."""
    z = 1.959964
    p, spread = successes / trials, z * z / trials
    middle = (p + spread / 2) / (1 + spread)
    reach = z * math.sqrt(p * (1 - p) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, min(p, middle - reach)), min(1.0, max(p, middle + reach))


def caption_embeddings(embedder: Embedder, names: list[str], templates: list[str]) -> Tensor:
    """-> (classes, templates, E) of length one"""
    captions = [template.replace(PLACE, name) for name in names for template in templates]
    return F.normalize(embedder.captions(captions), dim=-1).view(len(names), len(templates), -1)


def ensemble(embeddings: Tensor) -> Tensor:
    """(classes, templates, E) -> (classes, E): the mean of a class's unit vectors, of length one again (section 3.1.4)"""
    return F.normalize(embeddings.mean(dim=1), dim=-1)


def scores(features: Tensor, targets: Tensor, weights: Tensor) -> dict:
    """Top-1 with its interval, top-5, and the mean recall over the classes that occur."""
    best = torch.cat([(F.normalize(rows, dim=-1) @ weights.T).topk(min(5, len(weights)), dim=-1).indices for rows in features.split(4096)])
    right = best[:, 0] == targets
    counts = torch.bincount(targets, minlength=len(weights))
    recalls = torch.bincount(targets[right], minlength=len(weights))[counts > 0] / counts[counts > 0]
    hits = int(right.sum())
    return {
        "top1": hits / len(targets),
        "ci": list(wilson(hits, len(targets))),
        "top5": int((best == targets[:, None]).any(dim=1).sum()) / len(targets),
        "mean_per_class_recall": recalls.double().mean().item(),
    }


def picture_features(embedder: Embedder, task: Classification) -> tuple[Pictures, Tensor]:
    """The test pictures that could be read, and their classes."""
    targets = torch.tensor([task.test.target(number) for number in range(len(task.test))], dtype=torch.int64)
    pictures = embedder.pictures(len(task.test), task.test.picture, task.test.fingerprint())
    if len(pictures.numbers) == 0:
        raise UserError(f"{task.name}/test holds no picture that can be read: build the task again")
    return pictures, targets[pictures.numbers]


def classify(embedder: Embedder, task: Classification, alone: bool = True) -> dict:
    """The ensemble's scores; with `alone` also each template's and the bare name's top-1, to show what prompts gain."""
    pictures, targets = picture_features(embedder, task)
    embeddings = caption_embeddings(embedder, task.classes, task.templates)
    result = {
        "task": task.name,
        "kind": "zero-shot",
        **scores(pictures.features, targets, ensemble(embeddings)),
        "chance": 1 / len(task.classes),
        "classes": len(task.classes),
        "samples": len(targets),
        "broken": pictures.broken,
        "templates": len(task.templates),
    }
    if alone:
        bare = ensemble(caption_embeddings(embedder, task.classes, [PLACE]))
        result["name_alone"] = scores(pictures.features, targets, bare)["top1"]
        result["each_template"] = {template: scores(pictures.features, targets, embeddings[:, number])["top1"] for number, template in enumerate(task.templates)}
    return result
