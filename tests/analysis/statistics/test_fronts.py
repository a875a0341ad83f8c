"""Fronts of points, against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ibsweep.analysis.statistics import (
    equal_figure_ratio,
    hypervolume,
    jackknifed_ratio,
    nondominated,
    spread_over,
    undominated_probabilities,
)


def dominated(point, points):
    """By the definition: another one is as good in all and better in one."""
    return any(
        all(o <= p for o, p in zip(other, point, strict=True))
        and any(o < p for o, p in zip(other, point, strict=True))
        for other in points
    )


def cells(points, reference):
    """Count the unit cells below the reference that some point dominates."""
    return sum(
        any(all(p <= c for p, c in zip(point, cell, strict=True)) for point in points)
        for cell in itertools.product(*(range(end) for end in reference))
    )


@pytest.fixture(params=range(6), ids=lambda seed: f"seed{seed}")
def rng(request):
    return np.random.default_rng(request.param)


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_what_no_other_point_dominates(rng, objectives):
    points = rng.integers(0, 5, (25, objectives)).astype(float)
    expected = [not dominated(point, points) for point in points]
    assert nondominated(points).tolist() == expected
    stacked = nondominated(np.stack([points, points[::-1]]))
    assert stacked[1].tolist() == expected[::-1]


@pytest.mark.parametrize("objectives", [2, 3])
def test_many_points_are_compared_as_few_are(rng, objectives):
    points = rng.integers(0, 40, (700, objectives)).astype(float)
    expected = [not dominated(point, points) for point in points]
    assert nondominated(points).tolist() == expected
    assert 0 < sum(expected) < 700


@pytest.mark.parametrize("reference", [(7,), (6, 8), (5, 6, 7), (4, 5, 4, 5)])
def test_the_hypervolume_is_the_number_of_cells(rng, reference):
    points = rng.integers(0, 8, (12, len(reference))).astype(float)
    assert hypervolume(points, reference) == pytest.approx(cells(points, reference))
    assert hypervolume(points + 10, reference) == 0.0
    # as it is in no unit of its own, what is scaled is scaled
    assert hypervolume(2 * points, [2.0 * end for end in reference]) == pytest.approx(
        2 ** len(reference) * cells(points, reference)
    )


def test_the_probability_of_staying_undominated(rng):
    values = rng.normal(size=(4, 5, 2)) + np.arange(4)[:, None, None] * [[[0.3, -0.2]]]
    counts = np.zeros(4)
    for draw in itertools.product(range(5), repeat=5):  # every resample, each as likely
        counts += nondominated(values[:, list(draw)].mean(axis=1))
    found = undominated_probabilities(values, draws=20_000)
    assert found == pytest.approx(counts / 5**5, abs=0.015)


def test_replicates_are_drawn_alike_for_all():
    noise = np.random.default_rng(0).normal(scale=10, size=(1, 8, 1))
    better = np.concatenate([noise, noise + 0.1])  # worse by a little in every replicate
    values = np.concatenate([better, np.ones((2, 8, 1))], axis=2)
    assert undominated_probabilities(values).tolist() == [1.0, 0.0]
    assert undominated_probabilities(values[[0, 0]]).tolist() == [1.0, 1.0], "equals stay"
    assert undominated_probabilities(values[:, :1]).tolist() == [1.0, 0.0], "one replicate"


def test_what_is_kept_of_a_front_is_spread_over_it(rng):
    cost = np.sort(rng.uniform(1, 1e6, 30))
    points = np.column_stack([np.linspace(100, 0, 30), cost])
    kept = spread_over(points, 4)
    assert kept[:2] == [29, 0], "the best of each objective"
    gaps = np.diff(sorted(kept))
    assert gaps.max() <= 15, "whatever the unit of the cost"
    assert spread_over(points, 30) == list(range(30))
    assert spread_over(points, 1) == [29]


def ratio_by_grid(one, other, steps=200_001):
    """Average over a fine grid of figures between where the fronts begin and end."""
    fronts = [points[nondominated(points)] for points in (one, other)]
    best = max(front[:, 0].min() for front in fronts)
    worst = max(best, min(front[:, 0].max() for front in fronts))
    levels = np.linspace(best, worst, steps)
    costs = []
    for front in fronts:
        order = front[np.argsort(front[:, 0])]
        at = np.searchsorted(order[:, 0], levels, side="right")
        cheapest = np.minimum.accumulate(order[:, 1])
        costs.append(np.log2(cheapest[at - 1]))
    return float((costs[1] - costs[0]).mean())


def test_what_fronts_cost_at_equal_figures(rng):
    one, other = (
        np.column_stack([rng.uniform(-100, -20, 8), rng.uniform(10, 1000, 8)]) for _ in range(2)
    )
    effect, worst, best = equal_figure_ratio(one, other)
    assert effect == pytest.approx(ratio_by_grid(one, other), abs=2e-3)
    assert worst >= best
    assert equal_figure_ratio(other, one)[0] == pytest.approx(-effect)
    doubled = other * [1, 2]
    assert equal_figure_ratio(one, doubled)[0] == pytest.approx(effect + 1)


def test_fronts_that_do_not_overlap_are_compared_where_the_worse_one_ends():
    good = np.array([[-99.0, 100.0], [-95.0, 50.0]])
    bad = np.array([[-60.0, 400.0], [-40.0, 10.0]])
    assert equal_figure_ratio(good, bad) == pytest.approx((3.0, -60.0, -60.0))
    assert equal_figure_ratio(bad, good) == pytest.approx((-3.0, -60.0, -60.0))


def test_the_jackknife_leaves_each_replicate_out_once(rng):
    one, other = (
        np.stack([-rng.uniform(20, 99, (6, 5)), rng.uniform(1, 9, (6, 5))], axis=-1)
        for _ in range(2)
    )
    values, worst, best = jackknifed_ratio(one, other)
    whole = equal_figure_ratio(one.mean(axis=0), other.mean(axis=0))
    assert (worst, best) == whole[1:]
    for i in range(6):
        others = [each for each in range(6) if each != i]
        without = equal_figure_ratio(one[others].mean(axis=0), other[others].mean(axis=0))[0]
        assert values[i] == pytest.approx(6 * whole[0] - 5 * without)


def test_an_arm_does_not_seem_cheaper_because_its_runs_scatter_more():
    rng = np.random.default_rng(0)
    means, cost = np.linspace(45, 93, 8), 2.0 ** np.arange(8)
    found = []
    for _ in range(40):
        arms = [
            np.stack([-(means + sd * rng.normal(size=(16, 8))), np.tile(cost, (16, 1))], axis=-1)
            for sd in (15, 3)
        ]
        found.append(jackknifed_ratio(*arms)[0].mean())
    assert abs(np.mean(found)) < 0.2
