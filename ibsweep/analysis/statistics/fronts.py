"""Fronts: points of several objectives, of which none is better than another in all of them.

Everywhere here less is better: who has something of which more is better turns its sign. Points
are rows ``(n, m)``, one objective a column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "equal_figure_ratio",
    "hypervolume",
    "jackknifed_ratio",
    "nondominated",
    "spread_over",
    "undominated_probabilities",
]

_DRAWS = 4000
"""Resamples: a probability of one half is then known to 0.8 points."""

_MANY = 500
"""Points from which on they are not compared each with each."""

_CHUNK = 2_000_000
"""Comparisons that are made at once."""


def nondominated(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points no other one dominates: is as good in all and better in one.

    Equal points do not dominate each other.

    Args:
        points: With shape ``(..., n, m)``.

    Returns:
        With shape ``(..., n)``.

    Example:
        >>> import numpy as np
        >>> nondominated(np.array([[1.0, 4.0], [2.0, 2.0], [3.0, 3.0]])).tolist()
        [True, True, False]
    """
    if points.ndim == 2 and len(points) > _MANY:
        return _nondominated_of_many(points)
    one, other = points[..., :, None, :], points[..., None, :, :]
    dominates: NDArray[np.bool_] = np.all(one <= other, axis=-1) & np.any(one < other, axis=-1)
    found: NDArray[np.bool_] = np.logical_not(np.any(dominates, axis=-2))
    return found


