"""Intervals of a mean, and its comparison with a bound or with another arm's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.statistics.studentised import DECIMALS, studentise

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "DECIMALS",
    "Comparison",
    "Interval",
    "compare_with_bound",
    "mean_interval",
    "paired_difference",
]


class Interval(NamedTuple):
    """A mean with the ends of its confidence interval.

    The ends are None for a single value, and where a value is not finite.
    """

    mean: float
    low: float | None
    high: float | None


class Comparison(NamedTuple):
    """An effect with its 95 % interval and the p of the bound it was tested against.

    Attributes:
        effect: Mean over the replicates.
        low: Lower end of the interval.
        high: Upper end.
        p: Two-sided; small where the true effect is unlikely to be the bound.
        replicates: How many values it rests on.
    """

    effect: float
    low: float
    high: float
    p: float
    replicates: int


def mean_interval(
    values: Sequence[float] | NDArray[np.float64],
    low: float | None = None,
    high: float | None = None,
    *,
    confidence: float = 0.95,
) -> Interval:
    """Return the mean of a metric with its interval over the replicates.

    The ends are the outer ones of Student's t and of the studentised bootstrap; below five values
    Student's alone. ``python -m benchmarks calibration`` says how often they hold the true mean.

    Args:
        values: One figure a replicate.
        low: The least value of the metric, which cuts the interval; None where it has none.
        high: The greatest one.
        confidence: Coverage of the interval, between 0 and 1.

    Raises:
        ValueError: If there is no value.

    Example:
        >>> mean, low, high = mean_interval([97.0, 96.0, 98.0, 97.0], 0, 100)
        >>> print(f"{mean:.1f} [{low:.1f}, {high:.1f}]")
        97.0 [95.7, 98.3]
    """
    sample = np.asarray(values, float)
    if len(sample) == 0:
        raise ValueError("`values` must hold at least one figure")
    if len(sample) == 1 or not np.isfinite(sample).all():
        return Interval(float(sample.mean()), None, None)
    found = studentise(sample)
    return Interval(found.mean, *_clipped(found.ends(confidence), low, high))


def compare_with_bound(
    values: ArrayLike, bound: float, *, low: float | None = None, high: float | None = None
) -> Comparison:
    """Compare the mean of one sample with a bound.

    The interval is that of ``mean_interval``, and p is the larger one of its two methods: it is
    below 0.05 exactly where the interval excludes the bound. Values that are all equal have an
    interval without a width and no spread to judge by; their p is that of ``n`` equal signs,
    ``2 ** (1 - n)``, which below six replicates is not below 0.05.

    What the replicates do not show, no test of them sees: where one run in ten fails, eight
    replicates have no failure among them in 43 % of cases (``0.9 ** 8``). Hence the rate of runs
    that train beside it: ``describe_runs``.

    Args:
        values: One value a replicate, with shape ``(n,)``.
        bound: The mean that is tested.
        low: The least value that the mean can have, which cuts the interval; None: any.
        high: The greatest one.

    Raises:
        ValueError: If there are fewer than two values, or one is not finite.
    """
    sample = np.round(np.asarray(values, float), DECIMALS)
    if sample.ndim != 1 or len(sample) < 2:
        raise ValueError(f"`values` must hold two replicates or more, but got {sample.shape=}")
    if not np.isfinite(sample).all():
        raise ValueError(f"`values` must be finite, but got {sample}")
    found = studentise(sample)
    ends = _clipped(found.ends(0.95), low, high)
    return Comparison(found.mean, *ends, found.p(bound), found.replicates)


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    bound: float = 0.0,
    low: float | None = None,
    high: float | None = None,
) -> Comparison:
    """Compare two arms replicate by replicate.

    Args:
        first: One value a replicate, with shape ``(n,)``.
        second: The other arm's, of the same replicates in the same order.
        bound: The mean difference that is tested.
        low: The least mean difference that there can be, which cuts the interval; None: any.
        high: The greatest one.

    Returns:
        The mean of ``first - second``, as ``compare_with_bound`` tests it.

    Raises:
        ValueError: If the arrays differ in length, or hold fewer than two values.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if a.shape != b.shape:
        raise ValueError(f"`first` and `second` must be paired, but got {a.shape=}, {b.shape=}")
    return compare_with_bound(a - b, bound, low=low, high=high)


def _clipped(
    ends: tuple[float, float], low: float | None, high: float | None
) -> tuple[float, float]:
    """Cut an interval at the least and the greatest value that a metric can have."""
    least = -math.inf if low is None else low
    greatest = math.inf if high is None else high
    return max(least, ends[0]), min(greatest, ends[1])
