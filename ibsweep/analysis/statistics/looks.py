"""Many tests, and several looks at one: what a p may be compared with.

A question's claims are tested together (``holm``), and a claim that is open may be looked at again
with more replicates. Each look has a level of its own, so that all of them together err as often
as one test at 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["ALPHA", "LOOK_LEVELS", "holm", "look_sizes", "sequential_p"]

ALPHA = 0.05
"""Probability of an error anywhere among the tests of a question and their looks."""

LOOK_LEVELS = (0.025, 0.004, 0.004, 0.006, 0.008, 0.013)
"""Levels of a test's looks, two-sided.

Group-sequential bounds by alpha spending: half of 5 % is spent at the first look, as most claims
are looked at once, and the rest in proportion to the replicates. The looks' statistics hang
together, which is why the levels add up to more than 5 %. Rounded so that the total error is 4.5
to 5.1 % for one test as for families of up to 16 (normal statistics, by simulation).

References:
    Lan, K. K. G., DeMets, D. L., 1983. Discrete sequential boundaries for clinical trials.
    Biometrika 70(3), 659-663.
"""

_GROWTH = (1.0, 1.5, 2.25, 3.5, 5.25, 8.0)


def look_sizes(first: int) -> tuple[int, ...]:
    """Return how many replicates each look of a test has.

    Args:
        first: Replicates at the first look, those that the sweep was scored on.

    Returns:
        One number a level of ``LOOK_LEVELS``: ``first``, then about 1.5, 2.25, 3.5, 5.25 and 8
        times as many, rounded up to a multiple of 4.

    Raises:
        ValueError: If ``first`` is below 1.

    Example:
        >>> look_sizes(16)
        (16, 24, 36, 56, 84, 128)
    """
    if first < 1:
        raise ValueError(f"`first` must be at least 1, but got {first}")
    later = (4 * math.ceil(first * growth / 4) for growth in _GROWTH[1:])
    sizes = [first]
    for size in later:
        # one or two replicates would round to equal sizes
        sizes.append(max(size, 4 * (sizes[-1] // 4 + 1)))
    return tuple(sizes)


def sequential_p(p_by_look: Sequence[float]) -> float:
    """Return one p for a test that was looked at several times.

    It is below 0.05 exactly where that of a look is below the look's level, for a single test,
    and can only fall from look to look: a verdict stays.

    Args:
        p_by_look: The p of each look so far, the first one first.

    Raises:
        ValueError: If there is none, or more than there are levels.

    Example:
        >>> sequential_p([0.012])  # alone: half of 5 % is kept for later looks
        0.024
    """
    if not 1 <= len(p_by_look) <= len(LOOK_LEVELS):
        raise ValueError(
            f"`p_by_look` must hold 1 to {len(LOOK_LEVELS)} values, but got {len(p_by_look)}"
        )
    levels = LOOK_LEVELS[: len(p_by_look)]
    return min(1.0, *(p / level * ALPHA for p, level in zip(p_by_look, levels, strict=True)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, in the same order.

    Holm's step-down method: taking a result where its adjusted value is below 0.05 errs anywhere
    among all of them with probability 0.05 at the most, however they depend on one another.

    References:
        Holm, S., 1979. A simple sequentially rejective multiple test procedure. Scandinavian
        Journal of Statistics 6, 65-70.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1.0, p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(steps)
    return [float(value) for value in adjusted]
