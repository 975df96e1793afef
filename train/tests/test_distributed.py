"""Many gloo processes with a part of the batch each take the step that one takes with all of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from conftest import SMALL
from torch import Tensor

from webimagetext_train import checkpoint
from webimagetext_train.distributed import any_process, from_first, gather_rows, process_group, rank, sum_rows_to_owner, world
from webimagetext_train.guard import Guard
from webimagetext_train.loss import clip_loss, contrast, sigmoid_loss
from webimagetext_train.model import CLIP
from webimagetext_train.optim import make_optimizer, optimizer_state, restore_optimizer
from webimagetext_train.presets import PRESETS, TINY, ModelConfig
from webimagetext_train.step import Stepper, StepOptions
from webimagetext_train.tokenizer import ClipTokenizer

ROWS = 24
SHARES = [[6, 6, 6, 6], [9, 0, 7, 8]]
"""Rows of each process: as many each; and as broken pictures may leave them."""


def _join(number: int, port: int, count: int, work: Callable[..., None], arguments: tuple) -> None:
    place = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    torch.set_num_threads(1)
    with process_group("cpu"):
        work(*arguments)


def _together(count: int, work: Callable[..., None], *arguments: object) -> None:
    """Runs `work` in so many processes of one group; forked, since importing torch anew takes seconds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    torch.multiprocessing.start_processes(_join, (port, count, work, arguments), count, start_method="fork")


def _batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.zeros(ROWS, 16, dtype=torch.int64)
    for row in range(ROWS):
        length = 3 + row % 14
        tokens[row, : length - 1] = torch.randint(0, 598, (length - 1,), generator=generator)
        tokens[row, length - 1] = 599
    return torch.randint(0, 256, (ROWS, 3, 32, 32), dtype=torch.uint8, generator=generator), tokens


RESNET = ModelConfig("small ResNet", 32, 32, (1, 1, 1, 1), 8, None, 4, 64, 1, 1, context_length=16, vocab_size=600)


def _steps(options: StepOptions, shares: list[int], out: Path, half: bool = False, config: ModelConfig = SMALL) -> None:
    """A step with this process' share; rank 0 writes what came of it, which is the same on all."""
    torch.manual_seed(0)
    model = CLIP(config)
    stepper = Stepper(model, torch.device("cpu"), options)
    optimizer = make_optimizer(model, PRESETS[TINY].recipe, half)
    first = sum(shares[: rank()])
    mine = [part[first : first + shares[rank()]] for part in _batch()]
    results = [stepper.step(1, *mine, optimizer, Guard(0))]
    tokenizer = ClipTokenizer([])
    state = checkpoint.collect(step=1, model=model, optimizer=optimizer, tokenizer=tokenizer, tokenizer_file="bpe.txt.gz", run={})
    if rank() == 0:
        torch.save({"results": [(result.loss, result.gradient_norm) for result in results], **{key: state[key] for key in ("state_dict", "optimizer")}}, out)
    # What was saved is taken up again, split as the weights are.
    fresh = make_optimizer(model, PRESETS[TINY].recipe, half)
    restore_optimizer(model, fresh, state["optimizer"]["state"], half)
    assert all(torch.equal(one["exp_avg_sq"], state["optimizer"]["state"][name]["exp_avg_sq"]) for name, one in optimizer_state(model, fresh).items())
    results.append(stepper.step(2, *mine, fresh, Guard(0)))
    assert results[1].complaint is None


def _assert_same(ours: Path, theirs: Path, off: float = 1e-5) -> None:
    one, other = (torch.load(path, weights_only=True) for path in (ours, theirs))
    assert one["results"] == [pytest.approx(values, rel=off) for values in other["results"]]
    for name, weight in other["state_dict"].items():
        if name not in other["optimizer"]["state"]:
            continue  # a batch norm's mean, which each process has of its own rows
        moment, expected = (side["optimizer"]["state"][name]["exp_avg"].float() for side in (one, other))
        assert (moment - expected).norm() <= off * expected.norm() + 1e-4 * off, name
        # A weight whose gradient is nothing but rounding moves by its sign: compared in the mean.
        assert (one["state_dict"][name] - weight).abs().mean() <= 1e-5, name


