"""A leap is a loss far above what it has been lately; the guard learns only from good ones."""

from __future__ import annotations

import random

from webimagetext_train.guard import PATIENCE, Guard


def _trained(threshold: float = 10.0, steps: int = 800, noise: float = 0.05) -> Guard:
    rng = random.Random(0)
    guard = Guard(threshold)
    for step in range(steps):
        assert guard.judge(2 + 3 * 0.97**step + rng.gauss(0, noise)) is None
    return guard


def test_an_ordinary_course_is_left_alone_and_a_leap_is_not() -> None:
    guard = _trained()
    before = guard.state()
    said = guard.judge(4.0)
    assert said
    assert said.startswith("loss leapt to 4.000 from 2.0")
    assert guard.state() == before
    assert guard.judge(2.2) is None


def test_what_is_no_number_is_never_right() -> None:
    for value in (float("nan"), float("inf")):
        assert Guard(0.0).judge(value) == f"loss became {value}"


def test_it_waits_and_can_be_told_to_look_away() -> None:
    guard = Guard(10.0)
    for _ in range(PATIENCE):
        assert guard.judge(1.0) is None
    assert guard.judge(1.19) is None  # however quiet it was: less than a fifth
    assert guard.judge(3.0)
    assert Guard(10.0).judge(1e9) is None
    assert _trained(threshold=0.0).judge(1e9) is None


def test_its_state_goes_on() -> None:
    one = _trained(steps=200)
    two = Guard(10.0, **one.state())
    for loss in (2.1, 1.9, 9.0):
        assert one.judge(loss) == two.judge(loss)
    assert one == two
