"""The mean of all fresh runs, where some of them fail.

A mean over runs of which one in ten fails has no useful interval at 8 or 16 replicates: samples
without a failure, of which there are many, say nothing of the failures to come. It is put together
instead, of the rate of runs that train, the mean of those that do, and what failing runs score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.statistics.intervals import (
    Comparison,
    Interval,
    compare_with_bound,
    mean_interval,
    paired_difference,
)
from ibsweep.analysis.statistics.rates import Rate, rate_interval, unseen_failures
from ibsweep.analysis.statistics.studentised import DECIMALS, RESAMPLES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["RunFigures", "compare_means_of_all", "describe_runs", "mean_of_all"]

NOTICEABLE = 0.1
"""A share of failures that a mean should not hide."""


class RunFigures(NamedTuple):
    """What is said of a configuration's fresh runs.

    Attributes:
        mean: Of all of them, with its interval.
        trusted: Whether the interval of ``mean`` can be taken as it stands: no run failed, of
            enough runs to have seen it if one in ten did (29).
        rate: Of runs that train.
        trained: Mean of those that train, with its interval; not a number where none does.
    """

    mean: Interval
    trusted: bool
    rate: Rate
    trained: Interval

    @property
    def caveat(self) -> str:
        """Why the mean is not to be trusted, in words; empty where it is."""
        failed = self.rate.runs - self.rate.count
        if failed:
            return f"{failed} of {self.rate.runs} runs fail"
        if self.trusted:
            return ""
        share = unseen_failures(self.rate.runs)
        return (
            f"{self.rate.runs} runs are too few to have seen one failure in ten: they do not "
            f"rule out {share:.0%}"
        )


def describe_runs(
    values: ArrayLike, trained: ArrayLike, low: float | None = None, high: float | None = None
) -> RunFigures:
    """Return what is said of a configuration's fresh runs.

    Args:
        values: One figure a run, with shape ``(n,)``.
        trained: Whether each run trains, with shape ``(n,)``.
        low: The least value of the metric; None where it has none.
        high: The greatest one.

    Raises:
        ValueError: If the arrays differ in length or are empty, or the figure of a run that trains
            is not finite.

    Example:
        >>> found = describe_runs([97, 98, 33, 97, 99, 98], [1, 1, 0, 1, 1, 1], 0, 100)
        >>> print(f"{found.rate.share:.2f}, {found.trained.mean:.1f}; {found.caveat}")
        0.83, 97.8; 1 of 6 runs fail
    """
    figures, trains = _checked(values, trained)
    rate = rate_interval(int(trains.sum()), len(trains))
    trusted = rate.count == rate.runs and unseen_failures(rate.runs) <= NOTICEABLE
    whole = mean_of_all(figures, trains, low, high)
    return RunFigures(whole, trusted, rate, _trained(figures, trains, low, high, 0.95))


def mean_of_all(
    values: ArrayLike,
    trained: ArrayLike,
    low: float | None = None,
    high: float | None = None,
    *,
    unseen: float | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Return the mean of all fresh runs.

    Where no run failed it is the mean of those that train. Where some did, an end of its interval
    is that of the mixture: the rate's end, the trained mean's end and, for the rest, the mean of
    those that fail, taken as known. Where none trains it is the mean of those that fail.

    Args:
        values: One figure a run, with shape ``(n,)``.
        trained: Whether each run trains, with shape ``(n,)``.
        low: The least value of the metric; None where it has none.
        high: The greatest one.
        unseen: What a run that fails would score, where none did: then failures that were not
            seen count too, as the rate's interval has them. None: they do not.
        confidence: Of the rate's interval and of the trained mean's.

    Raises:
        ValueError: If the arrays differ in length or are empty, or a figure that is needed is not
            finite.
    """
    figures, trains = _checked(values, trained)
    count, n = int(trains.sum()), len(trains)
    if count == n and unseen is None:
        return mean_interval(figures, low, high, confidence=confidence)
    if count == 0:
        return mean_interval(figures, low, high, confidence=confidence)
    failing = float(figures[~trains].mean()) if count < n else unseen
    assert failing is not None
    rate = rate_interval(count, n, confidence=confidence)
    mean, *ends = _trained(figures, trains, low, high, confidence)
    # a single run that trains leaves its mean open as far as the metric goes
    least, most = (
        None
        if end is None
        else choose(share * end + (1 - share) * failing for share in (rate.low, rate.high))
        for choose, end in (
            (min, low if ends[0] is None else ends[0]),
            (max, high if ends[1] is None else ends[1]),
        )
    )
    return Interval(rate.share * mean + (1 - rate.share) * failing, least, most)


