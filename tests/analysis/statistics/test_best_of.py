"""The best of n trials, against the enumeration of all choices of n."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ibsweep.analysis.statistics import best_of


def enumerated(values, complete, failed, sign, share):
    """Mean and quantiles of the best of every choice of n, by n, as a sweep takes its best."""
    trials = [(whole, sign * value) for value, whole in zip(values, complete, strict=True)]
    trials += [None] * failed
    found = []
    for n in range(1, len(trials) + 1):
        chosen = [[t for t in some if t] for some in combinations(trials, n)]
        best = [sign * max(some)[1] for some in chosen if some]
        ends = np.quantile(best, [(1 - share) / 2, (1 + share) / 2], method="inverted_cdf")
        found.append([np.mean(best), *ends])
    return np.array(found).T


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("failed", [0, 3])
def test_mean_and_range_are_those_of_all_choices(sign, failed):
    rng = np.random.default_rng(failed)
    for share in (0.5, 0.95):
        values = rng.integers(30, 40, 8).astype(float)  # some are equal
        complete = rng.uniform(size=8) < 0.6
        found = best_of(values, complete, failed=failed, sign=sign, share=share)
        assert found.trials.tolist() == list(range(1, 9 + failed))
        expected = enumerated(values, complete, failed, sign, share)
        np.testing.assert_allclose(found[1:], expected, rtol=1e-12)


def test_a_pruned_trial_is_the_best_only_where_none_is_complete():
    found = best_of([60.0, 95.0, 80.0], [True, False, True])
    assert found.mean.tolist() == pytest.approx([235 / 3, 220 / 3, 80])
    assert (found.low[-1], found.high[-1]) == (80, 80)


def test_failed_trials_are_some_of_the_n():
    with_failed, without = best_of([60.0, 80.0], failed=2), best_of([60.0, 80.0])
    assert without.mean.tolist() == [70, 80]
    # of six pairs one failed, two hold 60 alone, two 80 alone, and one both; and so on
    assert with_failed.mean.tolist() == pytest.approx([70, (2 * 60 + 3 * 80) / 5, 75, 80])


def test_the_estimate_is_unbiased_for_independent_trials_and_dodges_is_not():
    """The best of n uniform figures is n / (n + 1) in the mean."""
    rng, n, size = np.random.default_rng(0), np.arange(1, 9), 8
    samples = np.sort(rng.uniform(size=(4000, size)), axis=1)
    means = np.array([best_of(sample).mean for sample in samples])
    error = means.std(axis=0) / np.sqrt(len(means))
    assert np.all(np.abs(means.mean(axis=0) - n / (n + 1)) < 4 * error)
    ranks = np.arange(1, size + 1)
    weights = (ranks / size) ** n[:, None] - ((ranks - 1) / size) ** n[:, None]
    replaced = samples @ weights.T
    np.testing.assert_allclose(replaced[:, 0], means[:, 0])
    assert np.all(replaced[:, 1:] < means[:, 1:])
    assert np.all((replaced.mean(axis=0) - n / (n + 1))[2:] < -4 * error[2:])


def test_many_trials_are_no_trouble():
    values = np.random.default_rng(1).uniform(size=1500)
    found = best_of(values, failed=500)
    assert np.isfinite(found).all()
    assert np.all(np.diff(found[1:], axis=1) >= -1e-12)
    assert found.mean[0] == pytest.approx(values.mean())
    assert found.mean[-1] == found.low[-1] == found.high[-1] == values.max()


def test_what_is_no_sample_is_refused():
    with pytest.raises(ValueError, match="must be"):
        best_of([])
    with pytest.raises(ValueError, match="must be"):
        best_of([1.0, 2.0], [True])
    with pytest.raises(ValueError, match="finite"):
        best_of([1.0, np.nan])
