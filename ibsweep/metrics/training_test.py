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
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["classes_told_apart", "follows_targets"]

_LEVEL = 0.01
"""A run that says nothing passes in one of a hundred times, where examples are many."""

_FEW = 50
"""Of fewer examples of a class than this, a good model too leaves some two of many classes
undecided: such classes are not judged two by two."""


def classes_told_apart(confusion: Sequence[Sequence[int]]) -> bool:
    """Return whether predictions tell the classes apart.

    For each two classes of 50 examples or more Pearson's chi-squared test of independence, without
    Yates's correction, is made of these classes' rows of the counts: which of the two an example
    is of, against what was predicted. Where a class has fewer, one such test is made of the whole
    table as well, unless even perfect predictions would not be significant.

    Args:
        confusion: Counts of examples by true (rows) and predicted class, ``[K, K]``.

    Returns:
        False where for some two classes, or for all of them together, the predictions say no more
        of which an example is of than the classes' frequencies do.

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

    counts = np.array([row for row in confusion if any(row)], float)
    first, second = np.triu_indices(len(counts), 1)  # every two classes, [P]
    many = counts.sum(1) >= _FEW
    tables = list(np.stack([counts[first], counts[second]], axis=1)[many[first] & many[second]])
    if not many.all():
        tables.append(counts)
    return all(_dependent(table) for table in tables)


def _dependent(table: NDArray[np.float64]) -> bool:
    """Return whether the columns of a table of counts say something of its rows."""
    from scipy.special import chdtrc  # the upper tail of the chi-squared distribution

    table = table[:, table.any(axis=0)]
    rows, columns = len(table) - 1, table.shape[1] - 1
    total = table.sum()
    # a perfect prediction has a statistic of `total` times the rows' degrees of freedom
    if rows < 1 or chdtrc(rows * rows, total * rows) >= _LEVEL:
        return True
    if columns < 1:
        return False
    expected = table.sum(1, keepdims=True) * table.sum(0) / total
    statistic = ((table - expected) ** 2 / expected).sum()
    return bool(chdtrc(rows * columns, statistic) < _LEVEL)


def follows_targets(predictions: ArrayLike, targets: ArrayLike) -> bool:
    """Return whether predicted numbers rise with the targets.

    Spearman's rank correlation, one-sided. (A test of errors against those of the mean would be
    misled by skewed targets: a constant below their mean is nearer to most of them.)

    Args:
        predictions: What was predicted, ``[N]``.
        targets: What was to be predicted, ``[N]``.

    Returns:
        False where the predictions say nothing of which target is larger. True where there are
        too few examples, below 7, to judge.

    Example:
        >>> follows_targets([1.1, 2.2, 2.9, 4.1, 5.0, 5.8, 7.3, 8.1], [1, 2, 3, 4, 5, 6, 7, 8])
        True
        >>> follows_targets([4.5] * 8, [1, 2, 3, 4, 5, 6, 7, 8])
        False
    """
    import numpy as np
    from scipy.stats import spearmanr

    predicted, actual = np.asarray(predictions, float), np.asarray(targets, float)
    if 0.5 ** len(actual) >= _LEVEL or np.ptp(actual) == 0:
        return True
    if np.ptp(predicted) == 0:
        return False
    return bool(spearmanr(predicted, actual, alternative="greater").pvalue < _LEVEL)
