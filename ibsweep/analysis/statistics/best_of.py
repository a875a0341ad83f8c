"""What the best of the first n trials of a sweep comes to.

Notation: ``N`` is the number of trials, and rank ``i`` the place of one among them, 1 the worst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BestOf", "best_of"]

_TOLERANCE = 1e-12
"""Sums of probabilities miss their quantile by less."""


class BestOf(NamedTuple):
    """The best of n trials by n, each field with shape ``(N,)``.

    Attributes:
        trials: n, from 1 to N.
        mean: Mean of the best of n over all choices of n trials.
        low: Lower end of the range that holds the best of n in 95 % of the choices.
        high: Upper end.
    """

    trials: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def best_of(
    values: ArrayLike,
    complete: ArrayLike | None = None,
    *,
    failed: int = 0,
    sign: int = 1,
    share: float = 0.95,
) -> BestOf:
    """Return what the best of n trials comes to, n of these drawn without replacement.

    All is exact: the best of n has rank ``i`` or below with probability ``C(i, n) / C(N, n)``. The
    estimator of Dodge et al. draws with replacement and is too low for every n but 1; this one is
    unbiased where trials are independent draws. Those of a sampler that learns are not:
    there it says what the best of n of just these trials is, were their order random. The ends
    are quantiles of the same distribution, and no interval for trials not made: they close where
    n is N.

    A pruned trial is taken where none of the n is complete, since a sweep's best is a complete
    one; then it counts with the figure at which it stopped. To leave pruned trials out would be to
    count only trials that were already found good. A failed trial is one of the n and has no
    figure; where all n failed, there is no best, and mean and quantiles are of the other choices.

    Args:
        values: Figures of the trials, with shape ``(trials,)``.
        complete: Whether each was completed, with the same shape; None: all were.
        failed: How many further trials failed.
        sign: 1 where more is better, -1 where less is.
        share: Part of the choices whose best is between ``low`` and ``high``.

    Raises:
        ValueError: If there is no figure, or one is not finite.

    References:
        Dodge, J., Gururangan, S., Card, D., Schwartz, R., Smith, N. A., 2019. Show Your Work:
        Improved Reporting of Experimental Results. EMNLP, https://arxiv.org/abs/1909.03004
        Tang, R., Lee, J., Xin, J., Liu, X., Yu, Y., Lin, J., 2020. Showing Your Work Doesn't
        Always Work. ACL, https://arxiv.org/abs/2004.13705

    Example:
        >>> best_of([60.0, 80.0, 90.0]).mean.round(2).tolist()
        [76.67, 86.67, 90.0]
    """
    figures = np.asarray(values, float)
    whole = np.ones(figures.shape, bool) if complete is None else np.asarray(complete, bool)
    if figures.ndim != 1 or not figures.size or whole.shape != figures.shape:
        raise ValueError(
            f"`values` and `complete` must be (trials,), but got {figures.shape=}, {whole.shape=}"
        )
    if not np.isfinite(figures).all():
        raise ValueError(f"`values` must be finite, but got {figures}")
    figures = figures[np.lexsort((sign * figures, whole))]
    rising = np.argsort(figures, kind="stable")
    total = figures.size + failed
    ranks = np.arange(total + 1, dtype=float)
    # reached[i]: probability that the best of n has rank i or below   (N + 1,)
    reached = np.ones(total + 1)
    found = np.empty((3, total))
    tail = (1 - share) / 2
    for n in range(1, total + 1):
        reached = reached * np.maximum(ranks - n + 1, 0) / (total - n + 1)
        weights = np.diff(reached)[failed:] / (1 - reached[failed])
        summed = np.cumsum(weights[rising]) + _TOLERANCE
        ends = np.searchsorted(summed, [tail, 1 - tail])
        found[:, n - 1] = weights @ figures, *figures[rising][ends]
    return BestOf(np.arange(1, total + 1), *found)
