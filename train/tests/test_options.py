"""Options that make no sense are refused before anything is read, as argparse refuses: exit code 2."""

from __future__ import annotations

import pytest

from webimagetext_train.options import parse_arguments
from webimagetext_train.presets import PRESETS

WRONG = [
    ("--batch-size", "1", "must be at least 2"),
    ("--steps", "0", "must be at least 1"),
    ("--steps", "1.5", "1.5 is no whole number"),
    ("--lr", "nan", "must be at least 0"),
    ("--lr", "inf", "must be finite"),
    ("--epochs", "0", "must be above 0"),
    ("--epochs", "inf", "must be finite"),
    ("--eps", "0", "must be above 0"),
    ("--clip-norm", "0", "must be above 0"),
    ("--seed", "-1", "must be at least 0"),
    ("--seed", "9223372036854775808", "must be below 9.22337e+18"),
    ("--lr", "fast", "fast is no number"),
    ("--weight-decay", "-0.1", "must be at least 0"),
    ("--warmup", "-1", "must be at least 0"),
    ("--workers", "-1", "must be at least 0"),
    ("--threads", "0", "must be at least 1"),
    ("--checkpoint-every", "0", "must be at least 1"),
    ("--log-every", "0", "must be at least 1"),
    ("--time-budget", "-1", "must be at least 0"),
    ("--precision", "fp8", "invalid choice"),
    ("--beta2", "1", "must be below 1"),
    ("--patch-dropout", "1", "must be below 1"),
    ("--ema", "1.5", "must be below 1"),
    ("--processes", "0", "must be at least 1"),
    ("--list-batches", "3:2", "3:2 is no range of steps"),
    ("--list-batches", "0", "0 is no range of steps"),
    ("--loss", "triplet", "invalid choice"),
    ("--model", "GPT", "invalid choice"),
]


@pytest.mark.parametrize(("option", "value", "reason"), WRONG)
def test_wrong_use(option: str, value: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments([option, value])
    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert option in last
    assert reason in last


def test_every_preset_can_be_named() -> None:
    for name in PRESETS:
        assert parse_arguments(["--model", name]).model == name


def test_what_is_not_given_is_left_to_the_preset() -> None:
    args = parse_arguments([])
    assert [args.model, args.steps, args.batch_size, args.lr, args.warmup, args.weight_decay] == [None] * 6
    assert parse_arguments(["--lr", "0", "--warmup", "0"]).lr == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--steps", "3", "--epochs", "2"], "give either --steps or --epochs"),
        (["--batch-size", "4", "--accum", "5"], "cannot cut a batch of 4 into 5 pieces"),
        (["--batchsize", "4"], "unrecognized arguments: --batchsize 4"),
        (["--batch", "4"], "unrecognized arguments: --batch 4"),  # no guessing by the first letters
    ],
)
def test_options_that_do_not_go_together(options: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(options)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err.splitlines()[-1]


def test_help_names_the_papers_values(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for value in ("paper: 32,768", "paper: 32;", "paper: 2,000", "paper: 0.2", "ViT-L/14@336px 2e-05", "0.98 for ViTs", "paper: fp16"):
        assert value in text
