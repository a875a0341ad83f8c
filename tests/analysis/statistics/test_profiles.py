"""Performance profiles: shares by counting, intervals by SciPy, coverage by the binomial."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ibsweep.analysis.statistics import performance_profile


@pytest.mark.parametrize("sign", [1, -1])
def test_shares_are_counted_and_intervals_exact(sign):
    values = [33.3, 66.7, 97.0, 97.0, 98.5, 100.0]
    at = [0.0, 33.3, 50.0, 97.0, 99.0, 100.0, 101.0]
    found = performance_profile(values, at, sign=sign)
    for figure, share, low, high in zip(at, *found, strict=True):
        count = sum(v >= figure if sign > 0 else v <= figure for v in values)
        assert share == count / 6
        interval = stats.binomtest(count, 6).proportion_ci(0.95, "exact")
        assert (low, high) == pytest.approx(interval, abs=1e-9)


def test_every_interval_covers_the_share_of_fresh_runs():
    """Of uniform runs the share ``1 - x`` is at least ``x``: binomial counts, enumerated."""
    n = 16
    chance = np.linspace(0.01, 0.99, 99)
    runs = [performance_profile(np.arange(n) < count, [0.5]) for count in range(n + 1)]
    low, high = (np.array([getattr(run, end)[0] for run in runs]) for end in ("low", "high"))
    counts = np.arange(n + 1)
    for p in chance:
        held = (low <= p) & (p <= high)
        assert stats.binom.pmf(counts, n, p)[held].sum() >= 0.95


def test_a_run_without_a_figure_reaches_nothing():
    found = performance_profile([90.0, np.nan, 80.0, np.nan], [-np.inf, 0.0, 85.0])
    assert found.share.tolist() == [0.5, 0.5, 0.25]
    less = performance_profile([0.5, np.nan], [1.0, 0.1], sign=-1)
    assert less.share.tolist() == [0.5, 0.0]


def test_figures_that_differ_in_their_last_bit_are_equal():
    assert performance_profile([0.1 + 0.2], [0.3]).share.item() == 1
    assert performance_profile([0.3], [0.1 + 0.2]).share.item() == 1


def test_no_runs_have_no_profile():
    with pytest.raises(ValueError, match="one run or more"):
        performance_profile([], [1.0])
