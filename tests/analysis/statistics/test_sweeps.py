"""The sweep as the unit: SciPy's t tests as oracle, and how often a prediction comes true."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ibsweep.analysis.statistics import between_sweeps


def test_one_arm_is_a_t_test_of_its_sweeps():
    means = [97.0, 95.5, 96.2]
    found, expected = between_sweeps(means, bound=95.0), stats.ttest_1samp(means, 95.0)
    assert found.effect == pytest.approx(np.mean(means))
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert (found.sweeps, found.between_sd) == (3, pytest.approx(np.std(means, ddof=1)))


def test_two_arms_are_welchs_test():
    a, b = [97.0, 95.5, 96.2, 96.0], [93.0, 80.0, 90.0]
    found, expected = between_sweeps(a, b), stats.ttest_ind(a, b, equal_var=False)
    assert found.effect == pytest.approx(np.mean(a) - np.mean(b))
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert found.sweeps == 3
    assert found.between_sd == pytest.approx(np.hypot(np.std(a, ddof=1), np.std(b, ddof=1)))


def test_a_bound_shifts_the_test_alone():
    a, b = [97.0, 95.5, 96.2], [93.0, 91.0, 90.0]
    found = between_sweeps(a, b, bound=-1.0)
    assert found.p == pytest.approx(between_sweeps([x + 1 for x in a], b).p)
    assert found.effect == pytest.approx(between_sweeps(a, b).effect)


def test_a_claim_and_its_opposite_share_the_probability():
    a, b = [97.0, 95.5, 96.2], [93.0, 96.5, 90.0]
    up, down = (between_sweeps(a, b, upward=upward).holds_again for upward in (True, False))
    assert up + down == pytest.approx(1)
    assert 0.5 < up < 1


@pytest.mark.parametrize("sweeps", [2, 3, 6])
@pytest.mark.parametrize("arms", [1, 2])
def test_a_new_sweep_comes_out_as_often_as_predicted(sweeps, arms):
    """Where the true effect is drawn anew, a prediction of 80 % comes true in four of five."""
    rng, predicted, came = np.random.default_rng(sweeps), [], []
    for _ in range(1500):
        truth = [rng.uniform(-6, 6), 0.0][:arms]
        drawn = [rng.normal(mean, 1, sweeps + 1) for mean in truth]
        found = between_sweeps(*(side[:-1] for side in drawn))
        new = drawn[0][-1] - (drawn[1][-1] if arms == 2 else 0.0)
        predicted.append(found.holds_again)
        came.append(new > 0)
    predicted, came = np.array(predicted), np.array(came)
    middle = (predicted > 0.6) & (predicted < 0.95)
    assert middle.sum() > 100
    assert came[middle].mean() == pytest.approx(predicted[middle].mean(), abs=0.09)


def test_sweeps_that_agree_leave_no_spread():
    found = between_sweeps([97.0, 97.0, 97.0], bound=95.0)
    assert found == (97, 97, 97, 0.25, 3, 0, 1)
    assert between_sweeps([97.0, 97.0], bound=97.0)[3:] == (1, 2, 0, 0.5)
    assert between_sweeps([97.0, 97.0], bound=95.0, upward=False).holds_again == 0
    assert between_sweeps([97.0] * 3, [95.0] * 3).p == pytest.approx(2 / 20)
    # one arm without a spread still has the other's
    assert between_sweeps([97.0] * 3, [95.0, 94.0, 96.0]).between_sd == 1


@pytest.mark.parametrize(
    "means", [[], [97.0], [[97.0, 96.0]], [97.0, float("nan")]], ids=["0", "1", "2d", "nan"]
)
def test_a_side_needs_two_sweeps(means):
    with pytest.raises(ValueError, match=r"two sweeps or more|must be finite"):
        between_sweeps(means)
    with pytest.raises(ValueError, match=r"two sweeps or more|must be finite"):
        between_sweeps([97.0, 96.0], means)
