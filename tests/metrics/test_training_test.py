"""Whether a run has learned anything, against SciPy's own tests and where it is degenerate."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from ibsweep.metrics.training_test import classes_told_apart, follows_targets


def by_scipy(confusion):
    for pair in combinations(np.array(confusion), 2):
        rows = np.array(pair)
        columns = rows[:, rows.any(axis=0)]
        if columns.shape[1] == 1:
            return False
        if stats.chi2_contingency(columns, correction=False).pvalue >= 0.01:
            return False
    return True


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_every_two_classes_are_tested_as_scipy_does(classes):
    rng = np.random.default_rng(classes)
    found = []
    for _ in range(300):
        skill = rng.uniform(0, 12 / classes)
        shares = rng.dirichlet(np.ones(classes), size=classes) + skill * np.eye(classes) / classes
        sizes = rng.integers(50, 110, classes)
        confusion = [
            rng.multinomial(n, s)
            for n, s in zip(sizes, shares / shares.sum(1)[:, None], strict=True)
        ]
        found.append(classes_told_apart(confusion))
        assert found[-1] == by_scipy(confusion)
    assert 30 < sum(found) < 270, "both outcomes occur"


def test_a_run_that_says_nothing_passes_in_one_of_a_hundred():
    rng = np.random.default_rng(0)
    passed = [classes_told_apart(rng.multinomial(500, [0.7, 0.3], size=2)) for _ in range(3000)]
    assert 0.005 < np.mean(passed) < 0.016


@pytest.mark.parametrize(
    ("confusion", "trains"),
    [
        ([[1000, 0, 0], [1000, 0, 0], [1000, 0, 0]], False),  # always the first: 33.3 %
        ([[0, 1000, 0], [0, 1000, 0], [0, 0, 1000]], False),  # two are merged: 66.7 %
        ([[990, 10, 0], [5, 990, 5], [0, 0, 1000]], True),
        ([[0, 1000], [1000, 0]], True),  # it knows them, though it names them wrongly
        ([[4, 0], [0, 3]], True),
        ([[3, 0], [3, 0]], True),  # too few to judge
        ([[7, 0, 0], [0, 0, 0], [0, 0, 9]], True),  # no example of the second class
        ([[20]], True),
    ],
)
def test_what_trains(confusion, trains):
    assert classes_told_apart(confusion) is trains


def test_a_good_model_of_many_classes_with_few_examples_of_each_trains():
    rng = np.random.default_rng(2)
    shares = np.full((10, 10), 0.3 / 9) + np.eye(10) * (0.7 - 0.3 / 9)
    for examples in (6, 10, 20, 49, 60):
        found = [classes_told_apart(rng.multinomial(examples, shares)) for _ in range(50)]
        assert np.mean(found) == 1.0, examples
    nothing = np.full((10, 10), 0.1)
    passed = [classes_told_apart(rng.multinomial(10, nothing)) for _ in range(1000)]
    assert np.mean(passed) < 0.03


def test_numbers_are_tested_as_scipy_does():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(200):
        targets = rng.gamma(2, size=30)
        predicted = targets * rng.uniform(0, 0.8) + rng.normal(0.5, 0.7, 30)
        found.append(follows_targets(predicted, targets))
        pvalue = stats.spearmanr(predicted, targets, alternative="greater").pvalue
        assert found[-1] == (pvalue < 0.01)
    assert 20 < sum(found) < 180, "both outcomes occur"


@pytest.mark.parametrize("examples", [40, 200])
def test_skewed_targets_mislead_it_neither_way(examples):
    rng = np.random.default_rng(3)
    said, useful = [], []
    for _ in range(300):
        targets = rng.lognormal(size=examples)
        said.append(follows_targets(rng.normal(size=examples), targets))
        useful.append(follows_targets(targets + rng.normal(scale=1.7, size=examples), targets))
        assert not follows_targets(np.full(examples, 1.6), targets)
    assert np.mean(said) < 0.03
    assert np.mean(useful) > (0.7 if examples == 40 else 0.99)


def test_a_constant_and_the_contrary_fail_and_six_examples_are_too_few():
    targets = np.arange(40.0)
    assert not follows_targets(np.full(40, targets.mean()), targets)
    assert not follows_targets(targets[::-1], targets)
    assert follows_targets(targets + 0.1, targets)
    assert follows_targets(np.zeros(6), targets[:6])
    assert not follows_targets(np.zeros(7), targets[:7])
