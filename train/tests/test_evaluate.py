"""Zero-shot classification: class weights, the interval, and models whose score is known beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import SMALL, plain_square, tar_bytes
from torch import Tensor

from webimagetext_train.features import Embedder
from webimagetext_train.images import normalise
from webimagetext_train.model import CLIP
from webimagetext_train.results import sentence
from webimagetext_train.tasks import find_task
from webimagetext_train.tokenizer import ClipTokenizer
from webimagetext_train.zeroshot import caption_embeddings, classify, ensemble, wilson

CLASSES = ["black", "red", "green", "blue", "yellow", "cyan", "white"]
COLOURS = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 255, 255)]
TEMPLATES = ["a {c} square", "{c}"]


def make_task(folder: Path, classes: list[int], templates: list[str] = TEMPLATES) -> Path:
    """Plain squares; sample i is of class classes[i]."""
    files = []
    for number, target in enumerate(classes):
        files += [(f"{number:03}.png", plain_square(COLOURS[target])), (f"{number:03}.cls", f"{target}\n".encode())]
    (folder / "test").mkdir(parents=True)
    (folder / "test" / "0.tar").write_bytes(tar_bytes(files))
    (folder / "classnames.txt").write_text("\n".join(CLASSES) + "\n")
    (folder / "zeroshot_classification_templates.txt").write_text("\n".join(templates) + "\n\n")
    return folder


@pytest.fixture
def model(tokenizer: ClipTokenizer) -> CLIP:
    torch.manual_seed(0)
    return CLIP(SMALL.with_vocabulary(tokenizer.size))


def _evaluate(model: CLIP, tokenizer: ClipTokenizer, task: Path, batch_size: int = 256) -> dict:
    return classify(Embedder(model, tokenizer, batch_size=batch_size), find_task(str(task)))


def _class_weights(model: CLIP, tokenizer: ClipTokenizer, batch_size: int = 256) -> Tensor:
    return ensemble(caption_embeddings(Embedder(model, tokenizer, batch_size=batch_size), CLASSES, TEMPLATES))


def _sees(model: CLIP, answer: Callable[[int], int], weights: Tensor) -> None:
    """Makes the picture tower answer class c with the text features of class answer(c)."""
    pixels = normalise(torch.tensor(COLOURS, dtype=torch.uint8).view(-1, 3, 1, 1))[:, :, 0, 0]

    def encode_image(images: Tensor) -> Tensor:
        classes = torch.cdist(images[:, :, 0, 0], pixels).argmin(dim=1)
        return 5 * weights[[answer(target) for target in classes.tolist()]]

    model.encode_image = encode_image  # type: ignore[method-assign]


def test_class_weights_are_means_of_unit_vectors_of_length_one(model: CLIP, tokenizer: ClipTokenizer) -> None:
    weights = _class_weights(model, tokenizer)
    assert weights.shape == (len(CLASSES), SMALL.embed_dim)
    torch.testing.assert_close(weights.norm(dim=-1), torch.ones(len(CLASSES)))
    for row, name in enumerate(CLASSES):
        captions = [template.replace("{c}", name) for template in TEMPLATES]
        with torch.no_grad():
            features = [F.normalize(model.encode_text(torch.from_numpy(tokenizer.encode([caption], 16))), dim=-1)[0] for caption in captions]
        torch.testing.assert_close(weights[row], F.normalize(sum(features), dim=0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(_class_weights(model, tokenizer, batch_size=3), weights, atol=1e-5, rtol=1e-5)


def test_a_perfect_model(model: CLIP, tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    task = make_task(tmp_path / "squares", [0, 1, 2, 3, 4, 5, 6, 6, 6])
    _sees(model, lambda target: target, _class_weights(model, tokenizer))
    for batch_size in (1, 4, 256):
        result = _evaluate(model, tokenizer, task, batch_size)
        assert (result["top1"], result["top5"], result["mean_per_class_recall"]) == (1, 1, 1)
    alone = result.pop("name_alone"), result.pop("each_template")
    assert list(alone[1]) == TEMPLATES and alone[0] == alone[1]["{c}"]
    assert result == {
        **{"task": "squares", "kind": "zero-shot", "top1": 1, "top5": 1, "mean_per_class_recall": 1, "ci": list(wilson(9, 9)), "chance": 1 / 7},
        **{"classes": 7, "samples": 9, "broken": 0, "templates": 2},
    }
    assert sentence(result).startswith("squares: zero-shot top-1 100.0% (95 % CI 70.1% to 100.0%), top-5 100.0%, chance 14.3%; 9 pictures")


def test_a_model_that_always_says_white(model: CLIP, tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    """Right as often as there is white; recall counts classes alike, and only those that occur."""
    task = make_task(tmp_path / "squares", [0, 1, 2, 6, 6, 6, 6, 6])
    _sees(model, lambda _: 6, _class_weights(model, tokenizer))
    result = _evaluate(model, tokenizer, task)
    assert result["top1"] == 5 / 8
    assert result["mean_per_class_recall"] == 1 / 4
    assert 5 / 8 <= result["top5"] <= 1


def test_a_model_that_is_always_one_off(model: CLIP, tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    _sees(model, lambda target: (target + 1) % 7, _class_weights(model, tokenizer))
    result = _evaluate(model, tokenizer, make_task(tmp_path / "squares", list(range(7))))
    assert (result["top1"], result["ci"][0]) == (0, 0)


def test_an_ensemble_may_be_right_where_a_template_is_wrong(model: CLIP, tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    """Each template alone is judged by its own captions, the ensemble by their mean."""
    each = caption_embeddings(Embedder(model, tokenizer), CLASSES, TEMPLATES)
    _sees(model, lambda target: target, each[:, 0])
    result = _evaluate(model, tokenizer, make_task(tmp_path / "squares", list(range(7))))
    assert result["each_template"]["a {c} square"] == 1
    expected = (each[:, 0] @ each[:, 1].T).argmax(dim=1).eq(torch.arange(7)).float().mean().item()
    assert result["each_template"]["{c}"] == pytest.approx(expected)
    assert result["top1"] == pytest.approx((each[:, 0] @ ensemble(each).T).argmax(dim=1).eq(torch.arange(7)).float().mean().item())


def test_the_result_does_not_depend_on_the_batches(model: CLIP, tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    task = make_task(tmp_path / "squares", [0, 1, 2, 3, 4])
    model.train()
    assert _evaluate(model, tokenizer, task, 1) == _evaluate(model, tokenizer, task, 5)
    assert not model.training


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (5, 10), (1, 1000), (763, 1000), (0, 1)])
def test_wilson(successes: int, trials: int) -> None:
    """By its definition: the proportions from which the one observed lies 1.96 standard deviations away."""
    p = successes / trials
    low, high = wilson(successes, trials)
    assert 0 <= low <= p <= high <= 1
    for end in {low, high} - {0.0, 1.0}:
        assert abs(p - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / trials), rel=1e-9)
    assert (low == pytest.approx(0, abs=1e-12)) == (successes == 0)
    assert (high == pytest.approx(1, abs=1e-12)) == (successes == trials)


def test_wilson_of_five_in_ten() -> None:
    assert wilson(5, 10) == pytest.approx((0.2365931, 0.7634069), abs=1e-6)
