"""What a test found: the unit is the replicate with one sweep an arm, the sweep with repeats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.estimands import Runs, Sample, compare
from ibsweep.analysis.finding_words import in_words
from ibsweep.analysis.looks import Asked, looks_at
from ibsweep.analysis.sides import Side, Untestable
from ibsweep.analysis.statistics import Comparison, SweepComparison, look_sizes
from ibsweep.analysis.sweep_unit import Repeated, compare_sweeps, judge_sweeps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibsweep.analysis.estimands import Spoken
    from ibsweep.analysis.verdicts import Look
    from ibsweep.questions.schema import Objective

__all__ = ["Compared", "Finding", "Subject", "over_replicates", "over_sweeps"]


class Compared(NamedTuple):
    """A configuration that a test compares: what would be trained further to decide it."""

    arm: str
    sweep: str
    trial: int
    train_size: int
    replicates: int


class Finding(NamedTuple):
    """What a test found.

    Attributes:
        on: What it speaks of: ``mean``, ``rate``, ``trained``, ``probability``, or ``rate and
            trained``.
        shown: The effect on all replicates, or over sweeps.
        bound: What it is held against.
        unit: Of both.
        looks: The looks at it.
        words: The effect in words and figures.
        based_on: What it rests on, such as ``16 paired replicates``.
        notes: What to add at the end.
        margin: How far from the bound still counts as the same; None: nothing does.
        spread: Standard deviation of what ``shown`` is the mean of.
        compared: The configurations.
        next_look: How many replicates the next look has; None after the last, and of sweeps.
        old: Whether the replicates chose the configurations that they score.
        sweeps: How many there are of a side at least, where the sweep is the unit; else None.
        holds_again: Probability that it would hold in a new sweep.
    """

    on: str
    shown: Comparison
    bound: float
    unit: str
    looks: tuple[Look, ...]
    words: str
    based_on: str
    notes: tuple[str, ...]
    margin: float | None
    spread: float
    compared: tuple[Compared, ...]
    next_look: int | None = None
    old: bool = False
    sweeps: int | None = None
    holds_again: float | None = None


class Subject(NamedTuple):
    """What is measured, for the words of a finding.

    Attributes:
        metric: The metric.
        unit: Of the effect and its bound.
        names: Of the sides.
        place: At which training-set size, where that is not the arms' own.
        title: What the figure of a level is.
    """

    metric: Objective
    unit: str
    names: tuple[str, ...]
    place: str = ""
    title: str = ""

    def in_words(self, found: Comparison, bound: float, on: Spoken) -> str:
        """Return an effect in words and figures."""
        return in_words(self.metric, found, bound, on, self.names, self.place, self.title)


def over_replicates(
    sample: Sample, sides: Sequence[Side], asked: Asked, subject: Subject
) -> Finding:
    """Judge one sweep an arm, with the replicate as the unit."""
    unit = subject.unit
    on, shown_on = _spoken(sample, asked)
    bound = asked.bound if asked.on or shown_on != "rate" else 50.0 if sample.other is None else 0
    found = compare(sample, shown_on, bound)
    if found is None:  # not even two that train
        shown_on = on = "rate"
        bound = 50.0 if sample.other is None else 0.0
        found = compare(sample, "rate", bound)
        assert found is not None
    if shown_on == "rate" and asked.on != "rate":
        unit = "percent of runs" if sample.other is None else "points of runs"
    first = min(side.first for side in sides)
    looks = looks_at(sample, asked, first)
    later = [n for n in look_sizes(first) if n > looks[-1].replicates]
    paired, each = ("paired ", " each") if sample.other is not None else ("", "")
    of = "" if found.replicates == sample.replicates else f"{found.replicates} of "
    alike = any(side.chosen_on_them for side in sides)
    return Finding(
        on=on,
        shown=found,
        bound=bound,
        unit=unit,
        looks=looks,
        words=subject.in_words(found, bound, shown_on),
        # what it speaks of: the configurations found, and not what a sweep finds
        based_on=f"{of}{sample.replicates} {paired}replicates of one sweep{each}",
        notes=("chosen and scored on the same replicates",) * alike,
        margin=asked.margin,
        spread=_spread(sample, shown_on, found),
        compared=tuple(_compared(side) for side in sides),
        next_look=later[0] if later else None,
        old=alike,
    )


def over_sweeps(repeated: Repeated, asked: Asked, subject: Subject) -> Finding:
    """Judge repeated sweeps, with the sweep as the unit."""
    unit = subject.unit
    groups = (repeated.one, *([] if repeated.other is None else [repeated.other]))
    runs = [
        Runs(
            np.concatenate([side.runs.figures for side in group]),
            np.concatenate([side.runs.trained for side in group]),
        )
        for group in groups
    ]
    least = min(len(each.figures) for each in runs)
    pooled = Sample(
        runs[0].first(least),
        runs[1].first(least) if runs[1:] else None,
        subject.metric.sign,
        None,
        None,
    )
    failed = repeated.any_failed
    on: str = asked.on or "mean"
    shown_on: Spoken = asked.on or "trained"
    if asked.on is None and failed:
        on = "rate and trained" if asked.good is None else "trained"
        if asked.good is False and not pooled.one.trained.any():
            on, shown_on = "mean", "runs"
    bound = asked.bound
    found = compare_sweeps(repeated, shown_on, bound, upward=asked.upward)
    if found is None:
        on, shown_on, bound = "rate", "rate", 0.0 if repeated.other is not None else 50.0
        unit = "percent of runs" if repeated.other is None else "points of runs"
        found = compare_sweeps(repeated, "rate", bound, upward=asked.upward)
        if found is None:
            raise Untestable("fewer than two sweeps of a side share a seed with the other's")
    ends = _within_reach(found, subject.metric, shown_on, two=repeated.other is not None)
    shown = Comparison(found.effect, *ends, found.p, least)
    counts = " and ".join(str(len(group)) for group in groups)
    return Finding(
        on=on,
        shown=shown,
        bound=bound,
        unit=unit,
        looks=judge_sweeps(repeated, asked),
        words=subject.in_words(shown, bound, shown_on),
        based_on=f"{counts} sweeps",
        notes=_between(found, subject.names, runs),
        margin=asked.margin,
        spread=found.between_sd,
        compared=tuple(_compared(side) for group in groups for side in group),
        sweeps=found.sweeps,
        holds_again=found.holds_again,
    )


def _within_reach(
    found: SweepComparison, metric: Objective, on: Spoken, *, two: bool
) -> tuple[float, float]:
    """Return an interval's ends, none of them where no figure, or no difference, can be."""
    low, high = (0.0, 100.0) if on in ("rate", "probability") else (metric.low, metric.high)
    if two and on != "probability":
        width = math.inf if low is None or high is None else high - low
        low, high = -width, width
    return (
        found.low if low is None else max(found.low, low),
        found.high if high is None else min(found.high, high),
    )


