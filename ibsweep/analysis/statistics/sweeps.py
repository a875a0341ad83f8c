"""Sweeps repeated: the sweep as the unit.

What a sweep finds is itself a draw: another sampler's seed leads to another configuration, and
replicates of that one configuration do not show it. Where sweeps were repeated, the mean over the
replicates of each counts as one value.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

from ibsweep.analysis.statistics.studentised import DECIMALS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["SweepComparison", "between_sweeps"]


class SweepComparison(NamedTuple):
    """An effect over repeated sweeps.

    Attributes:
        effect: Mean over the sweeps, or the difference of two arms' means.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: Two-sided; small where the true effect is unlikely to be the bound.
        sweeps: How many there are; of two arms with different numbers, the smaller one.
        between_sd: Standard deviation between sweeps: of what one new sweep gives, or of the
            difference that one new sweep of either arm gives.
        holds_again: Probability that a new sweep (or one new sweep of either arm) gives an effect
            on the claimed side of the bound.
    """

    effect: float
    low: float
    high: float
    p: float
    sweeps: int
    between_sd: float
    holds_again: float


def between_sweeps(
    means_a: ArrayLike,
    means_b: ArrayLike | None = None,
    bound: float = 0.0,
    *,
    upward: bool = True,
) -> SweepComparison:
    """Compare repeated sweeps of an arm with a bound, or with those of another arm.

    By Student's t over the sweeps; of two arms, whose sweeps have nothing in common, by Welch's.
    A new sweep is predicted from the same: its variance is that of one sweep and that of the mean.

    Args:
        means_a: The mean of each sweep of an arm, with shape ``(s,)``, two or more.
        means_b: Those of the other arm, two or more; None: ``means_a`` is held against the bound.
        bound: The effect that is tested.
        upward: Whether the claim is that the effect is above the bound.

    Raises:
        ValueError: If there are fewer than two sweeps of a side, or a mean is not finite.

    References:
        Welch, B. L., 1947. The generalization of "Student's" problem when several different
        population variances are involved. Biometrika 34(1/2), 28-35.
        Bouthillier, X., et al., 2021. Accounting for variance in machine learning benchmarks.
        Proceedings of Machine Learning and Systems 3, 747-769.
    """
    sides = [_checked(means_a)] + ([] if means_b is None else [_checked(means_b)])
    counts = np.array([len(side) for side in sides])
    variances = np.array([side.var(ddof=1) for side in sides])
    effect = float(sides[0].mean() - (sides[1].mean() if len(sides) == 2 else 0.0))
    distance = round(effect - bound, DECIMALS)
    fewest, between = int(counts.min()), math.sqrt(variances.sum())
    if between == 0:
        again = 0.5 if distance == 0 else float((distance > 0) == upward)
        p = 1.0 if distance == 0 else _p_of_agreement(counts)
        return SweepComparison(effect, effect, effect, p, fewest, 0.0, again)
    error, degrees = _welch(variances / counts, counts)
    half = float(special.stdtrit(degrees, 0.975)) * error
    p = 2 * float(special.stdtr(degrees, -abs(distance) / error))
    spread, degrees = _welch(variances * (1 + 1 / counts), counts)
    again = float(special.stdtr(degrees, (distance if upward else -distance) / spread))
    return SweepComparison(effect, effect - half, effect + half, p, fewest, between, again)


def _checked(means: ArrayLike) -> NDArray[np.float64]:
    found = np.round(np.asarray(means, float), DECIMALS)
    if found.ndim != 1 or len(found) < 2:
        raise ValueError(f"a side must have two sweeps or more, but got {found.shape=}")
    if not np.isfinite(found).all():
        raise ValueError(f"the means of sweeps must be finite, but got {found}")
    return found


def _welch(variances: NDArray[np.float64], counts: NDArray[np.int_]) -> tuple[float, float]:
    """Return the root of a sum of estimated variances, and its degrees of freedom."""
    total = float(variances.sum())
    shares = variances / total
    return math.sqrt(total), float(1 / (shares**2 / (counts - 1)).sum())


def _p_of_agreement(counts: NDArray[np.int_]) -> float:
    """Return the least p of an exact test, for sweeps that all agree: they leave no spread."""
    if len(counts) == 1:
        return float(2.0 ** (1 - int(counts[0])))
    return 2 / math.comb(int(counts.sum()), int(counts[0]))
