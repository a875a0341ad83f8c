"""Tests in families and looked at again: how often all of it together errs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ibsweep.analysis.statistics import LOOK_LEVELS, holm, look_sizes, sequential_p


def test_holm_by_hand():
    # sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1 raised to the one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("given", "expected"),
    [([], []), ([0.2], [0.2]), ([0.6, 0.7], [1, 1]), ([0.02, 0.02], [0.04, 0.04])],
)
def test_holm_at_the_edges(given, expected):
    assert holm(given) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (8, (8, 12, 20, 28, 44, 64)),
        (16, (16, 24, 36, 56, 84, 128)),
        (10, (10, 16, 24, 36, 56, 80)),
        (1, (1, 4, 8, 12, 16, 20)),
    ],
)
def test_looks_grow_and_are_multiples_of_four(first, expected):
    assert look_sizes(first) == expected
    assert len(expected) == len(LOOK_LEVELS)


def test_a_look_needs_a_replicate():
    with pytest.raises(ValueError, match="`first` must be at least 1"):
        look_sizes(0)


def test_a_verdict_once_reached_stays():
    assert sequential_p([0.012]) == pytest.approx(0.024)
    assert sequential_p([0.02, 0.9, 0.5]) == pytest.approx(0.04)
    assert sequential_p([0.9]) == 1
    at_the_level = [[1.0] * look + [level] for look, level in enumerate(LOOK_LEVELS)]
    assert [sequential_p(each) for each in at_the_level] == pytest.approx([0.05] * 6)


@pytest.mark.parametrize("looks", [[], [0.5] * 7])
def test_looks_are_counted(looks):
    with pytest.raises(ValueError, match="must hold 1 to 6 values"):
        sequential_p(looks)


@pytest.mark.slow
def test_all_looks_together_err_in_one_test_of_twenty():
    """Of Gaussian statistics, whose looks hang together as sums of the same replicates do."""
    rng, count = np.random.default_rng(11), 1_500_000
    looks = np.array(look_sizes(16))
    sums = np.cumsum(rng.normal(size=(count, 6)) * np.sqrt(np.diff(looks, prepend=0)), axis=1)
    p = 2 * stats.norm.sf(np.abs(sums / np.sqrt(looks)))
    for tests in range(1, 17):
        # a test of a family errs where a look's p is below its level divided among them
        error = tests * (p < np.array(LOOK_LEVELS) / tests).any(axis=1).mean()
        assert 0.043 <= error <= 0.052, tests