def _nondominated_of_many(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the same, of points in an order in which none is dominated by a later one."""
    order = np.lexsort(points.T[::-1])
    found = np.zeros(len(points), bool)
    front, size = np.empty_like(points), 0
    for i in order:
        others = front[:size]
        as_good = (others <= points[i]).all(axis=1)
        if not (others[as_good] < points[i]).any():
            found[i] = True
            front[size], size = points[i], size + 1
    return found


def spread_over(points: NDArray[np.float64], count: int) -> list[int]:
    """Return which points to keep of many, spread over all that there are.

    The best of each objective comes first, in the objectives' order, then again and again the one
    that is farthest from its nearest neighbour among those that are kept. What counts is the place
    in the order of each objective, so that no unit outweighs another.

    Args:
        points: The points.
        count: How many to keep.

    Returns:
        Their indices, in the order in which they were taken.
    """
    if len(points) <= count:
        return list(range(len(points)))
    order = np.array([np.unique(column, return_inverse=True)[1] for column in points.T]).T
    places = order / np.maximum(order.max(axis=0), 1)
    kept = list(dict.fromkeys(int(np.argmin(column)) for column in points.T))[:count]
    while len(kept) < count:
        gaps = np.abs(places[:, None] - places[kept][None]).sum(-1).min(axis=1)
        gaps[kept] = -1.0
        kept.append(int(np.argmax(gaps)))
    return kept


def hypervolume(points: NDArray[np.float64], reference: Sequence[float]) -> float:
    """Return the volume that points dominate, up to a reference point.

    By slices along the last objective; two objectives are added up at once.

    Args:
        points: The points; what is no better than the reference in some objective adds nothing.
        reference: A value of each objective.

    Example:
        >>> import numpy as np
        >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), (3.0, 3.0))
        3.0

    References:
        Zitzler, E., Thiele, L., 1999. Multiobjective evolutionary algorithms: a comparative case
        study and the strength Pareto approach. IEEE Transactions on Evolutionary Computation 3(4),
        257-271.
    """
    bound = np.asarray(reference, float)
    inside = points[(points < bound).all(axis=1)]
    if not len(inside):
        return 0.0
    if len(bound) == 1:
        return float(bound[0] - inside.min())
    if len(bound) == 2:
        inside = inside[np.lexsort((inside[:, 1], inside[:, 0]))]
        height = bound[1] - np.minimum.accumulate(inside[:, 1])
        return float((height * np.diff(np.append(inside[:, 0], bound[0]))).sum())
    inside = inside[np.argsort(inside[:, -1], kind="stable")]
    depth = np.diff(np.append(inside[:, -1], bound[-1]))
    return sum(
        float(depth[i]) * hypervolume(inside[: i + 1, :-1], bound[:-1].tolist())
        for i in np.flatnonzero(depth)
    )


def undominated_probabilities(
    values: NDArray[np.float64], *, draws: int = _DRAWS, seed: int = 0
) -> NDArray[np.float64]:
    """Return how often each configuration is undominated where the replicates are drawn again.

    Replicates are drawn with replacement, the same ones for all configurations: what they share
    by their seeds stays shared. Configurations are compared by the means over those drawn.

    Args:
        values: With shape ``(n, r, m)``: configurations, replicates in one order, objectives.
        draws: How often they are drawn.
        seed: Of the draws.

    Returns:
        A share of the draws a configuration, with shape ``(n,)``. With one replicate it is 0 or 1.
    """
    n, r, m = values.shape
    rng = np.random.default_rng(seed)
    total = np.zeros(n)
    step = max(1, min(draws, _CHUNK // max(1, n * n * m)))
    for begin in range(0, draws, step):
        size = min(step, draws - begin)
        weights = rng.multinomial(r, np.full(r, 1 / r), size) / r
        means = np.einsum("br,nrm->bnm", weights, values)
        # what is equal in every replicate must stay equal: sums of rounded weights may not be
        total += nondominated(np.round(means, 9)).sum(axis=0)
    shares: NDArray[np.float64] = total / draws
    return shares


def equal_figure_ratio(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return how many doublings cheaper one front reaches the same figures than another.

    At each figure the cost of a front is that of its cheapest point that is as good or better. The
    ratio of the two costs, its logarithm to base 2, is averaged over the figures that both fronts
    span: from where the later of them begins to where the earlier of them ends.

    Args:
        one: Points ``(n, 2)``: a figure of which less is better, and a cost above 0.
        other: Points of the other front.

    Returns:
        The mean logarithm to base 2 of the other's cost over the one's; the figures from which
        and up to which it is taken, which are one where the fronts do not overlap.
    """
    fronts = [points[nondominated(points)] for points in (one, other)]
    best = max(front[:, 0].min() for front in fronts)
    worst = max(best, min(front[:, 0].max() for front in fronts))
    inner = [front[:, 0][(front[:, 0] > best) & (front[:, 0] < worst)] for front in fronts]
    levels = np.unique(np.concatenate([[best, worst], *inner]))

    def costs(front: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
        reaches = front[None, :, 0] <= at[:, None]
        cheapest: NDArray[np.float64] = np.where(reaches, front[None, :, 1], np.inf).min(axis=1)
        return np.log2(cheapest)

    if len(levels) == 1:
        ratio = costs(fronts[1], levels) - costs(fronts[0], levels)
        return float(ratio[0]), float(worst), float(best)
    # between two levels both are as cheap as at the better one
    at = levels[:-1]
    ratios = costs(fronts[1], at) - costs(fronts[0], at)
    weights = np.diff(levels)
    return float((ratios * weights).sum() / weights.sum()), float(worst), float(best)


def jackknifed_ratio(
    one: NDArray[np.float64], other: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, float]:
    """Return ``equal_figure_ratio`` of the means over replicates, a value a replicate.

    The values are the jackknife's pseudo-values: ``r`` times the ratio of all replicates less
    ``r - 1`` times that of all others. Their mean is the ratio, corrected for its bias, and their
    spread says how well it is known.

    Args:
        one: With shape ``(r, n, 2)``: replicates, points, a figure of which less is better and a
            cost above 0.
        other: The other arm's, with the same replicates.

    Returns:
        Values with shape ``(r,)``; from and up to which figure the ratio of all is taken.

    References:
        Tukey, J. W., 1958. Bias and confidence in not quite large samples (abstract). Annals of
        Mathematical Statistics 29, 614.
    """
    r = len(one)
    whole, worst, best = equal_figure_ratio(one.mean(axis=0), other.mean(axis=0))
    without = [
        equal_figure_ratio(*(np.delete(each, i, axis=0).mean(axis=0) for each in (one, other)))[0]
        for i in range(r)
    ]
    return r * whole - (r - 1) * np.array(without), worst, best
