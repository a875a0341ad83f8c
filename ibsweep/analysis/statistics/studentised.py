"""The mean of one sample in two ways, by Student's t and by the studentised bootstrap.

Student's interval is symmetric. Where values are skewed, as accuracies just under 100 % are, it
covers the true mean too rarely: in 90 to 92 % of cases at 8 replicates. The studentised bootstrap
(bootstrap-t) learns the skewness from the sample and is too narrow where there is none to learn
from few values. The outer ends of both are what is taken.

Both are kept to one quantity, ``t = (mean - bound) / (sd / sqrt(n))``, and its distribution: the
ends of the interval and ``p`` come from the same numbers and cannot contradict each other.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DECIMALS", "LEAST_FOR_BOOTSTRAP", "RESAMPLES", "Studentised", "studentise"]

RESAMPLES = 9999
"""Resamples of a bootstrap: with the sample itself 10,000, so that levels are whole numbers."""

DECIMALS = 9
"""Values and bounds are compared to so many: two equal figures, each rounded in binary, may
differ by 1e-14, and that must not count as an effect."""

LEAST_FOR_BOOTSTRAP = 5
"""Fewer values have too few different resamples; Student's t stands alone."""

REACH = 3.0
"""How many times as far from the mean as Student's an end of the bootstrap's may lie."""


class Studentised(NamedTuple):
    """A sample with the distribution that its mean is judged by.

    Attributes:
        mean: Mean of the sample.
        error: Its standard error; 0 where all values are equal.
        replicates: Number of values.
        resampled: ``t`` of the resamples, rising; None where Student's t stands alone.
    """

    mean: float
    error: float
    replicates: int
    resampled: NDArray[np.float64] | None

    def ends(self, confidence: float) -> tuple[float, float]:
        """Return the interval's ends: the outer ones of the two methods."""
        if self.error == 0:
            return self.mean, self.mean
        up = low = _critical(self.replicates, confidence)
        if self.resampled is not None:
            # the last resample that leaves p at the level or above it
            tail = (1 - confidence) / 2 * (RESAMPLES + 1)
            last = max(math.ceil(round(tail, 6)) - 1, 1)
            up = max(up, float(self.resampled[-last]))
            low = max(low, -float(self.resampled[last - 1]))
        return self.mean - up * self.error, self.mean + low * self.error

    def p(self, bound: float) -> float:
        """Return the two-sided p of the true mean being ``bound``: the larger of the two."""
        distance = round(self.mean - bound, DECIMALS)
        if self.error == 0:
            # without a spread only the agreement is left, and signs are all that speaks
            return 1.0 if distance == 0 else 2.0 ** (1 - self.replicates)
        t = distance / self.error
        p = 2 * float(special.stdtr(self.replicates - 1, -abs(t)))
        if self.resampled is not None:
            t = round(t, DECIMALS)
            under = int(np.searchsorted(self.resampled, t, side="right"))
            over = len(self.resampled) - int(np.searchsorted(self.resampled, t, side="left"))
            p = max(p, 2 * (1 + min(under, over)) / (RESAMPLES + 1))
        return min(p, 1.0)


def studentise(values: NDArray[np.float64]) -> Studentised:
    """Return what the mean of a sample is judged by.

    Resamples come from a fixed generator, so that a figure is always the same. In a sample of few
    values, or of many equal ones, some resamples have no spread of their own, or next to none, and
    their ``t`` is beyond all bounds: seven replicates at 100 % and one at 99 would have an
    interval without an end. No resample counts as more than three times Student's critical value.
    In simulations (normal, lognormal, exponential, binomial, 5 to 16 values) that cost 0.3 points
    of coverage at the most; only of an accuracy that is 100 % but for a long tail (gamma of shape
    0.3) it cost 3 points at 5 values and 1 at 8.

    Args:
        values: Two or more, with shape ``(n,)``.

    References:
        Efron, B., Tibshirani, R. J., 1993. An Introduction to the Bootstrap, section 12.5.
        Hesterberg, T. C., 2015. What teachers should know about the bootstrap. The American
        Statistician 69(4), 371-386.
    """
    return _studentised(np.asarray(values, float).tobytes())


@lru_cache(maxsize=32)
def _studentised(sample: bytes) -> Studentised:
    """Return the same of a sample's bytes: one is asked for several bounds and confidences."""
    values = np.frombuffer(sample)
    n, mean = len(values), float(values.mean())
    if np.ptp(values) == 0:
        return Studentised(float(values[0]), 0.0, n, None)
    sd = float(values.std(ddof=1))
    error = sd / math.sqrt(n)
    if n < LEAST_FOR_BOOTSTRAP:
        return Studentised(mean, error, n, None)
    z = (values - mean) / sd
    # whatever the order of the replicates, and whichever side is taken from the other
    z = z[np.lexsort((z, np.round(np.abs(z), DECIMALS)))]
    # mean and variance of each resample, in standard deviations   (2, resamples)
    means, squares = np.stack([z, z * z]) @ _counts(n) / n
    variances = np.maximum((squares - means * means) * n / (n - 1), 0.0)
    most = REACH * _critical(n, 0.95)
    # below, as all resamples with less spread are cut to `most` whatever it is
    least = (np.abs(means) * math.sqrt(n) / most) ** 2
    t = means * math.sqrt(n) / np.sqrt(np.maximum(variances, least) + (means == 0))
    return Studentised(mean, error, n, np.sort(np.round(t, DECIMALS)))


@lru_cache(maxsize=64)
def _critical(replicates: int, confidence: float) -> float:
    """Return what ``t`` exceeds with probability ``(1 - confidence) / 2``."""
    return float(special.stdtrit(replicates - 1, (1 + confidence) / 2))


@lru_cache(maxsize=8)
def _counts(n: int) -> NDArray[np.float64]:
    """Return how often each of ``n`` values is in each resample, with shape ``(n, resamples)``."""
    drawn = np.random.default_rng(n).integers(0, n, (RESAMPLES, n))
    cells = drawn + n * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(cells.ravel(), minlength=n * RESAMPLES).reshape(RESAMPLES, n)
    return np.ascontiguousarray(counts.T, float)
