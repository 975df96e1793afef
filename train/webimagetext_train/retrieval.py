"""Finding pictures by caption and captions by picture: recall at 1, 5 and 10 (section 3.2, table 13)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import UserError
from .features import Embedder
from .tasks import Retrieval
from .zeroshot import wilson

AT = (1, 5, 10)


def ranks(queries: Tensor, items: Tensor, pairs: Tensor, chunk: int = 1024) -> Tensor:
    """(Q, E), (N, E) of length one, (P, 2) rows (query, item) that belong together -> (Q,) rank of the best own item.

    One is the top. A stranger that lies exactly as near as the own item counts as nearer: a model that gives everything
    the same embedding finds nothing.
    """
    result = torch.empty(len(queries), dtype=torch.int64)
    order = pairs[pairs[:, 0].argsort()]
    bounds = torch.searchsorted(order[:, 0].contiguous(), torch.arange(len(queries) + 1))
    for start in range(0, len(queries), chunk):
        stop = min(start + chunk, len(queries))
        similar = queries[start:stop] @ items.T
        rows = order[bounds[start] : bounds[stop]]
        query, item = rows[:, 0] - start, rows[:, 1]
        best = torch.full((stop - start,), -torch.inf).scatter_reduce(0, query, similar[query, item], "amax")
        similar[query, item] = -torch.inf  # the query's other items are no strangers
        result[start:stop] = 1 + (similar >= best[:, None]).sum(dim=1)
    return result


def recalls(ranks: Tensor) -> dict[str, float]:
    """Share of the queries whose own item is among the first 1, 5, 10, and the median rank."""
    shares = {f"R@{k}": (ranks <= k).double().mean().item() for k in AT}
    return {**shares, "median_rank": ranks.double().quantile(0.5).item()}


def retrieve(embedder: Embedder, task: Retrieval) -> dict:
    """Both directions. Captions that are equal are one caption, which belongs to all its pictures."""
    pictures = embedder.pictures(len(task.index), lambda number: task.index.read(number, 0), task.fingerprint())
    if len(pictures.numbers) == 0:
        raise UserError(f"{task.name} holds no picture that can be read: build the task again")
    number_of: dict[str, int] = {}
    pairs = [
        (row, number_of.setdefault(caption, len(number_of))) for row, sample in enumerate(pictures.numbers.tolist()) for caption in task.captions(sample)
    ]
    without = set(range(len(pictures.numbers))) - {row for row, _ in pairs}
    if without:
        key = task.index.key(int(pictures.numbers[min(without)]))
        raise UserError(f"{task.name}: {key}.txt is empty (KEY.txt of {len(without)} pictures): each needs a caption, or several, one a line")
    texts = F.normalize(embedder.captions(list(number_of)), dim=-1)
    rows = F.normalize(pictures.features, dim=-1)
    both = torch.tensor(sorted(set(pairs)), dtype=torch.int64)
    to_text, to_image = ranks(rows, texts, both), ranks(texts, rows, both.flip(1))
    return {
        "task": task.name,
        "kind": "retrieval",
        "image_to_text": {**recalls(to_text), "ci": list(wilson(int((to_text == 1).sum()), len(rows)))},
        "text_to_image": {**recalls(to_image), "ci": list(wilson(int((to_image == 1).sum()), len(texts)))},
        "samples": len(rows),
        "captions": len(texts),
        "broken": pictures.broken,
    }
