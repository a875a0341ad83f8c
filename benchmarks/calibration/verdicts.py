"""Tests whose truth is exactly their bound, judged by the rule that judges claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.calibration.situations import SITUATIONS, Runs
from ibsweep.analysis.estimands import Runs as Side
from ibsweep.analysis.estimands import Sample
from ibsweep.analysis.looks import Asked, looks_at
from ibsweep.analysis.statistics import holm
from ibsweep.analysis.verdicts import Look, Verdict, decide, p_of

__all__ = ["TESTS", "Drawn", "any_wrong"]


class Drawn(NamedTuple):
    """A test with its replicates.

    Attributes:
        looks: Its looks, so far.
        right: The verdict that would be true, besides open ones; None where none is.
    """

    looks: tuple[Look, ...]
    right: Verdict | None = None


def any_wrong(family: Sequence[Drawn]) -> bool:
    """Tell whether a verdict among the tests of a question is wrong."""
    p = [p_of(drawn.looks) for drawn in family]
    for drawn, each, adjusted in zip(family, p, holm(p), strict=True):
        verdict, _ = decide(drawn.looks, adjusted / each, len(family))
        if verdict in (Verdict.SUPPORTED, Verdict.REFUTED) and verdict != drawn.right:
            return True
    return False


def _drawn(one: Runs, other: Runs | None, asked: Asked, right: Verdict | None = None) -> Drawn:
    second = None if other is None else Side(*other)
    sample = Sample(Side(*one), second, 1, 0.0, 100.0)
    return Drawn(looks_at(sample, asked, len(one.values)), right)


Draw = Callable[[np.random.Generator, int], Drawn]


def _alike(name: str) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Drawn:
        situation = SITUATIONS[name]
        return _drawn(situation.draw(rng, (n,)), situation.draw(rng, (n,)), Asked(None, 0.0))

    return draw


def _unlike(rng: np.random.Generator, n: int) -> Drawn:
    """Compare arms of one mean, one of which varies three times as much, with a tail."""
    trained = np.ones(n, bool)
    wide = Runs(100 - rng.exponential(3.0, n), trained)
    return _drawn(wide, Runs(rng.normal(97.0, 1.0, n), trained), Asked(None, 0.0))


def _one_fails(rng: np.random.Generator, n: int) -> Drawn:
    """Compare runs that train alike, where one arm's fail in one of ten: the other is better."""
    good, bad = (SITUATIONS[name].draw(rng, (n,)) for name in ("normal", "one in ten fails"))
    return _drawn(good, bad, Asked(None, 0.0), Verdict.SUPPORTED)


def _one_fails_on_mean(rng: np.random.Generator, n: int) -> Drawn:
    """Compare equal means of all runs, of which one arm's fail in one of ten."""
    failing = SITUATIONS["one in ten fails"]
    good = Runs(rng.normal(failing.mean_of_all, 1.0, n), np.ones(n, bool))
    return _drawn(good, failing.draw(rng, (n,)), Asked("mean", 0.0))


def _level(name: str, on: str = "") -> Draw:
    def draw(rng: np.random.Generator, n: int) -> Drawn:
        situation = SITUATIONS[name]
        runs = situation.draw(rng, (n,))
        if on:
            return _drawn(runs, None, Asked("mean", situation.mean_of_all, good=True))
        return _drawn(runs, None, Asked(None, situation.mean, closed=True, good=True))

    return draw


TESTS: dict[str, Draw] = {
    **{f"difference, both {name}": _alike(name) for name in SITUATIONS},
    "difference, one varies three times as much": _unlike,
    "difference, one fails in ten, runs that train alike": _one_fails,
    "difference on mean, one fails in ten, means alike": _one_fails_on_mean,
    **{f"level, {name}": _level(name) for name in SITUATIONS},
    "level on mean, one in ten fails": _level("one in ten fails", "mean"),
    "level on mean, one in fifty fails": _level("one in fifty fails", "mean"),
}
"""Each draws a test with its replicates."""
