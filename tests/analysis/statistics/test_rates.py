"""Rates of runs that train, and who beats whom: SciPy's tests as oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ibsweep.analysis.statistics import (
    compare_rate,
    paired_rates,
    probability_of_better,
    rate_difference,
    rate_interval,
    unseen_failures,
)


@pytest.mark.parametrize("runs", [1, 2, 8, 19, 40])
def test_the_interval_is_what_the_binomial_distribution_allows(runs):
    """Each end is the share at which the count, or one further out, has probability 2.5 %."""
    for count in range(runs + 1):
        rate = rate_interval(count, runs)
        assert (rate.count, rate.runs, rate.share) == (count, runs, count / runs)
        assert rate.low <= rate.share <= rate.high
        if count:
            assert stats.binom.sf(count - 1, runs, rate.low) == pytest.approx(0.025)
        if count < runs:
            assert stats.binom.cdf(count, runs, rate.high) == pytest.approx(0.025)
    assert rate_interval(0, runs).low == 0
    assert rate_interval(runs, runs).high == 1


@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_it_is_scipys_at_any_confidence(confidence):
    expected = stats.binomtest(17, 19).proportion_ci(confidence)
    found = rate_interval(17, 19, confidence=confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("count", "runs"), [(-1, 8), (9, 8), (0, 0)])
def test_counts_must_be_counts(count, runs):
    with pytest.raises(ValueError, match="must be between 0 and `runs`"):
        rate_interval(count, runs)


@pytest.mark.parametrize("bound", [0.5, 0.9, 0.0, 1.0])
def test_a_rates_p_is_small_exactly_where_its_interval_excludes_the_bound(bound):
    for count in range(13):
        found = compare_rate([True] * count + [False] * (12 - count), bound)
        assert (found.p < 0.05) == (not found.low <= bound <= found.high)
        if bound == 0.5:
            assert found.p == pytest.approx(stats.binomtest(count, 12).pvalue)


@pytest.mark.parametrize(("alone", "other", "both"), [(5, 0, 3), (6, 0, 0), (7, 2, 9), (0, 0, 8)])
def test_two_rates_are_compared_where_just_one_of_the_two_trains(alone, other, both):
    first = [True] * alone + [False] * other + [True] * both
    second = [False] * alone + [True] * other + [True] * both
    expected = stats.binomtest(alone, alone + other).pvalue if alone + other else 1.0
    assert paired_rates(first, second) == pytest.approx(expected)
    found = rate_difference(first, second)
    assert found.effect == pytest.approx(np.mean(first) - np.mean(second))
    assert found.low <= found.effect <= found.high
    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    turned = rate_difference(second, first)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    assert turned.p == pytest.approx(found.p)


def test_rates_of_equal_runs_leave_room_for_a_difference():
    found = rate_difference([True] * 8, [True] * 8)
    assert (found.effect, found.p) == (0, 1)
    assert found.high == -found.low == pytest.approx(1 - 0.025 ** (1 / 8))


def test_the_difference_of_rates_is_covered():
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(500):
        draws = rng.random((2, 16))
        found = rate_difference(draws[0] < 0.9, draws[1] < 0.6)
        covered.append(found.low <= 0.3 <= found.high)
    assert np.mean(covered) >= 0.95


def test_failures_that_were_not_seen():
    for runs in (1, 8, 28, 29):
        assert (1 - unseen_failures(runs)) ** runs == pytest.approx(0.05)
    assert unseen_failures(29) < 0.1 < unseen_failures(28)
    with pytest.raises(ValueError, match="at least 1"):
        unseen_failures(0)


def test_who_beats_whom():
    ones = [True] * 8
    found = probability_of_better([5] * 8, [4] * 7 + [6], ones, ones)
    expected = stats.binomtest(7, 8)
    assert (found.effect, found.replicates) == (7 / 8, 8)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.proportion_ci()))


def test_a_run_that_trains_beats_one_that_fails_and_ties_are_shared():
    nan = float("nan")
    first = probability_of_better([1, nan, nan, 3], [9, 2, nan, 3], [1, 0, 0, 1], [0, 1, 0, 1])
    assert first.effect == pytest.approx((1 + 0 + 0.5 + 0.5) / 4)
    again = probability_of_better([9, 2, nan, 3], [1, nan, nan, 3], [0, 1, 0, 1], [1, 0, 0, 1])
    assert again.effect == pytest.approx(1 - first.effect)
    same = probability_of_better([0.1 + 0.2] * 6, [0.3] * 6, [True] * 6, [True] * 6)
    assert (same.effect, same.p) == (0.5, 1)


def test_its_p_is_small_exactly_where_its_interval_excludes_one_half():
    for wins in range(11):
        for ties in range(11 - wins):
            first = [1] * wins + [0] * (10 - wins)
            second = [0] * wins + [0] * ties + [1] * (10 - wins - ties)
            found = probability_of_better(first, second, [True] * 10, [True] * 10)
            assert (found.p < 0.05) == (not found.low <= 0.5 <= found.high)
            decided = 10 - ties
            sign_test = stats.binomtest(wins, decided).pvalue if decided else 1.0
            assert found.p >= sign_test - 1e-12


@pytest.mark.parametrize("function", [paired_rates, rate_difference])
def test_runs_must_be_paired(function):
    with pytest.raises(ValueError, match="must be paired"):
        function([True], [True, False])
    with pytest.raises(ValueError, match="must be paired"):
        probability_of_better([1, 2], [1, 2], [True], [True, True])
