"""The mean of all runs, put together of those that train and of how many do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ibsweep.analysis.statistics import (
    compare_means_of_all,
    compare_with_bound,
    describe_runs,
    mean_interval,
    mean_of_all,
    paired_difference,
    rate_interval,
)

GOOD = [97.0, 98.0, 96.5, 97.5, 99.0, 98.5, 97.2]
TRAINS = [True] * 7


def test_where_no_run_failed_it_is_the_mean_of_those_that_train():
    found = describe_runs(GOOD, TRAINS, 0, 100)
    assert found.mean == found.trained == mean_interval(GOOD, 0, 100)
    assert not found.trusted
    assert found.caveat == (
        "7 runs are too few to have seen one failure in ten: they do not rule out 35 %"
    ).replace("35 %", "35%")


@pytest.mark.parametrize(("runs", "trusted"), [(28, False), (29, True)])
def test_a_mean_is_trusted_where_one_failure_in_ten_would_have_been_seen(runs, trusted):
    found = describe_runs(np.linspace(97, 98, runs), [True] * runs)
    assert found.trusted is trusted
    assert (found.caveat == "") is trusted


def test_where_runs_failed_it_is_the_mixture():
    values, trains = [*GOOD, 33.0, 35.0], [*TRAINS, False, False]
    found = describe_runs(values, trains, 0, 100)
    rate, trained = rate_interval(7, 9), mean_interval(GOOD, 0, 100)
    assert (found.rate, found.trained) == (rate, trained)
    assert found.mean.mean == pytest.approx(np.mean(values))
    assert found.mean.low == pytest.approx(rate.low * trained.low + (1 - rate.low) * 34)
    assert found.mean.high == pytest.approx(rate.high * trained.high + (1 - rate.high) * 34)
    assert (found.trusted, found.caveat) == (False, "2 of 9 runs fail")


def test_a_metric_of_which_less_is_better_turns_the_ends():
    losses, trains = [*(100 - np.array(GOOD)), 67.0, 65.0], [*TRAINS, False, False]
    found = mean_of_all(losses, trains, 0, 100)
    turned = mean_of_all([100 - loss for loss in losses], trains, 0, 100)
    assert found.mean == pytest.approx(100 - turned.mean)
    assert found.low < found.mean < found.high
    assert found.high == pytest.approx(100 - turned.low, abs=0.2)


def test_where_no_run_trains():
    found = describe_runs([33.0, 34.0, 33.5, 33.0, 32.0], [False] * 5, 0, 100)
    assert found.mean == mean_interval([33.0, 34.0, 33.5, 33.0, 32.0], 0, 100)
    assert math.isnan(found.trained.mean)
    assert found.trained[1:] == (None, None)
    assert (found.rate.count, found.trusted) == (0, False)


def test_a_single_run_that_trains_leaves_its_mean_open():
    found = describe_runs([97.0, 33.0, 33.0], [True, False, False], 0, 100)
    rate = rate_interval(1, 3)
    assert found.trained == (97.0, None, None)
    assert found.mean.high == pytest.approx(rate.high * 100 + (1 - rate.high) * 33)
    assert describe_runs([97.0, 33.0], [True, False]).mean[1:] == (None, None)


def test_failures_that_were_not_seen_count_where_one_says_what_they_score():
    found = mean_of_all(GOOD, TRAINS, 0, 100, unseen=33.0)
    rate, trained = rate_interval(7, 7), mean_interval(GOOD, 0, 100)
    assert found.mean == trained.mean
    assert found.low == pytest.approx(rate.low * trained.low + (1 - rate.low) * 33)
    assert found.high == trained.high
    assert found.low < 80


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("count", [8, 16])
def test_it_covers_where_failures_were_seen(share, count):
    rng, truth = np.random.default_rng(3), 97 - share * 64
    covered = []
    while len(covered) < 300:
        trains = rng.random(count) >= share
        if not trains.all():
            values = np.where(trains, rng.normal(97, 1, count), 33.0)
            found = mean_of_all(values, trains, 0, 100)
            covered.append(found.low <= truth <= found.high)
    # a sample with a failure among few runs has more of them than there are on the whole
    assert np.mean(covered) >= 0.93


def test_without_failures_the_comparisons_are_those_of_means():
    other = [96.0, 97.5, 96.0, 97.0, 98.8, 97.0, 97.1]
    found = compare_means_of_all(GOOD, TRAINS, bound=97, low=0, high=100)
    assert found == compare_with_bound(GOOD, 97, low=0, high=100)
    assert compare_means_of_all(GOOD, TRAINS, other, TRAINS) == paired_difference(GOOD, other)


@pytest.mark.parametrize("bound", [20.0, 60.0, 75.0, 97.0, 99.5])
def test_p_is_small_exactly_where_the_interval_excludes_the_bound(bound):
    values, trains = [*GOOD, 33.0, 35.0], [*TRAINS, False, False]
    found = compare_means_of_all(values, trains, bound=bound, low=0, high=100)
    assert found[:3] == mean_of_all(values, trains, 0, 100)
    assert (found.p < 0.05) == (not found.low <= bound <= found.high)
    # at this confidence the interval just reaches it
    if 0.001 < found.p < 1:
        for share, holds in ((0.97, True), (1.03, False)):
            each = mean_of_all(values, trains, 0, 100, confidence=1 - found.p * share)
            assert (each.low <= bound <= each.high) is holds


def test_two_configurations_of_which_one_fails():
    trains = [*TRAINS, False, False]
    other = np.array([60.0, 61.0, 59.0, 60.5, 60.0, 61.5, 60.2, 60.0, 59.0])
    found = compare_means_of_all([*GOOD, 33, 35], trains, other, [True] * 9, low=0, high=100)
    assert found.effect == pytest.approx(np.mean([*GOOD, 33, 35]) - other.mean())
    assert found.low < found.effect < found.high
    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    turned = compare_means_of_all(other, [True] * 9, [*GOOD, 33, 35], trains, low=0, high=100)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_equal_rates_of_failure_are_no_difference():
    rng, wrong = np.random.default_rng(9), 0
    for _ in range(150):
        trains = rng.random((2, 16)) >= 0.1
        values = np.where(trains, rng.normal(97, 1, (2, 16)), 33.0)
        wrong += compare_means_of_all(values[0], trains[0], values[1], trains[1]).p < 0.05
    assert wrong / 150 <= 0.09


def test_runs_must_be_paired():
    with pytest.raises(ValueError, match="must be paired"):
        describe_runs([1.0, 2.0], [True])
    with pytest.raises(ValueError, match="same replicates"):
        compare_means_of_all(GOOD, TRAINS, GOOD[:3], TRAINS[:3])
