"""What a test found, in words and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ibsweep.analysis.runs_wording import probability_text, runs_text, unseen_text
from ibsweep.analysis.statistics import (
    describe_runs,
    probability_of_better,
    unseen_failures,
)
from ibsweep.analysis.wording import interval_text, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ibsweep.analysis.estimands import Sample, Spoken
    from ibsweep.analysis.statistics import Comparison
    from ibsweep.questions.schema import CostNeededTest, Objective, TrainSizesNeededTest

__all__ = [
    "cost_in_words",
    "ends_of_the_curve",
    "in_words",
    "level_notes",
    "ratio_in_words",
    "side_notes",
    "with_unit",
]

NOTICEABLE = 0.1
"""A share of failures that may be unseen and should be said."""


def with_unit(value: float, unit: str) -> str:
    """Return a plain number with its unit."""
    return f"{value:g} {unit}".rstrip()


def in_words(
    metric: Objective,
    found: Comparison,
    bound: float,
    on: Spoken,
    names: tuple[str, ...],
    place: str,
    title: str,
) -> str:
    """Return an effect with its interval, and the bound where it is not 0.

    Args:
        metric: The metric.
        found: The effect.
        bound: What it is held against.
        on: What it is of; ``trained`` too where no run failed.
        names: The side, or the two of them.
        place: At which training-set size, where it is not the arms' own.
        title: What a level is of, such as ``test accuracy``.
    """
    ends = f"[{found.low:.0f}, {found.high:.0f}]"
    if on == "probability":
        text = f"a fresh run of {names[0]} beats one of {names[1]}{place} in {found.effect:.0f} % "
        return text + f"{ends} against {bound:g} %"
    subject = " - ".join(names)
    if on == "rate":
        what = "runs that train"
        if names[1:]:
            text = f"{subject}{place}: {what} {found.effect:+.0f} points {ends}"
            return text + (f" against {bound:g}" if bound else "")
        return f"{subject}{place}: {what} {found.effect:.0f} % {ends} against {bound:g} %"
    # of failures that were not seen it can only be said that they count
    subject += ", all fresh runs" if on == "mean" else ""
    ends = interval_text(metric, found.low, found.high, beside=found.effect)
    if names[1:]:
        what = "" if metric.sign > 0 else f" (how much lower the {metric.title} is)"
        text = f"{subject}{place}: {metric.format(found.effect + 0.0, signed=True)}{what} {ends}"
        return text + (f" against {bound:g}" if bound else "")
    text = f"{subject}{place}: {title} {metric.format(found.effect)} {ends}"
    return f"{text} against {with_unit(bound, metric.unit)}"


def side_notes(metric: Objective, names: tuple[str, ...], sample: Sample) -> tuple[str, ...]:
    """Return what to add to a difference: the runs of either side, and which of two is better."""
    one, other = sample.sides
    notes = []
    if sample.any_failed:
        for name, side in zip(names, sample.sides, strict=True):
            runs = describe_runs(side.figures, side.trained, metric.low, metric.high)
            notes.append(
                f"{name} {'' if runs.rate.count < runs.rate.runs else 'has '}"
                f"{runs_text(metric, runs)}"
            )
    else:
        notes += _unseen(sample.replicates)
    better = probability_of_better(
        metric.sign * one.figures, metric.sign * other.figures, one.trained, other.trained
    )
    notes.append(
        f"a fresh run of {names[0]} beats one of {names[1]} in {probability_text(better)}"
    )
    return tuple(notes)


def level_notes(metric: Objective, sample: Sample, on: str) -> tuple[str, ...]:
    """Return what a mean over few replicates hides: failures, and the worst of them."""
    side = sample.one
    if not side.trained.any():
        return (f"all {len(side.trained)} runs fail",)
    notes = []
    if sample.any_failed:
        runs = describe_runs(side.figures, side.trained, metric.low, metric.high)
        notes.append(runs_text(metric, runs))
    else:
        notes += _unseen(sample.replicates)
    if on != "rate":
        figures = side.figures[np.isfinite(side.figures)]
        worst = figures.min() if metric.sign > 0 else figures.max()
        notes.append(f"worst replicate {number(metric, float(worst))}")
    return tuple(notes)


def _unseen(replicates: int) -> list[str]:
    share = unseen_failures(replicates)
    if share <= NOTICEABLE:
        return []
    return [f"no run failed ({unseen_text(replicates)})"]


_ABOUT = {
    (False, False): "",
    (True, False): "at least ",
    (False, True): "at most ",
    (True, True): "about ",
}


def ratio_in_words(
    found: Comparison,
    test: TrainSizesNeededTest,
    short: Mapping[str, int],
    early: Mapping[str, int],
    noun: str,
    target: str,
) -> str:
    """Return how many times as many examples one arm needs as the other.

    Args:
        found: The effect in doublings.
        test: The test.
        short: Replicates that fall short of the figure, by arm.
        early: Those that are beyond it with the smallest size.
        noun: What an example is called.
        target: The figure to reach.
    """
    more, fewer = test.than, test.arm
    factors: tuple[float, float, float] = (found.effect, found.low, found.high)
    if found.effect < 0:
        more, fewer = test.arm, test.than
        factors = (-found.effect, -found.high, -found.low)
    effect, low, high = (2.0**factor for factor in factors)
    # whether the ratio may be larger than it looks, and smaller
    about = _ABOUT[bool(short[more] or early[fewer]), bool(short[fewer] or early[more])]
    text = f"{more} needs {about}{effect:.1f} times as many {noun} as {fewer} "
    return text + f"[{low:.1f}, {high:.1f}] to reach {target}"


def cost_in_words(
    found: Comparison,
    test: CostNeededTest,
    cost: Objective,
    metric: Objective,
    ends: tuple[float, ...],
) -> str:
    """Return how many times as much one arm pays as the other for the same figure.

    Args:
        found: The effect in doublings.
        test: The test.
        cost: What is paid.
        metric: What the figure is of.
        ends: Between which figures.
    """
    more, fewer = test.than, test.arm
    factors: tuple[float, float, float] = (found.effect, found.low, found.high)
    if found.effect < 0:
        more, fewer = test.arm, test.than
        factors = (-found.effect, -found.high, -found.low)
    effect, low, high = (2.0**factor for factor in factors)
    text = f"{more} needs {effect:.1f} times the {cost.title} of {fewer} [{low:.1f}, {high:.1f}] "
    text += f"for the same test {metric.title}"
    first, last = (number(metric, end) for end in ends)
    if first == last:
        return f"{text}, {metric.format(ends[1])}"
    return f"{text}, on average over {first} to {metric.format(ends[1])}, which both reach"


def ends_of_the_curve(
    test: TrainSizesNeededTest,
    metric: Objective,
    sizes: Sequence[int],
    counts: Mapping[str, int],
    short: Mapping[str, int],
    early: Mapping[str, int],
) -> list[str]:
    """Return how many replicates need more than the largest size, or less than the smallest."""
    notes, beyond = [], "above" if metric.sign > 0 else "below"
    for arm in (test.arm, test.than):
        if short[arm]:
            notes.append(f"{arm} falls short with {sizes[-1]} in {short[arm]} of {counts[arm]}")
        if early[arm]:
            notes.append(f"{arm} is {beyond} it with {sizes[0]} in {early[arm]} of {counts[arm]}")
    return notes