def compare_means_of_all(
    first: ArrayLike,
    first_trained: ArrayLike,
    second: ArrayLike | None = None,
    second_trained: ArrayLike | None = None,
    *,
    bound: float = 0.0,
    low: float | None = None,
    high: float | None = None,
    unseen: float | None = None,
) -> Comparison:
    """Compare the mean of all fresh runs with a bound, or that of another configuration with it.

    By the intervals of ``mean_of_all``: two of them are put together as independent ones are,
    which is too careful where the replicates' data make both better or worse at once. p is one
    minus the confidence at which the interval just reaches the bound. Where no run failed, and
    failures that were not seen do not count, it is ``compare_with_bound`` or
    ``paired_difference``.

    Args:
        first: One figure a run, with shape ``(n,)``.
        first_trained: Whether each run trains.
        second: Figures of the other configuration, of the same replicates; None: ``first`` is held
            against the bound.
        second_trained: Whether each of these trains.
        bound: The mean, or the difference of means, that is tested.
        low: The least value of the metric; None where it has none.
        high: The greatest one.
        unseen: What a run that fails would score, where none did; None: what the other side's
            score that fail, or nothing where no run of either did.

    Raises:
        ValueError: If arrays differ in length or hold fewer than two figures, or a figure that is
            needed is not finite.

    References:
        Zou, G. Y., Donner, A., 2008. Construction of confidence limits about effect measures: a
        general approach. Statistics in Medicine 27(10), 1693-1702.
    """
    sides = [_checked(first, first_trained)]
    if second is not None:
        sides.append(_checked(second, sides[0][1] if second_trained is None else second_trained))
    n = len(sides[0][0])
    if n < 2 or any(len(figures) != n for figures, _ in sides):
        raise ValueError("both sides must have the same replicates, two or more")
    if unseen is None and all(trains.all() for _, trains in sides):
        if len(sides) == 1:
            return compare_with_bound(sides[0][0], bound, low=low, high=high)
        reach = None if low is None or high is None else high - low
        least = None if reach is None else -reach
        return paired_difference(sides[0][0], sides[1][0], bound=bound, low=least, high=reach)
    failing = np.concatenate([figures[~trains] for figures, trains in sides])
    assumed = float(failing.mean()) if unseen is None and len(sides) == 2 else unseen

    def interval(confidence: float) -> tuple[float, float, float]:
        found = [
            mean_of_all(*side, low, high, unseen=assumed, confidence=confidence) for side in sides
        ]
        one = _open_ended(found[0])
        return one if len(sides) == 1 else _difference(one, _open_ended(found[1]))

    effect, *ends = interval(0.95)
    p = _p_by_confidence(lambda confidence: interval(confidence)[1:], bound, ends)
    return Comparison(effect, ends[0], ends[1], p, n)


def _open_ended(found: Interval) -> tuple[float, float, float]:
    low = -math.inf if found.low is None else found.low
    return found.mean, low, math.inf if found.high is None else found.high


def _difference(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the difference of two estimates, whose margins add as squares do."""
    effect = one[0] - other[0]
    down = math.hypot(one[0] - one[1], other[2] - other[0])
    return effect, effect - down, effect + math.hypot(one[2] - one[0], other[0] - other[1])


def _p_by_confidence(
    interval: Callable[[float], tuple[float, ...]], bound: float, ends: Sequence[float]
) -> float:
    """Return one minus the confidence at which an interval just reaches a bound."""

    def holds(low: float, high: float) -> bool:
        return round(low, DECIMALS) <= bound <= round(high, DECIMALS)

    if not all(math.isfinite(end) or end in (-math.inf, math.inf) for end in ends):
        return 1.0  # a figure is lacking: nothing is known
    # p is above `low` and at most `high`
    low, high = (0.05, 1.0) if holds(*ends) else (2 / (RESAMPLES + 1), 0.05)
    for _ in range(12):
        middle = (low + high) / 2
        if holds(*interval(1 - middle)):
            low = middle
        else:
            high = middle
    return low if high == 0.05 else high


def _trained(
    figures: NDArray[np.float64],
    trains: NDArray[np.bool_],
    low: float | None,
    high: float | None,
    confidence: float,
) -> Interval:
    if not trains.any():
        return Interval(math.nan, None, None)
    return mean_interval(figures[trains], low, high, confidence=confidence)


def _checked(
    values: ArrayLike, trained: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    figures, trains = np.asarray(values, float), np.asarray(trained, bool)
    if figures.ndim != 1 or figures.shape != trains.shape or not len(figures):
        raise ValueError(f"runs must be paired, but got {figures.shape=}, {trains.shape=}")
    return figures, trains