@pytest.mark.parametrize("shares", SHARES, ids=str)
@pytest.mark.parametrize("accum", [1, 3])
def test_four_processes_take_the_step_of_one(tmp_path: Path, shares: list[int], accum: int) -> None:
    _steps(StepOptions(), [ROWS], tmp_path / "one")
    _together(4, _steps, StepOptions(accum=accum), shares, tmp_path / "four")
    _assert_same(tmp_path / "four", tmp_path / "one")


@pytest.mark.parametrize("options", [StepOptions(parallel="fsdp"), StepOptions(parallel="fsdp", accum=2, checkpointing=True, clip_norm=1.0)], ids=["plain", "accum"])
def test_split_weights_take_the_same_step(tmp_path: Path, options: StepOptions) -> None:
    _steps(StepOptions(clip_norm=options.clip_norm), [ROWS], tmp_path / "one")
    _together(2, _steps, options, [13, 11], tmp_path / "split")
    _assert_same(tmp_path / "split", tmp_path / "one")


def test_split_resnets_take_the_step_of_replicas(tmp_path: Path) -> None:
    """Whose batch norms see the same rows."""
    for parallel in ("ddp", "fsdp"):
        _together(2, _steps, StepOptions(parallel=parallel), [13, 11], tmp_path / parallel, False, RESNET)
    # Convolutions over channels that lie otherwise round otherwise, and batch norms enlarge it.
    _assert_same(tmp_path / "fsdp", tmp_path / "ddp", off=1e-3)


def test_a_resnet_without_a_picture_waits_for_the_others(tmp_path: Path) -> None:
    _steps(StepOptions(), [ROWS], tmp_path / "one", False, RESNET)
    _together(2, _steps, StepOptions(), [ROWS, 0], tmp_path / "two", False, RESNET)
    _assert_same(tmp_path / "two", tmp_path / "one", off=1e-3)


def test_replicas_round_half_precision_moments_alike(tmp_path: Path) -> None:
    _steps(StepOptions(), [ROWS], tmp_path / "one", True)
    _together(2, _steps, StepOptions(), [13, 11], tmp_path / "two", True)
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one", "two"))
    assert two["results"] == [pytest.approx(values, rel=1e-4) for values in one["results"]]


def _features(rows: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(rows)
    return [torch.nn.functional.normalize(torch.randn(rows, 8, generator=generator), dim=-1) for _ in range(2)]


def _contrast(shares: list[int], with_bias: bool, block: int) -> None:
    """Against autograd over the whole batch."""
    image, text = _features(sum(shares))
    scale, bias = torch.tensor(1.3), torch.tensor(-2.0)
    inputs = [value.clone().requires_grad_() for value in (image, text, scale, bias)]
    loss = sigmoid_loss(*inputs) if with_bias else clip_loss(*inputs[:3])
    loss.backward()
    rows = slice(sum(shares[: rank()]), sum(shares[: rank() + 1]))
    got = contrast(image[rows], text[rows], scale, bias if with_bias else None, block)
    torch.testing.assert_close(got.loss, loss.detach())
    # The wrappers average over the processes.
    torch.testing.assert_close(got.image / world(), inputs[0].grad[rows])
    torch.testing.assert_close(got.text / world(), inputs[1].grad[rows])
    _, total = gather_rows(got.logit_scale.view(1, 1))
    torch.testing.assert_close(total.mean(), inputs[2].grad)
    if with_bias:
        _, total = gather_rows(got.logit_bias.view(1, 1))
        torch.testing.assert_close(total.mean(), inputs[3].grad)


@pytest.mark.parametrize("with_bias", [False, True])
def test_gradients_of_features_are_those_of_the_whole_loss(with_bias: bool) -> None:
    for block in (1, 5, 100):
        _contrast([17], with_bias, block)
    for shares in ([6, 11], [17, 0]):
        _together(2, _contrast, shares, with_bias, 5)


def _talk() -> None:
    assert from_first(f"from {rank()}") == "from 0"
    assert any_process(rank(), torch.device("cpu")) == 2
    counts, rows = gather_rows(torch.full((rank(), 1), float(rank())))
    assert counts.all == [0, 1, 2]
    assert rows.flatten().tolist() == [1.0, 2.0, 2.0]
    assert sum_rows_to_owner(torch.ones(3, 1), counts).tolist() == [[3.0]] * rank()


def test_processes_agree() -> None:
    _together(3, _talk)
    assert from_first("alone") == "alone"
    assert any_process(0, torch.device("cpu")) == 0