def _spoken(sample: Sample, asked: Asked) -> tuple[str, Spoken]:
    """Return what a test speaks of, and of what its effect is shown."""
    if asked.on is not None:
        return asked.on, asked.on
    if not sample.any_failed:
        return "mean", "trained"
    if asked.good is None:
        return "rate and trained", "trained"
    if sample.one.trained.any():
        return "trained", "trained"
    return ("rate", "rate") if asked.good else ("mean", "runs")


def _spread(sample: Sample, on: Spoken, found: Comparison) -> float:
    """Return the standard deviation of what an effect is the mean of."""
    share = found.effect / 100
    if on == "probability" or (on == "rate" and sample.other is None):
        return 100 * float(np.sqrt(share * (1 - share)))
    if on == "rate":
        pairs = [side.trained.astype(float) for side in sample.sides]
        return 100 * float(np.std(pairs[0] - pairs[1], ddof=1))
    return float(np.std(sample.effects(on), ddof=1))


def _between(
    found: SweepComparison, names: tuple[str, ...], runs: Sequence[Runs]
) -> tuple[str, ...]:
    """Return what sweeps add: how they differ, and whether a new one would say the same."""
    again = f"would hold in a new sweep with probability {found.holds_again:.2f}"
    notes = [f"standard deviation between sweeps {found.between_sd:.2g}", again]
    for name, each in zip(names, runs, strict=True):
        if name and not each.trained.all():
            notes.append(f"{name} trains in {each.trained.sum()} of {len(each.trained)} runs")
    return tuple(notes)


def _compared(side: Side) -> Compared:
    return Compared(side.arm, side.sweep, side.trial, side.train_size, len(side.seeds))
