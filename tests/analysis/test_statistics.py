"""Intervals and tests of means: SciPy as oracle, edge cases, and how often they err.

Simulated replicates have a known truth; seeds are fixed, so that every run sees the same ones.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from ibsweep.analysis.statistics import (
    Comparison,
    Interval,
    compare_with_bound,
    holm,
    mean_interval,
    paired_difference,
    sizes_to_reach,
)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("count", [2, 3, 8, 40])
def test_the_interval_is_that_of_the_t_test(count, confidence):
    values = np.random.RandomState(count).normal(60, 5, count).tolist()
    expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    found = mean_interval(values, confidence=confidence)
    assert found.mean == pytest.approx(np.mean(values))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


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
    with pytest.raises(ValueError, match="`values` must hold at least one figure"):
        mean_interval(values)


def test_an_interval_ends_at_the_bounds_of_its_metric():
    assert mean_interval([99.0, 100.0, 96.0], 0, 100).high == 100
    assert mean_interval([99.0, 100.0, 96.0], 0, 100).low == pytest.approx(93.16, abs=0.01)
    assert mean_interval([1.0, 0.0, 4.0], 0, 100).low == 0
    assert mean_interval([1.0, 0.0, 4.0], 0, 100).high == pytest.approx(6.84, abs=0.01)
    assert mean_interval([1.0, 0.0, 4.0]).low == pytest.approx(-3.50, abs=0.01)
    assert mean_interval([99.0, 100.0, 96.0], 0).high == pytest.approx(103.50, abs=0.01)


def test_a_size_to_reach_less_is_found_by_the_sign():
    falling = [[8.0, 4.0, 2.0], [8.0, 7.0, 6.0], [3.0, 2.0, 1.0]]
    found = sizes_to_reach([10, 20, 40], falling, 4.0, sign=-1)
    assert found.tolist() == [20, np.inf, 10]
    rising = sizes_to_reach([10, 20, 40], -np.array(falling), -4.0)
    assert rising.tolist() == found.tolist()


# Comparisons: what they are


def test_the_effect_is_the_mean_of_the_differences():
    found = paired_difference([91, 95, 99], [90, 93, 96])
    assert found.effect == 2
    assert (found.low, found.high) == (1, 3)  # no resample of three lies beyond them, and 4 % on
    assert found.replicates == 3
    assert paired_difference([90, 93, 96], [91, 95, 99]).effect == -2
    assert compare_with_bound([1, 2, 3], 0) == found


def test_the_p_is_that_of_all_ways_to_flip_signs():
    values = np.random.default_rng(5).normal(1.0, 2.0, 8)
    means = np.array([np.mean(values * signs) for signs in product((1, -1), repeat=8)])
    expected = 2 * np.mean(means >= values.mean() - 1e-12)
    assert 0.01 < expected < 0.9
    assert compare_with_bound(values, 0).p == pytest.approx(expected)
    assert compare_with_bound(-values, 0).p == pytest.approx(expected)
    assert compare_with_bound(values + 50, 50).p == pytest.approx(expected)


@pytest.mark.parametrize("count", [2, 5, 8])
def test_p_ends_where_all_replicates_agree(count):
    assert compare_with_bound(np.arange(1, count + 1), 0).p == 2 ** (1 - count)


def test_many_replicates_are_sampled_and_the_seed_decides():
    values = np.random.default_rng(1).normal(0.3, 1.0, 40)
    first, again, other = (compare_with_bound(values, 0, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert first.p == pytest.approx(other.p, abs=0.02)
    assert first.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    assert first[1:3] == pytest.approx(
        stats.ttest_1samp(values, 0).confidence_interval()[:2], abs=0.05
    )


def test_the_global_generator_is_left_alone():
    np.random.seed(4)  # the state that must stay as it is
    before = np.random.get_state()[1].copy()
    compare_with_bound([1.0, 2.0, 4.0, 3.0], 0)
    assert (np.random.get_state()[1] == before).all()


def test_equal_differences_have_an_interval_of_no_width():
    assert paired_difference([3.0] * 8, [1.0] * 8) == Comparison(2, 2, 2, 2**-7, 8)
    assert paired_difference([3.0] * 8, [3.0] * 8) == Comparison(0, 0, 0, 1, 8)
    assert compare_with_bound([100.0] * 8, 100) == Comparison(100, 100, 100, 1, 8)


def test_rounding_in_binary_is_no_evidence():
    """Three more of 3000 images can come to over 0.1 points: eight times would make p = 0.008."""
    pairs = [(100 * (n + 3) / 3000, 100 * n / 3000) for n in range(2000, 2900)]
    first, second = np.array([(a, b) for a, b in pairs if a - b > 0.1][:8]).T
    assert len(first) == 8
    assert (first - second - 0.1 > 0).all()
    assert paired_difference(first, second, bound=0.1) == Comparison(0.1, 0.1, 0.1, 1, 8)
    assert compare_with_bound([100 / 3] * 8, 100 / 3).p == 1
    assert sizes_to_reach([10, 30], [[95 - 1e-13, 99.0]], 95.0) == 10


@pytest.mark.parametrize(
    "values",
    [[1, 2], [0, 5, 0], [0] * 7 + [5], [99, 100] * 4, [1] * 7 + [1 + 1e-8], [1] * 30 + [2]],
)
def test_hard_samples_have_an_interval_around_the_mean(values):
    found = compare_with_bound(values, 0)
    assert min(values) <= found.low <= found.effect <= found.high <= max(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "must hold two replicates or more"),
        ([1.0], "must hold two replicates or more"),
        ([[1.0, 2.0], [3.0, 4.0]], "must hold two replicates or more"),
        ([1.0, float("nan")], "must be finite"),
    ],
)
def test_what_cannot_be_compared(values, message):
    with pytest.raises(ValueError, match=message):
        compare_with_bound(values, 0)


def test_unpaired_arrays_cannot_be_compared():
    with pytest.raises(ValueError, match="must be paired"):
        paired_difference([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="must be paired"):
        paired_difference([1.0, 2.0, 3.0], [1.0])


# Comparisons: how often they err, on results whose truth is known


def normal(rng, count):
    shared = rng.normal(0, 3, count)  # the data, common to both arms
    return 90 + shared + rng.normal(0, 1, count), 90 + shared + rng.normal(0, 1, count)


def skewed(rng, count):
    """Accuracies just under 100 %, with a tail: the mean is 97."""
    return tuple(np.clip(100 - rng.gamma(1.0, 3.0, count), 0, 100) for _ in range(2))


def counted(rng, count):
    """Few wrong images of 100: many replicates are tied, many are at 100 %."""
    return tuple(100 - rng.poisson(0.7, count) for _ in range(2))


def unlike(rng, count):
    """Arms of one mean, 97, of which one varies three times as much, with a tail."""
    return 100 - rng.gamma(1.0, 3.0, count), 100 - rng.gamma(9.0, 1 / 3, count)


def simulate(draw, *, times=400, count=8, effect=0.0):
    """Return the share of p below 0.05, and of intervals that hold the effect."""
    rng = np.random.default_rng(17)
    found = []
    for _ in range(times):
        first, second = draw(rng, count)
        found.append(paired_difference(first + effect, second))
    covered = [f.low - 1e-9 <= effect <= f.high + 1e-9 for f in found]
    return np.mean([f.p < 0.05 for f in found]), np.mean(covered)


@pytest.mark.parametrize("draw", [normal, skewed])
def test_errors_are_as_frequent_as_they_are_said_to_be(draw):
    false_positives, covered = simulate(draw)
    assert false_positives == pytest.approx(0.05, abs=0.025)  # a standard error is 0.011
    assert 0.89 <= covered <= 0.97


def test_ties_make_the_test_err_less():
    false_positives, covered = simulate(counted)
    assert false_positives <= 0.05
    assert covered >= 0.88


def test_arms_that_vary_differently_make_it_err_a_little_more():
    false_positives, covered = simulate(unlike)
    assert 0.05 <= false_positives <= 0.11
    assert 0.87 <= covered <= 0.95


def test_a_collapse_of_one_seed_in_ten_goes_unseen():
    """Far above nominal: an accuracy of about 97 %, but one seed in ten collapses to chance.

    Held against its true mean, 90.6 %, p is below 0.05 in 43 % of cases and not in 5 %, always on
    the high side, and the interval holds the truth in 57 % (1500 simulated samples). Eight
    replicates have no collapse among them in ``0.9 ** 8`` = 43 % of cases, and nothing in them
    tells of it then: no test of the same eight could do better. More replicates do (24: 6 %). An
    arm that collapses against one that does not errs as often, two that both do in 4 %.
    """
    rng, truth = np.random.default_rng(17), 0.9 * 97 + 0.1 * 100 / 3

    def draw(count):
        return np.where(rng.random(count) < 0.1, 100 / 3, 97 + rng.normal(0, 0.5, count))

    found = [compare_with_bound(draw(8), truth) for _ in range(400)]
    wrong = [each.p < 0.05 for each in found]
    assert np.mean(wrong) == pytest.approx(0.9**8, abs=0.075)  # three standard errors
    assert all(each.low > truth for each in found if each.p < 0.05)
    covered = np.mean([each.low <= truth <= each.high for each in found])
    assert covered == pytest.approx(1 - 0.9**8, abs=0.075)
    more = [compare_with_bound(draw(24), truth).p < 0.05 for _ in range(60)]
    assert np.mean(more) < 0.2


def test_a_plain_bootstrap_would_be_narrower():
    """As ``compare_with_bound`` says: it held the true mean in 88 % of cases at the most."""
    rng = np.random.default_rng(17)
    values = np.array([np.subtract(*normal(rng, 8)) for _ in range(400)])
    plain = stats.bootstrap(
        (values,), np.mean, axis=1, n_resamples=999, batch=100, vectorized=True, rng=rng
    ).confidence_interval
    covered = np.mean((plain.low <= 0) & (plain.high >= 0))
    assert 0.83 <= covered <= 0.91
    assert covered < simulate(normal)[1] - 0.02


def test_power_rises_with_the_effect_and_with_the_replicates():
    by_effect = [simulate(normal, times=100, effect=effect)[0] for effect in (0.0, 1.0, 2.0, 4.0)]
    assert by_effect == sorted(by_effect)
    assert by_effect[0] < 0.1
    assert 0.2 < by_effect[1] < 0.6
    assert by_effect[3] > 0.98
    few, more = (simulate(normal, times=100, count=n, effect=1.0)[0] for n in (5, 12))
    assert few == 0  # 2 ** -4 is above 0.05
    assert more > by_effect[1] + 0.1


def test_pairing_sees_what_the_spread_of_the_data_would_hide():
    rng = np.random.default_rng(2)
    first, second = normal(rng, 8)
    first += 2.0
    assert paired_difference(first, second).p < 0.05
    assert stats.ttest_ind(first, second).pvalue > 0.1


# Holm


def test_holm_by_hand():
    # sorted: 0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1 raised to the one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("given", "expected"),
    [([], []), ([0.2], [0.2]), ([0.6, 0.7], [1, 1]), ([0.02, 0.02], [0.04, 0.04])],
)
def test_holm_at_the_edges(given, expected):
    assert holm(given) == pytest.approx(expected)


# Images needed


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        (40, 10),  # there already
        (50, 10),
        (65, 20),  # half way from 10 to 40, in doublings
        (80, 40),
        (85, 80),
        (90, 160),
        (90.1, np.inf),
    ],
)
def test_the_images_to_reach_an_accuracy(percent, expected):
    images, accuracies = [10, 40, 160], [50.0, 80.0, 90.0]
    assert sizes_to_reach(images, [accuracies], percent) == pytest.approx(expected)
    assert sizes_to_reach(images[::-1], [accuracies[::-1]], percent) == pytest.approx(expected)


def test_a_curve_that_falls_again_has_reached_it_at_the_first_crossing():
    assert sizes_to_reach([10, 20, 40, 80], [[50, 90, 60, 95]], 90) == 20
    assert sizes_to_reach([10, 20, 40, 80], [[90, 60, 50, 95]], 80) == 10


def test_the_numbers_themselves_come_back_exactly():
    images = [10, 30, 50, 100, 200, 300, 500]
    rising = np.linspace(40, 100, 7)
    found = [sizes_to_reach(images, [rising], percent).item() for percent in rising]
    assert found == images
    assert sizes_to_reach([30], [[95.0]], 95.0) == 30


def test_many_curves_at_once_are_as_one_by_one():
    rng = np.random.default_rng(0)
    images, curves = [10, 30, 100], np.sort(rng.uniform(50, 100, (50, 3)))
    targets = rng.uniform(50, 100, 50)
    expected = [
        sizes_to_reach(images, [c], t).item() for c, t in zip(curves, targets, strict=True)
    ]
    assert sizes_to_reach(images, curves, targets).tolist() == expected
    assert 0 < np.isinf(expected).sum() < 50


@pytest.mark.parametrize(("images", "curves"), [([], [[]]), ([10, 30], [[1.0]]), ([10], [1.0])])
def test_curves_must_fit_their_images(images, curves):
    with pytest.raises(ValueError, match="must be"):
        sizes_to_reach(images, curves, 90)
