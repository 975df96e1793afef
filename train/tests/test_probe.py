"""Logistic regression on features that are known."""

from __future__ import annotations

import random
from pathlib import Path
from xml.etree import ElementTree

import digits
import pytest
import torch
from conftest import SMALL

from webimagetext_train.errors import UserError
from webimagetext_train.features import Embedder
from webimagetext_train.model import CLIP
from webimagetext_train.plot import plot
from webimagetext_train.probe import accuracy, choose_c, draw, fit, probe
from webimagetext_train.results import figures, sentence
from webimagetext_train.tasks import Classification
from webimagetext_train.tokenizer import ClipTokenizer
from webimagetext_train.zeroshot import classify


def _clouds(count: int, seed: int, apart: float = 4.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Three clouds in ten dimensions."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(count) % 3
    return torch.randn(count, 10, generator=generator) + apart * torch.eye(3, 10)[targets], targets


def test_the_gradient_at_the_end_is_zero() -> None:
    """By the objective itself: the sum of cross-entropies and |W|^2 / 2C."""
    rows, targets = _clouds(60, 0, apart=1.0)
    weights, biases = (value.requires_grad_() for value in fit(rows, targets, 3, c=0.5))
    loss = torch.nn.functional.cross_entropy(rows.double() @ weights.T + biases, targets, reduction="sum") + weights.square().sum() / (2 * 0.5)
    loss.backward()
    assert weights.grad is not None and weights.grad.abs().max() < 1e-3
    assert biases.grad is not None and biases.grad.abs().max() < 1e-3


def test_clouds_are_told_apart() -> None:
    model = fit(*_clouds(90, 0), 3, c=1.0)
    assert accuracy(model, *_clouds(300, 1)) > 0.95
    assert 1e-6 <= choose_c(*_clouds(90, 0), 3) <= 1e6


def test_draws() -> None:
    targets = torch.tensor([0] * 10 + [2] * 3)
    rows = draw(targets, 4, seed=0)
    assert sorted(targets[rows].tolist()) == [0] * 4 + [2] * 3
    assert len(set(rows.tolist())) == len(rows)
    assert draw(targets, 4, seed=0).tolist() == rows.tolist() != draw(targets, 4, seed=1).tolist()


class Written:
    """Single digits."""

    def __init__(self, each: int, first: int):
        pictures = digits.read_digits()
        self.rows = [(pictures[digit][first + number], digit) for number in range(each) for digit in (0, 1, 7)]

    def __len__(self) -> int:
        return len(self.rows)

    def picture(self, index: int) -> bytes:
        ink = self.rows[index][0]
        return digits.draw(ink, ink, random.Random(index), 32)

    def target(self, index: int) -> int:
        return (0, 1, 7).index(self.rows[index][1])

    def fingerprint(self) -> str:
        return f"{len(self.rows)}"


def test_few_shots_and_all(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    """Even a tower that has learnt nothing keeps a zero and a one apart; more pictures a class help."""
    torch.manual_seed(0)
    embedder = Embedder(CLIP(SMALL.with_vocabulary(tokenizer.size)), tokenizer)
    task = Classification("three", ["zero", "one", "seven"], ["{c}"], Written(40, 500), Written(60, 0))
    result = {**classify(embedder, task), **probe(embedder, task, (1, 16))}
    assert list(result["few_shot"]) == ["1", "16"]
    assert 1 / 3 < result["few_shot"]["1"]["top1"] < result["few_shot"]["16"]["top1"] <= 1
    assert result["linear_probe"]["top1"] > 0.7 and result["linear_probe"]["training_pictures"] == 180
    assert {metric for metric, *_ in figures(result)} >= {"top1", "few_shot_1", "few_shot_16", "linear_probe"}
    assert "few-shot top-1: 1 a class" in sentence(result)
    drawing = ElementTree.fromstring(plot(result))
    dots = [dot[0].text for dot in drawing.iter("{http://www.w3.org/2000/svg}circle")]
    assert dots == [f"{shots} a class: {found['top1']:.1%}" for shots, found in result["few_shot"].items()]


def test_nothing_to_train_on(tokenizer: ClipTokenizer) -> None:
    embedder = Embedder(CLIP(SMALL.with_vocabulary(tokenizer.size)), tokenizer)
    with pytest.raises(UserError, match="has no train/ beside test/"):
        probe(embedder, Classification("three", ["a", "b", "c"], ["{c}"], Written(2, 0)), (1,))
    lonely = Written(1, 0)
    lonely.rows = lonely.rows[:1]
    with pytest.raises(UserError, match="three/train holds 1 pictures .* a probe needs two"):
        probe(embedder, Classification("three", ["a", "b", "c"], ["{c}"], Written(2, 0), lonely), (1,))
