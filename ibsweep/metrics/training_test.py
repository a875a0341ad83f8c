"""Whether a run has learned anything: tests of what it predicts on examples it never saw.

A fixed percentage would not do: a network that always says one of three classes scores 33.3 %,
one that merges two of them 66.7 %, and another question has other shares. So a run fails where
its predictions cannot be told from saying nothing, by a test at 1 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["beats_mean", "classes_told_apart"]

_LEVEL = 0.01
"""A run that says nothing passes in one of a hundred times, where examples are many."""


def classes_told_apart(confusion: Sequence[Sequence[int]]) -> bool:
    """Return whether predictions tell every two classes apart.

    For each two classes Pearson's chi-squared test of independence, without Yates's correction,
    is made of these classes' rows of the counts: which of the two an example is of, against what
    was predicted. Two classes of so few examples that even perfect predictions would not be
    significant are not judged.

    Args:
        confusion: Counts of examples by true (rows) and predicted class, ``[K, K]``.

    Returns:
        False where for some two classes the predictions say no more of which of them an example
        is of than the classes' frequencies do.

    Example:
        >>> classes_told_apart([[90, 10], [20, 80]])
        True
        >>> classes_told_apart([[100, 0, 0], [0, 60, 40], [0, 62, 38]])  # two are merged
        False
    """
    return _told_apart(tuple(tuple(map(int, row)) for row in confusion))


@lru_cache(maxsize=4096)
def _told_apart(confusion: tuple[tuple[int, ...], ...]) -> bool:
    import numpy as np
    from scipy.special import chdtrc  # the upper tail of the chi-squared distribution

    counts = np.array([row for row in confusion if any(row)], float)
    first, second = np.triu_indices(len(counts), 1)  # every two classes, [P]
    one, other = counts[first], counts[second]  # [P, K]
    ones, others = one.sum(1), other.sum(1)
    both, share = one + other, (ones / (ones + others))[:, None]
    with np.errstate(invalid="ignore"):  # of columns without a prediction
        terms = (one - share * both) ** 2 / both / (share * (1 - share))
    freedom = (both > 0).sum(1) - 1
    p = np.where(freedom, chdtrc(np.maximum(freedom, 1), np.nansum(terms, axis=1)), 1.0)
    judged = chdtrc(1, ones + others) < _LEVEL  # the statistic of perfect predictions
    return bool((p[judged] < _LEVEL).all())


def beats_mean(predictions: ArrayLike, targets: ArrayLike) -> bool:
    """Return whether predicted numbers are closer to the targets than the targets' own mean is.

    A one-sided Wilcoxon signed-rank test of the differences of squared errors.

    Args:
        predictions: What was predicted, ``[N]``, in the targets' unit.
        targets: What was to be predicted, ``[N]``.

    Returns:
        False where the squared errors are not smaller than those of the mean of the targets. True
        where there are too few examples, below 7, for any predictions to be significant.

    Example:
        >>> beats_mean([1.1, 2.2, 2.9, 4.1, 5.0, 5.8, 7.3, 8.1], [1, 2, 3, 4, 5, 6, 7, 8])
        True
        >>> beats_mean([4.5] * 8, [1, 2, 3, 4, 5, 6, 7, 8])
        False
    """
    import numpy as np
    from scipy.stats import wilcoxon

    predicted, actual = np.asarray(predictions, float), np.asarray(targets, float)
    if 0.5 ** len(actual) >= _LEVEL:
        return True
    gains = (actual - actual.mean()) ** 2 - (actual - predicted) ** 2
    return bool(gains.any() and wilcoxon(gains, alternative="greater").pvalue < _LEVEL)
