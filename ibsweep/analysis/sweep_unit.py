"""A test with the sweep as its unit: where sweeps were repeated, each counts as one value.

Of a sweep the mean over its replicates counts, of a test on rates its rate. With fewer than two
sweeps of a side a verdict speaks of the configurations that were found, not of finding them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.estimands import Runs
from ibsweep.analysis.looks import RATE_MARGIN, Asked
from ibsweep.analysis.statistics import (
    ALPHA,
    SweepComparison,
    between_sweeps,
    probability_of_better,
)
from ibsweep.analysis.verdicts import Look, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.analysis.estimands import Spoken
    from ibsweep.analysis.sides import Side

__all__ = ["Repeated", "compare_sweeps", "judge_sweeps"]


class Repeated(NamedTuple):
    """Sweeps of one side, or of two.

    Attributes:
        one: The side in each of its sweeps.
        other: That of the arm that it is compared with; None where there is none.
        sign: By which figures are multiplied before two arms are compared.
    """

    one: Sequence[Side]
    other: Sequence[Side] | None
    sign: int

    @property
    def any_failed(self) -> bool:
        """Whether a run of any sweep failed."""
        return not all(side.runs.trained.all() for side in (*self.one, *(self.other or ())))


def compare_sweeps(
    sweeps: Repeated, on: Spoken, bound: float, *, upward: bool = True
) -> SweepComparison | None:
    """Hold what a test speaks of against its bound, over sweeps.

    Args:
        sweeps: The sweeps.
        on: As for ``estimands.compare``; ``mean`` is that of all runs.
        bound: In the unit of ``on``.
        upward: Whether an effect above it is as claimed.

    Returns:
        The comparison, or None where fewer than two sweeps of a side can be spoken of.
    """
    if on == "probability":
        values = _probabilities(sweeps)
        if len(values) < 2:
            return None
        return between_sweeps(values, bound=bound, upward=upward)
    sign = 1 if on == "rate" or sweeps.other is None else sweeps.sign
    sides = [
        [sign * value for side in found if (value := _value(side.runs, on)) is not None]
        for found in (sweeps.one, sweeps.other)
        if found is not None
    ]
    if min(map(len, sides)) < 2:
        return None
    other = sides[1] if len(sides) == 2 else None
    return between_sweeps(sides[0], other, bound, upward=upward)


def _value(runs: Runs, on: Spoken) -> float | None:
    """Return what a sweep says; None where no run of it trains and of these is spoken."""
    if on == "rate":
        return 100 * float(runs.trained.mean())
    figures = runs.figures[runs.trained] if on == "trained" else runs.figures
    return float(figures.mean()) if len(figures) else None


def _probabilities(sweeps: Repeated) -> list[float]:
    """Return how often a run of the one beats one of the other, in sweeps of common seeds."""
    found = []
    for one in sweeps.one:
        for other in sweeps.other or ():
            if one.seeds[:1] == other.seeds[:1]:
                n = min(len(one.seeds), len(other.seeds))
                a, b = one.runs.first(n), other.runs.first(n)
                better = probability_of_better(
                    sweeps.sign * a.figures, sweeps.sign * b.figures, a.trained, b.trained
                )
                found.append(100 * better.effect)
    return found


def judge_sweeps(sweeps: Repeated, asked: Asked) -> tuple[Look, ...]:
    """Return the one look at a test of sweeps; it has a level of 5 %.

    Args:
        sweeps: The sweeps.
        asked: What the test asks.
    """
    failed = sweeps.any_failed
    shown: Spoken = asked.on or "trained"
    if (
        asked.on is None
        and asked.good is False
        and not any(s.runs.trained.any() for s in sweeps.one)
    ):
        shown = "runs"
    both = asked.on is None and failed and asked.good is None
    parts = _part(sweeps, asked, shown, times=2 if both else 1)
    if both:
        parts += _part(sweeps, Asked("rate", 0.0), "rate", times=2)
    elif asked.on is None and failed:
        parts += _less_than_half(sweeps, asked)
    outside = _outside(sweeps, shown, asked.bound, asked.margin)
    if both and outside < 1:
        outside = max(outside, _outside(sweeps, "rate", 0.0, RATE_MARGIN))
    replicates = sum(len(side.seeds) for side in sweeps.one)
    return (Look(1, replicates, parts, outside, ALPHA),)


def _part(sweeps: Repeated, asked: Asked, on: Spoken, *, times: int = 1) -> tuple[Part, ...]:
    found = compare_sweeps(sweeps, on, asked.bound, upward=asked.upward)
    if found is None:
        return ()
    above = found.effect > asked.bound
    claimed = asked.closed if found.effect == asked.bound else above == asked.upward
    return (Part(on, min(1.0, times * found.p), claimed),)


def _less_than_half(sweeps: Repeated, asked: Asked) -> tuple[Part, ...]:
    found = compare_sweeps(sweeps, "rate", 50.0)
    if found is None or found.effect >= 50:
        return ()
    failing = np.concatenate([side.runs.figures[~side.runs.trained] for side in sweeps.one])
    below = float(failing.mean()) < asked.bound
    if not asked.good and below == asked.upward:
        return ()
    return (Part("half", found.p, not asked.good, overrules=True),)


def _outside(sweeps: Repeated, on: Spoken, bound: float, margin: float | None) -> float:
    if margin is None:
        return 1.0
    ends = [compare_sweeps(sweeps, on, bound + step) for step in (-margin, margin)]
    if any(end is None or not abs(end.effect - bound) < margin for end in ends):
        return 1.0
    return max(end.p for end in ends if end is not None)
