"""A step is the same however it is cut up, recomputed or sorted; what is random is a function of the step."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from conftest import SMALL
from torch import Tensor

from webimagetext_train.errors import UserError
from webimagetext_train.guard import Guard
from webimagetext_train.images import normalise
from webimagetext_train.loss import LOSSES, clip_loss, sigmoid_loss
from webimagetext_train.model import CLIP, SortedText
from webimagetext_train.optim import Average, make_optimizer
from webimagetext_train.presets import PRESETS, TINY, ModelConfig
from webimagetext_train.step import Stepper, StepOptions, StepResult

ROWS = 21
RESNET = ModelConfig("small ResNet", 32, 32, (1, 1, 1, 1), 8, None, 4, 64, 1, 1, context_length=16, vocab_size=600)
CPU = torch.device("cpu")


def _batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.zeros(ROWS, 16, dtype=torch.int64)
    for row in range(ROWS):
        length = 3 + row % 14
        tokens[row, : length - 1] = torch.randint(0, 598, (length - 1,), generator=generator)
        tokens[row, length - 1] = 599
    return torch.randint(0, 256, (ROWS, 3, 32, 32), dtype=torch.uint8, generator=generator), tokens


def _model(config: ModelConfig = SMALL) -> CLIP:
    torch.manual_seed(0)
    model = CLIP(config)
    for name, parameter in model.named_parameters():
        # A residual block begins as the identity: its weights would get no gradient.
        if name.endswith("bn3.weight"):
            torch.nn.init.ones_(parameter)
    return model


def _step(options: StepOptions, config: ModelConfig = SMALL, model: CLIP | None = None, steps: int = 1) -> tuple[StepResult, CLIP]:
    """The last result, and the model with that step's gradients."""
    model = model or _model(config)
    stepper = Stepper(model, CPU, options)
    optimizer = make_optimizer(model, PRESETS[TINY].recipe)
    for number in range(1, steps + 1):
        result = stepper.step(number, *_batch(), optimizer, Guard(0))
    return result, model


def _gradients(model: CLIP) -> dict[str, Tensor]:
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters()}


def _plain(config: ModelConfig) -> tuple[float, dict[str, Tensor]]:
    """The loss as the paper writes it, and autograd."""
    model = _model(config)
    images, tokens = _batch()
    features = model(normalise(images), tokens)
    loss = sigmoid_loss(*features, model.logit_scale, model.logit_bias) if config.logit_bias else clip_loss(*features, model.logit_scale)
    loss.backward()
    return loss.item(), _gradients(model)


