"""What replicates can show: by simulation of the test that the library makes."""

from __future__ import annotations

import numpy as np
import pytest

from ibsweep.analysis.statistics import (
    LEAST_REPLICATES,
    LOOK_LEVELS,
    compare_with_bound,
    detectable_effect,
    replicates_needed,
)


@pytest.mark.parametrize(("replicates", "tests"), [(8, 1), (16, 1), (16, 6), (64, 3)])
def test_the_effect_is_shown_in_four_cases_of_five(replicates, tests):
    effect = detectable_effect(replicates, tests)
    draws = np.random.default_rng(1).normal(effect, 1, (800, replicates))
    p = np.array([compare_with_bound(draw, 0).p for draw in draws])
    # a standard error is 0.014
    assert np.mean(p < LOOK_LEVELS[0] / tests) == pytest.approx(0.81, abs=0.045)


def test_more_replicates_show_less_and_more_tests_need_more():
    effects = [detectable_effect(n, 1) for n in (6, 8, 16, 32, 64)]
    assert effects == sorted(effects, reverse=True)
    assert detectable_effect(16, 6) > detectable_effect(16, 2) > detectable_effect(16, 1)
    assert detectable_effect(16, 1, power=0.9) > detectable_effect(16, 1)


@pytest.mark.parametrize("replicates", [0, 1, 5])
def test_too_few_replicates_show_nothing(replicates):
    assert detectable_effect(replicates, 1) is None
    assert detectable_effect(LEAST_REPLICATES, 1) is not None


@pytest.mark.parametrize("effect", [0.05, 0.3, 1.0, 1.2])
@pytest.mark.parametrize("tests", [1, 6])
def test_so_many_replicates_and_not_one_fewer(effect, tests):
    needed = replicates_needed(2 * effect, 2.0, tests)
    assert detectable_effect(needed, tests) <= effect
    assert detectable_effect(needed - 1, tests) > effect
    assert replicates_needed(-2 * effect, 2.0, tests) == needed


def test_numbers_beyond_all_budgets_are_numbers_too():
    few, many = (replicates_needed(effect, 1.0, 1) for effect in (1e-2, 1e-5))
    assert many == pytest.approx(1e6 * few, rel=0.01)
    assert replicates_needed(1.0, 0.0, 1) == replicates_needed(50.0, 0.1, 1) == LEAST_REPLICATES


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0, 1), "`effect` must be a number other than 0"),
        ((float("nan"), 1.0, 1), "`effect` must be"),
        ((1.0, -1.0, 1), "`sd` must be"),
        ((1.0, 1.0, 0), "`tests` must be at least 1"),
        ((1.0, 1.0, 1, 0.01), "`power` must be between 0.025 and 1"),
    ],
)
def test_what_cannot_be_reckoned(arguments, message):
    with pytest.raises(ValueError, match=message):
        replicates_needed(*arguments)
