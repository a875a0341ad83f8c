"""From comparisons to a verdict: several looks at a test, each of which may have two parts.

A test is looked at whenever there are enough replicates for its next look, and every look has the
replicates of those before it. What was decided at a look stays decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from ibsweep.analysis.statistics import ALPHA, LOOK_LEVELS

__all__ = ["Look", "Part", "Verdict", "decide", "p_of"]


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    EQUIVALENT = "equivalent"
    OPEN = "open"
    NOT_TESTED = "not_tested"


class Part(NamedTuple):
    """One of the things that a test speaks of, at one look.

    Attributes:
        on: Which: it goes by the same name at every look.
        p: Two-sided, of its being the bound; times the number of parts.
        claimed: Whether it lies on the claimed side of the bound.
        overrules: Whether it decides alone, whatever the others say.
    """

    on: str
    p: float
    claimed: bool
    overrules: bool = False


class Look(NamedTuple):
    """What a test says with the replicates of one look.

    Attributes:
        number: 1 for the first.
        replicates: How many there are.
        parts: What is tested, one or two.
        outside: p of the effect lying outside the margin of equivalence; 1 where there is none.
        level: Of the look.
    """

    number: int
    replicates: int
    parts: tuple[Part, ...]
    outside: float
    level: float

    @property
    def p(self) -> float:
        """Below 5 % exactly where its smallest p is below the look's level."""
        least = min((part.p for part in self.parts), default=1.0)
        return min(1.0, least * ALPHA / self.level)

    @classmethod
    def at(cls, number: int, replicates: int, parts: tuple[Part, ...], outside: float) -> Look:
        """Return a look with its level."""
        return cls(number, replicates, parts, outside, LOOK_LEVELS[number - 1])


def p_of(looks: Sequence[Look]) -> float:
    """Return one p of a test over its looks, which can only fall from look to look."""
    return min((look.p for look in looks), default=1.0)


def decide(looks: Sequence[Look], factor: float, tests: int) -> tuple[Verdict, Look | None]:
    """Return the verdict on a test, and the look that it was reached at.

    Args:
        looks: The looks so far, the first one first.
        factor: By what Holm's method multiplies the test's p.
        tests: How many tests the question's claims have.
    """
    decided: dict[str, bool] = {}
    for look in looks:
        scale = ALPHA / look.level
        for part in look.parts:
            if part.p * scale * factor < ALPHA:
                decided.setdefault(part.on, part.claimed)
        alone = [decided[part.on] for part in look.parts if part.overrules and part.on in decided]
        sides = set(alone or decided.values())
        if len(sides) == 1:
            return (Verdict.SUPPORTED if sides.pop() else Verdict.REFUTED), look
        if not sides and look.outside * scale * tests < ALPHA:
            return Verdict.EQUIVALENT, look
    return Verdict.OPEN, None
