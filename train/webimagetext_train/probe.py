"""Linear probes (section 3.2, appendix A.3): logistic regression on the picture tower's output, fitted by L-BFGS.

The objective is scikit-learn's, sum of cross-entropies + |W|^2 / 2C, on features of mean 0 and deviation 1 in the
training pictures. C is chosen on a fifth of the training pictures by the paper's search: a coarse sweep, then the
range around the best is halved.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import UserError
from .features import Embedder
from .tasks import Classification
from .zeroshot import picture_features, wilson

FEW_SHOT_C = 0.1
"""With a picture or two of each class there is nothing to choose it on."""
COARSE = (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0)
"""Powers of ten that C is tried at first."""
DRAWS = 3
"""Few-shot figures are means over so many draws of the pictures."""


def fit(features: Tensor, targets: Tensor, classes: int, c: float, iterations: int = 1000) -> tuple[Tensor, Tensor]:
    """(N, D), (N,) -> weights (classes, D) and biases (classes,) in float64"""
    x = features.double()
    weights = torch.zeros(classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    biases = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, biases], max_iter=iterations, history_size=10, tolerance_grad=1e-7, tolerance_change=1e-12, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        # Divided by N, or the first step of the line search would depend on it.
        loss = (F.cross_entropy(x @ weights.T + biases, targets, reduction="sum") + weights.square().sum() / (2 * c)) / len(x)
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach(), biases.detach()


def accuracy(model: tuple[Tensor, Tensor], features: Tensor, targets: Tensor) -> float:
    """Share of the rows that get their class."""
    weights, biases = model
    return (features.double() @ weights.T + biases).argmax(dim=1).eq(targets).double().mean().item()


def choose_c(features: Tensor, targets: Tensor, classes: int, seed: int = 0) -> float:
    """Within an eighth of a decade, by the accuracy on a fifth of the rows."""
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    held, kept = order[: max(1, len(order) // 5)], order[max(1, len(order) // 5) :]
    known: dict[float, float] = {}

    def score(power: float) -> float:
        if power not in known:
            known[power] = accuracy(fit(features[kept], targets[kept], classes, 10.0**power, iterations=200), features[held], targets[held])
        return known[power]

    best, step = max(COARSE, key=score), 1.0
    while step >= 1 / 8:
        best = max((best, best - step, best + step), key=score)
        step /= 2
    return 10.0**best


def draw(targets: Tensor, shots: int, seed: int) -> Tensor:
    """Rows of `shots` pictures of each class, or all of a class that has fewer."""
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    shuffled = targets[order]
    return torch.cat([order[shuffled == target][:shots] for target in targets.unique().tolist()])


def probe(embedder: Embedder, task: Classification, shots: tuple[int, ...], full: bool = True) -> dict:
    """`few_shot`: shots -> mean and deviation of the accuracy; `linear_probe` on all training pictures when `full`."""
    if task.train is None:
        raise UserError(f"{task.name} has no train/ beside test/, and a probe must be trained: add it, or leave out --probe")
    train = embedder.pictures(len(task.train), task.train.picture, task.train.fingerprint())
    if len(train.numbers) < 2:
        raise UserError(f"{task.name}/train holds {len(train.numbers)} pictures that can be read, and a probe needs two: build the task again, or leave out --probe")
    targets = torch.tensor([task.train.target(number) for number in train.numbers.tolist()], dtype=torch.int64)
    test, test_targets = picture_features(embedder, task)
    mean, deviation = train.features.mean(dim=0), train.features.std(dim=0).clamp_min(1e-6)
    rows, test_rows = (train.features - mean) / deviation, (test.features - mean) / deviation
    classes = len(task.classes)
    curve = {}
    for count in shots:
        found = torch.tensor(
            [accuracy(fit(rows[chosen], targets[chosen], classes, FEW_SHOT_C), test_rows, test_targets) for chosen in (draw(targets, count, seed) for seed in range(DRAWS))]
        )
        curve[str(count)] = {"top1": found.mean().item(), "deviation": found.std().item()}
    result: dict = {"few_shot": curve}
    if full:
        c = choose_c(rows, targets, classes)
        top1 = accuracy(fit(rows, targets, classes, c), test_rows, test_targets)
        result["linear_probe"] = {"top1": top1, "ci": list(wilson(round(top1 * len(test_targets)), len(test_targets))), "c": c, "training_pictures": len(targets)}
    return result
