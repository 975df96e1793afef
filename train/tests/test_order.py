"""The order of the data is a permutation an epoch, and a pure function of the seed and the position."""

from __future__ import annotations

import numpy as np
import pytest

from webimagetext_train.data import mix, order, permute

SIZES = [*range(1, 70), 127, 128, 129, 1000, 4095, 4096, 4097, 65_537]


@pytest.mark.parametrize("seed", [0, 1, 2**63 + 11, -5])
def test_permute_is_a_permutation(seed: int) -> None:
    for count in SIZES:
        assert sorted(permute(np.arange(count), count, seed).tolist()) == list(range(count)), count


def test_permute_needs_no_neighbours() -> None:
    """One place gives what it gives among all others; shapes are kept."""
    whole = permute(np.arange(1000), 1000, 3)
    some = np.array([[5, 999], [0, 500]])
    assert np.array_equal(permute(some, 1000, 3), whole[some])


def test_permute_reaches_far_beyond_what_fits_into_memory() -> None:
    """The set of the paper has 4e8 pairs; LAION's has 5e9."""
    count = 5_000_000_000
    places = permute(np.arange(count - 10_000, count), count, 1)
    assert len(set(places.tolist())) == 10_000
    assert places.min() >= 0
    assert places.max() < count
    assert abs(places.mean() / count - 0.5) < 0.02


def test_seeds_and_epochs_give_unrelated_orders() -> None:
    count = 2000
    orders = [permute(np.arange(count), count, seed) for seed in range(6)] + [order(epoch * count, count, count, 0) for epoch in range(6)]
    for number, one in enumerate(orders):
        for other in [np.arange(count), *orders[:number]]:
            # Two random permutations agree in one place on average.
            assert (one == other).sum() < 12
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.12


def test_neighbours_are_not_kept_together() -> None:
    """Shards hold pages of one site side by side; a batch must not."""
    places = permute(np.arange(10_000), 10_000, 0)
    assert (np.abs(np.diff(places)) < 100).mean() < 0.04


@pytest.mark.parametrize("count", [1, 7, 64, 100])
def test_each_epoch_has_each_sample_once(count: int) -> None:
    run = order(0, 5 * count, count, 9)
    for epoch in range(5):
        assert sorted(run[epoch * count : (epoch + 1) * count].tolist()) == list(range(count))


def test_an_order_can_be_entered_anywhere() -> None:
    whole = order(0, 500, 37, 4)
    for start, length in ((0, 1), (36, 2), (37, 37), (120, 300), (499, 1)):
        assert np.array_equal(order(start, length, 37, 4), whole[start : start + length])


def test_every_bit_that_goes_into_mix_moves_half_of_those_that_come_out() -> None:
    values = np.arange(500, dtype=np.uint64)
    for bit in range(64):
        moved = mix(values, 7) ^ mix(values ^ np.uint64(1 << bit), 7)
        share = np.unpackbits(moved.view(np.uint8)).mean()
        assert 0.47 < share < 0.53, bit
