"""Ranks against their definition, and models that find everything or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import SMALL, plain_square, tar_bytes

from webimagetext_train.errors import UserError
from webimagetext_train.features import Embedder
from webimagetext_train.model import CLIP
from webimagetext_train.results import figures, sentence
from webimagetext_train.retrieval import ranks, recalls, retrieve
from webimagetext_train.tasks import Retrieval, find_task
from webimagetext_train.tokenizer import ClipTokenizer


def test_ranks_by_their_definition() -> None:
    torch.manual_seed(0)
    queries, items = F.normalize(torch.randn(40, 6), dim=-1), F.normalize(torch.randn(60, 6), dim=-1)
    own = {query: torch.randperm(60)[: 1 + query % 3].tolist() for query in range(40)}
    pairs = torch.tensor([(query, item) for query in own for item in own[query]])[torch.randperm(sum(map(len, own.values())))]
    expected = []
    for query in range(40):
        similar = (queries[query] @ items.T).tolist()
        best = max(similar[item] for item in own[query])
        expected.append(1 + sum(value >= best for item, value in enumerate(similar) if item not in own[query]))
    for chunk in (7, 1024):
        assert ranks(queries, items, pairs, chunk).tolist() == expected
    assert recalls(torch.tensor([1, 1, 3, 7, 20])) == {"R@1": 0.4, "R@5": pytest.approx(0.6), "R@10": 0.8, "median_rank": 3}


def test_who_gives_everything_the_same_place_finds_nothing() -> None:
    same = F.normalize(torch.ones(5, 4), dim=-1)
    assert ranks(same, same, torch.arange(5).repeat(2, 1).T).tolist() == [5] * 5


def _task(folder: Path, captions: list[str]) -> Retrieval:
    files = []
    for number, caption in enumerate(captions):
        files += [(f"{number}.png", plain_square((40 * number, 0, 255 - 40 * number))), (f"{number}.txt", caption.encode())]
    (folder / "test").mkdir(parents=True)
    (folder / "test" / "0.tar").write_bytes(tar_bytes(files))
    task = find_task(str(folder))
    assert isinstance(task, Retrieval)
    return task


def test_a_model_that_knows(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    """Equal captions are one, and each of its pictures finds it."""
    task = _task(tmp_path / "squares", ["one\nthe number one", "two", "three", "two"])
    torch.manual_seed(0)
    embedder = Embedder(CLIP(SMALL.with_vocabulary(tokenizer.size)), tokenizer)
    texts = embedder.captions(["one", "two", "three", "two"])
    embedder.model.encode_image = lambda images: texts  # type: ignore[method-assign]
    result = retrieve(embedder, task)
    assert (result["samples"], result["captions"]) == (4, 4)
    assert result["image_to_text"]["R@1"] == 1
    assert result["text_to_image"]["R@5"] == 1
    assert {metric for metric, *_ in figures(result)} >= {"image_to_text_R@1", "text_to_image_R@10", "text_to_image_median_rank"}
    assert sentence(result).splitlines()[1].startswith("  captions for a picture: R@1 100.0%, R@5 100.0%")


def test_a_picture_without_words(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    embedder = Embedder(CLIP(SMALL.with_vocabulary(tokenizer.size)), tokenizer)
    with pytest.raises(UserError, match=r"squares: 0/1\.txt is empty \(KEY\.txt of 1 pictures\)"):
        retrieve(embedder, _task(tmp_path / "squares", ["one", " \n"]))
