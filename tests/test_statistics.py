"""Intervals of means: SciPy as oracle, coverage, edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ibsweep.analysis.statistics import Interval, mean_interval


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("count", [2, 3, 8, 40])
def test_the_interval_is_that_of_the_t_test(count, confidence):
    values = np.random.RandomState(count).normal(60, 5, count).tolist()
    expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    found = mean_interval(values, confidence)
    assert found.mean == pytest.approx(np.mean(values))
    assert (found.low, found.high) == pytest.approx(
        (max(expected.low, 0), min(expected.high, 100))
    )


@pytest.mark.parametrize("count", [2, 5, 8])
def test_it_covers_the_true_mean_as_often_as_it_says(count):
    draws = np.random.RandomState(0).normal(50, 2, (4000, count))
    intervals = [mean_interval(draw.tolist()) for draw in draws]
    covered = np.mean([found.low <= 50 <= found.high for found in intervals])
    assert covered == pytest.approx(0.95, abs=0.0105)  # three standard errors


def test_arrays_are_taken_as_lists_are():
    values = [90.0, 92.0, 97.0]
    assert mean_interval(np.array(values)) == mean_interval(tuple(values)) == mean_interval(values)


def test_a_single_value_has_no_interval():
    assert mean_interval([42.0]) == Interval(42.0, None, None)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([90.0] * 5) == Interval(90.0, 90.0, 90.0)


@pytest.mark.parametrize("values", [[], (), np.array([])])
def test_no_value_has_no_mean(values):
    with pytest.raises(ValueError, match="`values` must hold at least one accuracy"):
        mean_interval(values)


def test_accuracies_end_at_0_and_100():
    assert mean_interval([99.0, 100.0, 96.0]).high == 100
    assert mean_interval([99.0, 100.0, 96.0]).low == pytest.approx(93.16, abs=0.01)
    assert mean_interval([1.0, 0.0, 4.0]).low == 0
    assert mean_interval([1.0, 0.0, 4.0]).high == pytest.approx(6.84, abs=0.01)
