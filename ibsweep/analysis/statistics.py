"""Statistics of replicates: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

__all__ = ["Interval", "mean_interval"]


class Interval(NamedTuple):
    """A mean with the ends of its confidence interval; the ends are None for a single value."""

    mean: float
    low: float | None
    high: float | None


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of accuracies with Student's t interval over the replicates.

    A replicate brings its own data, initialisation, batch order and test images, so its spread
    holds all of them.

    Args:
        values: One accuracy a replicate, in percent.
        confidence: Coverage of the interval.

    Returns:
        Mean and interval, the interval cut to 0..100.

    Raises:
        ValueError: If there is no value.
    """
    if len(values) == 0:
        raise ValueError("`values` must hold at least one accuracy")
    mean = float(np.mean(values))
    if len(values) == 1:
        return Interval(mean, None, None)
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1) * stats.sem(values))
    return Interval(mean, max(0.0, mean - half), min(100.0, mean + half))
