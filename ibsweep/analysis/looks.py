"""The looks at a test: at each, its parts and their p, with the replicates that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.estimands import Sample, compare, p_outside
from ibsweep.analysis.statistics import LEAST_REPLICATES, compare_rate, look_sizes
from ibsweep.analysis.verdicts import Look, Part

if TYPE_CHECKING:
    from ibsweep.analysis.estimands import Spoken
    from ibsweep.analysis.statistics import Comparison
    from ibsweep.questions.schema import Estimand

__all__ = ["RATE_MARGIN", "Asked", "looks_at"]

RATE_MARGIN = 10.0
"""Rates of runs that train within so many percentage points count as the same."""


class Asked(NamedTuple):
    """What a test asks.

    Attributes:
        on: What it speaks of; None: of the mean where no run failed, else of rate and trained.
        bound: What the effect is held against.
        upward: Whether an effect above the bound is as claimed.
        closed: Whether the bound itself is as claimed.
        margin: How far from the bound still counts as the same; None: nothing does.
        good: Whether it claims that the runs are good, so that one that fails speaks against it;
            None where two configurations are compared.
    """

    on: Estimand | None
    bound: float
    upward: bool = True
    closed: bool = False
    margin: float | None = None
    good: bool | None = None

    def claims(self, found: Comparison) -> bool:
        """Tell whether an effect lies on the claimed side of the bound."""
        if found.effect == self.bound:
            return self.closed
        return (found.effect > self.bound) == self.upward


def looks_at(sample: Sample, asked: Asked, first: int) -> tuple[Look, ...]:
    """Return the looks at a test that its replicates allow, the first one first.

    Args:
        sample: All replicates, in the order in which looks take them.
        asked: What the test asks.
        first: How many the first look has; fewer where there are fewer.
    """
    sizes = [n for n in look_sizes(first) if n <= sample.replicates] or [sample.replicates]
    looks = []
    for number, count in enumerate(sizes, 1):
        part = sample.first(count)
        looks.append(Look.at(number, count, _parts(part, asked), _outside(part, asked)))
    return tuple(looks)


def _parts(sample: Sample, asked: Asked) -> tuple[Part, ...]:
    """Return what is tested; no part where there are too few replicates for it."""
    if asked.on is not None:
        return _part(sample, asked, asked.on)
    if not sample.any_failed:
        # the same part as that of the runs that train, should one fail at a later look
        return _part(sample, asked, "trained")
    if asked.good is not None:
        if not asked.good and not sample.one.trained.any():
            return _part(sample, asked, "runs", name="trained")
        # p need not be doubled: of a claim that is true each part errs on one side alone
        return _part(sample, asked, "trained") + _less_than_half(sample, asked)
    trained = _part(sample, asked, "trained", times=2)
    return trained + _part(sample, Asked("rate", 0.0), "rate", times=2)


def _part(
    sample: Sample, asked: Asked, on: Spoken, *, name: str | None = None, times: int = 1
) -> tuple[Part, ...]:
    found = compare(sample, on, asked.bound)
    if found is None or found.replicates < LEAST_REPLICATES:
        return ()
    p = found.p
    if found.low == found.high == asked.bound:
        # nothing to tell apart; but all of them lie just where "at least" and "at most" allow
        p = 2.0 ** (1 - found.replicates) if asked.good is not None else 1.0
    return (Part(name or on, min(1.0, times * p), asked.claims(found)),)


def _less_than_half(sample: Sample, asked: Asked) -> tuple[Part, ...]:
    """Return what it says of a level that most runs fail; nothing where not even half do."""
    trained = sample.one.trained
    found = compare_rate(trained, 0.5)
    if found.effect >= 0.5 or found.replicates < LEAST_REPLICATES:
        return ()
    if not asked.good:
        failing = float(np.mean(sample.one.figures[~trained]))
        beyond = found._replace(effect=failing)
        if not asked.claims(beyond):
            return ()
    return (Part("half", found.p, not asked.good, overrules=True),)


def _outside(sample: Sample, asked: Asked) -> float:
    """Return the p of the effect lying outside the margin of equivalence."""
    if asked.margin is None:
        return 1.0
    if asked.on is not None:
        return p_outside(sample, asked.on, asked.bound, asked.margin)
    if asked.good is not None:
        if sample.any_failed and np.mean(sample.one.trained) < 0.5:
            return 1.0
        return p_outside(sample, "trained", asked.bound, asked.margin)
    inside = p_outside(sample, "trained", asked.bound, asked.margin)
    if not sample.any_failed or inside == 1:
        return inside
    return max(inside, p_outside(sample, "rate", 0.0, RATE_MARGIN))