def _assert_near(gradients: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    for name, gradient in expected.items():
        assert (gradients[name] - gradient).norm() <= tolerance * gradient.norm() + 1e-9, name


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("options", [StepOptions(), StepOptions(accum=8), StepOptions(accum=5, checkpointing=True), StepOptions(sort_text=False)], ids=repr)
def test_any_way_to_compute_a_step_gives_the_big_batchs_gradients(loss: str, options: StepOptions) -> None:
    config = replace(SMALL, logit_bias=loss == "sigmoid")
    expected, gradients = _plain(config)
    result, model = _step(options, config)
    assert result.loss == pytest.approx(expected, rel=1e-6)
    _assert_near(_gradients(model), gradients)
    length = torch.cat([gradient.double().flatten() for gradient in gradients.values()]).norm().item()
    assert result.gradient_norm == pytest.approx(length, rel=1e-5)


def test_a_resnet_recomputes_without_counting_its_statistics_twice() -> None:
    plain, model = _step(StepOptions(), RESNET)
    expected, statistics = _gradients(model), {name: value.clone() for name, value in model.named_buffers() if "running" in name}
    result, model = _step(StepOptions(checkpointing=True), RESNET)
    assert result.loss == pytest.approx(plain.loss, rel=1e-6)
    _assert_near(_gradients(model), expected)
    for name, value in statistics.items():
        torch.testing.assert_close(dict(model.named_buffers())[name], value)
    # In pieces each piece has statistics of its own, so only how often they were counted can be compared.
    _, model = _step(StepOptions(accum=3), RESNET)
    counted = model.visual.bn1.running_mean / 0.1
    assert not torch.allclose(counted, statistics["visual.bn1.running_mean"] / 0.1)
    _, model = _step(StepOptions(accum=3, checkpointing=True), RESNET)
    torch.testing.assert_close(model.visual.bn1.running_mean / 0.1, counted)


@pytest.mark.parametrize(("precision", "tolerance"), [("bf16", 0.1), ("fp16", 0.01)])
@pytest.mark.parametrize("accum", [1, 4])
def test_half_precision_is_near(precision: str, tolerance: float, accum: int) -> None:
    expected, gradients = _plain(SMALL)
    model = _model()
    stepper = Stepper(model, CPU, StepOptions(precision=precision, accum=accum))
    optimizer = make_optimizer(model, PRESETS[TINY].recipe)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    left_out = 0
    while not math.isfinite((result := stepper.step(1, *_batch(), optimizer, Guard(0))).gradient_norm):
        # The scaler begins high and halves what overflows; meanwhile the weights stay.
        assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
        left_out += 1
    assert left_out < 10 if precision == "fp16" else left_out == 0
    assert result.loss == pytest.approx(expected, rel=0.01)
    _assert_near(_gradients(model), gradients, tolerance)
    assert not torch.equal(model.text_projection, before["text_projection"])


def test_clipping_shortens_the_gradient_and_keeps_its_direction() -> None:
    free, model = _step(StepOptions())
    expected = {name: gradient * 0.5 / free.gradient_norm for name, gradient in _gradients(model).items()}
    clipped, model = _step(StepOptions(clip_norm=0.5))
    assert clipped.gradient_norm == free.gradient_norm > 0.5
    _assert_near(_gradients(model), expected)
    _, model = _step(StepOptions(clip_norm=1e6))
    _assert_near(_gradients(model), {name: gradient * free.gradient_norm / 0.5 for name, gradient in expected.items()})


def test_dropped_patches_are_drawn_anew_each_step_and_alike_each_time() -> None:
    options = StepOptions(patch_dropout=0.5)
    first, again, pieces = (_step(option)[0].loss for option in (options, options, replace(options, accum=3)))
    assert first == again
    assert first != _plain(SMALL)[0]
    assert pieces != first  # each piece draws its own
    model = _model()
    stepper = Stepper(model, CPU, options)
    optimizer = make_optimizer(model, replace(PRESETS[TINY].recipe, lr=0.0))
    losses = [stepper.step(number, *_batch(), optimizer, Guard(0)).loss for number in (1, 2, 3)]
    assert len(set(losses)) == 3
    with pytest.raises(UserError, match="needs a ViT"):
        Stepper(_model(RESNET), CPU, options)


def test_dropping_patches_keeps_a_random_choice_and_the_class_token() -> None:
    visual = _model().visual
    visual.patch_dropout = 0.75
    tokens = torch.arange(17.0).expand(400, 17).unsqueeze(-1)
    kept = visual._drop_patches(tokens).squeeze(-1)
    assert kept.shape == (400, 5)
    assert (kept[:, 0] == 0).all()
    assert all(len(set(row.tolist())) == 5 for row in kept)
    counts = torch.bincount(kept[:, 1:].flatten().int(), minlength=17)[1:]
    assert 60 < counts.min() <= counts.max() < 145  # of 100 expected
    visual.patch_dropout = 0.999
    assert visual._drop_patches(tokens).shape == (400, 2, 1)


def test_a_bad_step_touches_nothing() -> None:
    model = _model()
    stepper = Stepper(model, CPU, StepOptions())
    optimizer = make_optimizer(model, PRESETS[TINY].recipe)
    average = Average(model, 0.5)
    guard = Guard(10.0, mean=0.5, variance=1e-4, seen=1000)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    assert "leapt" in (stepper.step(1, *_batch(), optimizer, guard, average).complaint or "")
    model.ln_final.weight.data[0] = float("nan")
    assert "loss became nan" in (stepper.step(1, *_batch(), optimizer, Guard(0), average).complaint or "")
    model.ln_final.weight.data[0] = before["ln_final.weight"][0]
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])
        assert torch.equal(average.weights[name], before[name])
    assert not optimizer.state


def test_the_average_follows_the_weights() -> None:
    model = _model()
    average = Average(model, 0.75)
    start = model.text_projection.detach().clone()
    model.text_projection.data += 4
    average.update()
    torch.testing.assert_close(average.weights["text_projection"], start + 1)
    other = Average(_model(), 0.75)
    other.restore(average.state())
    model.text_projection.data.copy_(start)
    average.update()
    torch.testing.assert_close(average.weights["text_projection"], start + 0.75)
    torch.testing.assert_close(other.weights["text_projection"], start + 1)


@pytest.mark.parametrize(("shares", "multiple"), [((1.0,), 1), (SortedText.SHARES, 1), (SortedText.SHARES, 8), ((0.01, 0.5, 1.0), 1)])
def test_sorted_text_gives_what_the_padded_batch_gives(shares: tuple[float, ...], multiple: int) -> None:
    model, (_, tokens) = _model().double(), _batch()
    text = SortedText.cut(tokens, shares, multiple)
    assert sum(map(len, text.pieces)) == ROWS
    assert all(piece.shape[1] <= 16 for piece in text.pieces)
    with torch.no_grad():
        torch.testing.assert_close(model.encode_sorted_text(text), model.encode_text(tokens), rtol=1e-10, atol=1e-12)
        empty = SortedText.cut(tokens[:0], shares, multiple)
        assert model.encode_sorted_text(empty).shape == (0, 32)
        assert model.encode_image(torch.zeros(0, 3, 32, 32, dtype=torch.float64)).shape == (0, 32)


@pytest.mark.filterwarnings("ignore")
def test_compiled_blocks_give_the_same() -> None:
    """With the eager backend: the graphs are captured, but need no compiler to run."""
    expected, gradients = _plain(SMALL)
    model = _model()
    stepper = Stepper(model, CPU, StepOptions())
    for block in [*model.transformer.resblocks, *model.visual.transformer.resblocks]:
        block.compile(backend="eager")
    optimizer = make_optimizer(model, PRESETS[TINY].recipe)
    assert stepper.step(1, *_batch(), optimizer, Guard(0)).loss == pytest.approx(expected, rel=1e-6)
    _assert_near(_gradients(model), gradients)
