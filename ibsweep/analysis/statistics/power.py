"""What replicates can show, before they are trained and where they did not suffice."""

from __future__ import annotations

import math

import numpy as np
from scipy import optimize, special

from ibsweep.analysis.statistics.looks import LOOK_LEVELS

__all__ = ["LEAST_REPLICATES", "detectable_effect", "replicates_needed"]

LEAST_REPLICATES = 6
"""A claim is tested on so many replicates or more."""

_COST = 2
"""Replicates that it costs to take the larger p of two methods, which keeps the level of skewed
figures: without them the power named 80 % is 62 to 78 % of normal figures, with them 79 to 84 %
(7 to 64 replicates, 1 to 6 tests, by simulation)."""


def detectable_effect(replicates: int, tests: int, power: float = 0.8) -> float | None:
    """Return the effect that replicates show with some probability, in standard deviations.

    Of one test among ``tests``, at its first look: the level is that of Holm's first step. The
    standard deviation is that of the differences of a paired comparison, or of the figures of a
    level.

    Args:
        replicates: How many there are.
        tests: How many tests the question's claims have.
        power: Probability with which the effect is to be shown.

    Returns:
        The effect, or None where there are too few replicates to test anything.

    Raises:
        ValueError: If there is no test, or ``power`` is not between the level and 1.

    References:
        Cohen, J., 1988. Statistical Power Analysis for the Behavioral Sciences, chapter 2.

    Example:
        >>> round(detectable_effect(16, 1), 2), detectable_effect(5, 1)
        (0.91, None)
    """
    level = _level(tests, power)
    if replicates < LEAST_REPLICATES:
        return None

    def lacking(effect: float) -> float:
        return _power(replicates, effect, level) - power

    most = 1.0
    while lacking(most) < 0:
        most *= 2
    return float(optimize.brentq(lacking, 0.0, most, xtol=1e-6))


def replicates_needed(effect: float, sd: float, tests: int, power: float = 0.8) -> int:
    """Return how many replicates would show an effect with some probability.

    As ``detectable_effect`` reckons: one of ``tests`` tests, at its first look.

    Args:
        effect: Distance of the mean from the bound.
        sd: Standard deviation over replicates, of the differences where arms are compared.
        tests: How many tests the question's claims have.
        power: Probability with which the effect is to be shown.

    Raises:
        ValueError: If the effect is 0 or not finite (no number of replicates shows it), ``sd`` is
            negative or not finite, there is no test, or ``power`` is not between the level and 1.

    Example:
        >>> replicates_needed(1.0, 1.0, 1)
        15
    """
    level = _level(tests, power)
    if not math.isfinite(effect) or effect == 0:
        raise ValueError(f"`effect` must be a number other than 0, but got {effect}")
    if not math.isfinite(sd) or sd < 0:
        raise ValueError(f"`sd` must be a number of 0 or more, but got {sd}")
    if sd == 0:
        return LEAST_REPLICATES
    size = abs(effect) / sd
    # Normal statistics need a little fewer than t does; far out, where the noncentral t can no
    # longer be computed, the difference is nothing.
    normal = ((special.ndtri(1 - level / 2) + special.ndtri(power)) / size) ** 2
    if normal > 10_000:
        return math.ceil(normal)
    n = max(LEAST_REPLICATES, math.floor(normal) + _COST)
    while _power(n, size, level) < power:
        n += 1
    return n


def _power(replicates: int, effect: float, level: float) -> float:
    """Return the probability of a test, on the effect's side, to be below a level."""
    replicates -= _COST
    degrees = replicates - 1
    critical = special.stdtrit(degrees, 1 - level / 2)
    beyond = 1 - special.nctdtr(degrees, effect * math.sqrt(replicates), critical)
    # far out the cumulative distribution is no number; all of it is beyond then
    return float(np.nan_to_num(beyond, nan=1.0))


def _level(tests: int, power: float) -> float:
    if tests < 1:
        raise ValueError(f"`tests` must be at least 1, but got {tests}")
    level = LOOK_LEVELS[0] / tests
    if not level < power < 1:
        raise ValueError(f"`power` must be between {level:g} and 1, but got {power}")
    return level
