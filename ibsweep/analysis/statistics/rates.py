"""How often runs train, and how often a run of one configuration beats a run of another.

Counts have exact binomial intervals (Clopper-Pearson): they hold the true share in at least 95 %
of cases, however few the runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ibsweep.analysis.statistics.intervals import Comparison
from ibsweep.analysis.statistics.studentised import DECIMALS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Rate",
    "compare_rate",
    "paired_rates",
    "probability_of_better",
    "rate_difference",
    "rate_interval",
    "unseen_failures",
]


@dataclass(frozen=True)
class Rate:
    """How many of some runs train, with the interval of their share.

    Attributes:
        count: Runs that train.
        runs: All runs.
        low: Lower end of the share's interval, between 0 and 1.
        high: Upper end.
    """

    count: int
    runs: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of the runs that train, between 0 and 1."""
        return self.count / self.runs


def rate_interval(count: int, runs: int, *, confidence: float = 0.95) -> Rate:
    """Return the share of runs that train with its exact binomial interval.

    Args:
        count: Runs that train.
        runs: All runs, one or more.
        confidence: Least coverage of the interval.

    Raises:
        ValueError: If ``count`` is not between 0 and ``runs``, or there is no run.

    References:
        Clopper, C. J., Pearson, E. S., 1934. The use of confidence or fiducial limits illustrated
        in the case of the binomial. Biometrika 26(4), 404-413.

    Example:
        >>> rate = rate_interval(17, 19)
        >>> print(f"{rate.share:.2f} [{rate.low:.2f}, {rate.high:.2f}]")
        0.89 [0.67, 0.99]
    """
    if runs < 1 or not 0 <= count <= runs:
        raise ValueError(f"`count` must be between 0 and `runs`, but got {count=}, {runs=}")
    return Rate(int(count), int(runs), *_ends(count, runs, confidence))


def compare_rate(trained: ArrayLike, bound: float) -> Comparison:
    """Compare the rate of runs that train with a bound.

    Args:
        trained: Whether each replicate trains, with shape ``(n,)``.
        bound: The rate that is tested, between 0 and 1.

    Returns:
        The rate, its exact interval and the two-sided exact binomial p: twice the smaller tail,
        which is below 0.05 exactly where the interval excludes the bound.

    Raises:
        ValueError: If there is no run.
    """
    each = np.asarray(trained, bool)
    rate = rate_interval(int(each.sum()), len(each))
    return Comparison(rate.share, rate.low, rate.high, _p(rate.count, rate.runs, bound), len(each))


def paired_rates(first: ArrayLike, second: ArrayLike) -> float:
    """Return the p of two configurations training equally often, on common replicate seeds.

    The exact form of McNemar's test: of the replicates in which just one of the two trains, half
    would be the first's.

    Args:
        first: Whether each replicate of one configuration trains, with shape ``(n,)``.
        second: The other one's, of the same replicates in the same order.

    Raises:
        ValueError: If the arrays differ in length.

    References:
        McNemar, Q., 1947. Note on the sampling error of the difference between correlated
        proportions or percentages. Psychometrika 12(2), 153-157.
    """
    return rate_difference(first, second).p


def rate_difference(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Return by how much more often one configuration trains than another, as a share.

    With the share of replicates in which just one of the two trains, and the first's share of
    these, both with their exact intervals; the ends are the outer combinations. p is that of
    ``paired_rates``, and below 0.05 exactly where the interval excludes 0.

    Args:
        first: Whether each replicate of one configuration trains, with shape ``(n,)``.
        second: The other one's, of the same replicates in the same order.

    Raises:
        ValueError: If the arrays differ in length, or are empty.
    """
    a, b = np.asarray(first, bool), np.asarray(second, bool)
    _check_paired(a, b)
    n, alone = len(a), int((a & ~b).sum())
    unlike = alone + int((b & ~a).sum())
    least, most = _ends(unlike, n, 0.95)
    low, high = (2 * end - 1 for end in (_ends(alone, unlike, 0.95) if unlike else (0.0, 1.0)))
    low, high = low * (most if low < 0 else least), high * (most if high > 0 else least)
    p = _p(alone, unlike, 0.5) if unlike else 1.0
    return Comparison((2 * alone - unlike) / n, low, high, p, n)


def unseen_failures(runs: int) -> float:
    """Return how large a share of failures ``runs`` runs without one do not rule out, at 95 %.

    Example:
        >>> [round(unseen_failures(runs), 2) for runs in (8, 16, 32)]
        [0.31, 0.17, 0.09]
    """
    if runs < 1:
        raise ValueError(f"`runs` must be at least 1, but got {runs}")
    return float(1 - 0.05 ** (1 / runs))


def probability_of_better(
    first: ArrayLike, second: ArrayLike, first_trained: ArrayLike, second_trained: ArrayLike
) -> Comparison:
    """Return the probability that a fresh run of one configuration beats one of another.

    Both on one replicate seed. A run that trains beats one that fails; two that fail are a tie, as
    are two of one figure. A tie counts half for either side, in the interval as in the test,
    which is the exact sign test then and errs rather less often where there are ties.

    Args:
        first: Figures of one configuration, more being better, with shape ``(n,)``.
        second: The other one's, of the same replicates in the same order.
        first_trained: Whether each replicate of the first trains.
        second_trained: Whether each replicate of the second does.

    Returns:
        The probability, between 0 and 1, with its exact binomial interval and the p of its being
        one half.

    Raises:
        ValueError: If the arrays differ in length, or are empty.

    References:
        Bouthillier, X., et al., 2021. Accounting for variance in machine learning benchmarks.
        Proceedings of Machine Learning and Systems 3, 747-769.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    a_trained, b_trained = np.asarray(first_trained, bool), np.asarray(second_trained, bool)
    for other in (b, a_trained, b_trained):
        _check_paired(a, other)
    both = a_trained & b_trained
    # what a failed run scored says nothing, and may be no number
    ahead = np.sign(np.round(np.where(both, a, 0.0) - np.where(both, b, 0.0), DECIMALS))
    ahead = np.where(both, ahead, a_trained.astype(float) - b_trained)
    n, wins = len(a), float((1 + ahead).sum() / 2)
    return Comparison(wins / n, *_ends(wins, n, 0.95), _p(wins, n, 0.5), n)


def _ends(count: float, runs: int, confidence: float) -> tuple[float, float]:
    """Return the ends of the Clopper-Pearson interval, of half counts too."""
    tail = (1 - confidence) / 2
    low = special.betaincinv(count, runs - count + 1, tail) if count > 0 else 0.0
    high = special.betainccinv(count + 1, runs - count, tail) if count < runs else 1.0
    return float(low), float(high)


def _p(count: float, runs: int, share: float) -> float:
    """Return twice the smaller binomial tail at ``count``, of half counts too."""
    at_least = special.betainc(count, runs - count + 1, share) if count > 0 else 1.0
    at_most = special.betaincc(count + 1, runs - count, share) if count < runs else 1.0
    return float(min(1.0, 2 * min(at_least, at_most)))


def _check_paired(first: NDArray[np.generic], second: NDArray[np.generic]) -> None:
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ValueError(f"replicates must be paired, but got {first.shape=}, {second.shape=}")
