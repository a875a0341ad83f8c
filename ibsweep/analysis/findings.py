"""What a test of a claim measures: the replicates that it compares, and its effect in words.

What each kind of test compares is said at ``ibsweep.questions.schema``: sides are best confirmed
configurations, scored on held-out test examples, and paired by replicate seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.estimands import Runs, Sample, compare
from ibsweep.analysis.finding_words import (
    ends_of_the_curve,
    in_words,
    level_notes,
    ratio_in_words,
    side_notes,
    with_unit,
)
from ibsweep.analysis.looks import Asked, looks_at
from ibsweep.analysis.sides import BASELINE_NAME, Side, Sides, Untestable, align, side_name
from ibsweep.analysis.sizes_needed import needed_sizes
from ibsweep.analysis.statistics import DECIMALS, Comparison, SweepComparison, look_sizes
from ibsweep.analysis.sweep_unit import Repeated, compare_sweeps, judge_sweeps
from ibsweep.analysis.wording import column_title, difference_unit, size_text
from ibsweep.questions.schema import (
    ClaimTest,
    DifferenceTest,
    LevelTest,
    Objective,
    Question,
    TrainSizesNeededTest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ibsweep.analysis.estimands import Spoken
    from ibsweep.analysis.verdicts import Look
    from ibsweep.data.schema import DataSchema

__all__ = ["Compared", "Finding", "bound_and_unit", "margin_of", "measure"]


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


def bound_and_unit(question: Question, test: ClaimTest) -> tuple[float, str]:
    """Return the bound of a test and the unit of its effect; empty where it has none."""
    match test:
        case DifferenceTest(on="probability"):
            return 50.0, "percent"
        case DifferenceTest():
            unit = "points of runs" if test.on == "rate" else difference_unit(question.objective)
            return 0.0 - round(test.margin, DECIMALS), unit
        case LevelTest(on="rate"):
            return round(test.bound, DECIMALS), "percent of runs"
        case LevelTest():
            unit = question.metric_of(test.metric or question.objective.test).unit
            return round(test.bound, DECIMALS), "percent" if unit == "%" else unit
        case TrainSizesNeededTest():
            return 0.0, "doublings"


def margin_of(question: Question, test: ClaimTest) -> float | None:
    """Return how far from its bound an effect still counts as the same, None where nothing does.

    That is what the test says, else one point of a metric in percent.
    """
    if test.equivalence_margin is not None or isinstance(test, TrainSizesNeededTest):
        return test.equivalence_margin
    if test.on in ("rate", "probability"):
        return None
    column = test.metric if isinstance(test, LevelTest) else None
    metric = question.metric_of(column or question.objective.test)
    return 1.0 if metric.unit == "%" else None


def measure(
    question: Question, frame: pd.DataFrame, test: ClaimTest, data: DataSchema
) -> Finding | str:
    """Return what a test found, or why it cannot be carried out."""
    found = _Measurement(question, Sides(question, frame, data), data)
    try:
        match test:
            case DifferenceTest():
                return found.difference(test)
            case LevelTest():
                return found.level(test)
            case TrainSizesNeededTest():
                return found.train_sizes_needed(test)
    except Untestable as reason:
        return str(reason)


class _Measurement(NamedTuple):
    """What the tests of a question are measured on.

    Attributes:
        question: The question.
        sides: Finds the replicates.
        data: What its data are.
    """

    question: Question
    sides: Sides
    data: DataSchema

    def difference(self, test: DifferenceTest) -> Finding:
        """Measure by how much one side is better than the other."""
        question, metric = self.question, self.question.objective
        arms = (test.arm, test.than)
        own = [question.arms[arm].train_size for arm in arms]
        if test.train_size is None and own[0] != own[1]:
            raise Untestable(
                f"{test.arm} was tuned with {size_text(self.data, own[0])}, {test.than} with "
                f"{own[1]}: give the test its `train_size` in the question's file"
            )
        size = test.train_size or own[0]
        first = self.sides.every(test.arm, test.where, size, metric.test)
        second = self.sides.every(test.than, test.than_where, size, metric.test)
        names = (side_name(test.arm, test.where), side_name(test.than, test.than_where))
        bound, unit = bound_and_unit(question, test)
        asked = Asked(test.on, bound, margin=margin_of(question, test))
        place = self._at(size, *arms)
        if len(first) > 1 and len(second) > 1:
            repeated = Repeated(first, second, metric.sign)
            return self._over_sweeps(repeated, asked, unit, metric, names, place)
        one, other = align(first, second)
        sample = Sample(one.runs, other.runs, metric.sign, metric.low, metric.high)
        found = self._over_replicates(sample, (one, other), asked, unit, metric, names, place)
        return found._replace(notes=found.notes + side_notes(metric, names, sample))

    def level(self, test: LevelTest) -> Finding:
        """Measure a figure of one configuration."""
        size = test.train_size or self.question.arms[test.arm].train_size
        baseline = test.config == "baseline"
        column = test.metric or self.question.objective.test
        metric = self.question.metric_of(column)
        found = self.sides.every(test.arm, test.where, size, column, baseline=baseline)
        names = (side_name(test.arm, test.where) + (f", {BASELINE_NAME}" if baseline else ""),)
        bound, unit = bound_and_unit(self.question, test)
        good = test.on == "rate" or test.upward == (metric.sign > 0)
        if test.on == "rate":
            good = test.upward
        asked = Asked(
            test.on, bound, test.upward, test.closed, margin_of(self.question, test), good
        )
        place, title = self._at(size, test.arm), column_title(metric, column)
        if len(found) > 1:
            repeated = Repeated(found, None, metric.sign)
            return self._over_sweeps(repeated, asked, unit, metric, names, place, title)
        (side,) = found
        if len(side.seeds) < 2:
            raise Untestable(
                f"{test.arm} has a single replicate: `ibsweep tune "
                f"{self.question.word(test.arm)}` with more `--confirm-replicates`"
            )
        sample = Sample(side.runs, None, metric.sign, metric.low, metric.high)
        result = self._over_replicates(sample, found, asked, unit, metric, names, place, title)
        return result._replace(notes=result.notes + level_notes(metric, sample, result.on))

    def train_sizes_needed(self, test: TrainSizesNeededTest) -> Finding:
        """Compare, replicate by replicate, the training-set sizes that two arms need.

        A replicate that never gets there counts as needing the largest size, one that is there
        from the start as needing the smallest: that moves no ratio beyond one, and a ratio of a
        replicate only nearer to it. The words say in which direction the truth may lie.
        """
        question, metric = self.question, self.question.objective
        target = with_unit(test.value, metric.unit)
        needs = {a: needed_sizes(self.sides, a, test.value) for a in (test.arm, test.than)}
        repeated = all(len(found) > 1 for found in needs.values())
        # the arm that needs fewer is the better one: its logarithm is taken from the other's
        sides = [[each.side for each in needs[arm]] for arm in (test.than, test.arm)]
        if not repeated:
            more, less = align(sides[0], sides[1])
            needs = {
                arm: [
                    each.only(side.seeds) for each in needs[arm] if each.side.sweep == side.sweep
                ]
                for arm, side in ((test.arm, less), (test.than, more))
            }
        short = {arm: sum(int(n.short.sum()) for n in found) for arm, found in needs.items()}
        counts = {arm: sum(len(n.short) for n in found) for arm, found in needs.items()}
        if short == counts:
            raise Untestable(
                f"neither {test.arm} nor {test.than} reaches {target} with "
                f"{size_text(self.data, question.efficiency[-1])}: give larger numbers in "
                "`efficiency` in the question's file"
            )
        asked = Asked("mean", 0.0, margin=margin_of(question, test))
        if repeated:
            whole = Repeated(sides[0], sides[1], 1)
            found = self._over_sweeps(whole, asked, "doublings", metric, ("", ""), "")
        else:
            sample = Sample(more.runs, less.runs, 1, None, None)
            # no run of these fails: what failed is left out of the curves
            plain = asked._replace(on=None)
            pair = (more, less)
            found = self._over_replicates(sample, pair, plain, "doublings", metric, ("", ""), "")
        early = {arm: sum(int(n.early.sum()) for n in each) for arm, each in needs.items()}
        left = {arm: sum(n.left_out for n in each) for arm, each in needs.items()}
        words = ratio_in_words(found.shown, test, short, early, self.data.noun, target)
        notes = [self._tuned(None, test.arm, test.than)]
        notes += ends_of_the_curve(test, metric, question.efficiency, counts, short, early)
        for arm, failed in left.items():
            if failed:
                notes.append(f"{failed} runs of {arm} failed and are left out of its curves")
        return found._replace(words=f"{words} ({'; '.join(notes)})", on="mean")

    def _over_replicates(
        self,
        sample: Sample,
        sides: Sequence[Side],
        asked: Asked,
        unit: str,
        metric: Objective,
        names: tuple[str, ...],
        place: str,
        title: str = "",
    ) -> Finding:
        """Judge one sweep an arm, with the replicate as the unit."""
        on, shown_on = _spoken(sample, asked)
        bound = (
            asked.bound if asked.on or shown_on != "rate" else 50.0 if sample.other is None else 0
        )
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
            words=in_words(metric, found, bound, shown_on, names, place, title),
            # what it speaks of: the configurations found, and not what a sweep finds
            based_on=f"{of}{sample.replicates} {paired}replicates of one sweep{each}",
            notes=("chosen and scored on the same replicates",) * alike,
            margin=asked.margin,
            spread=_spread(sample, shown_on, found),
            compared=tuple(_compared(side) for side in sides),
            next_look=later[0] if later else None,
            old=alike,
        )

    def _over_sweeps(
        self,
        repeated: Repeated,
        asked: Asked,
        unit: str,
        metric: Objective,
        names: tuple[str, ...],
        place: str,
        title: str = "",
    ) -> Finding:
        """Judge repeated sweeps, with the sweep as the unit."""
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
            metric.sign,
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
        shown = Comparison(found.effect, found.low, found.high, found.p, least)
        counts = " and ".join(str(len(group)) for group in groups)
        return Finding(
            on=on,
            shown=shown,
            bound=bound,
            unit=unit,
            looks=judge_sweeps(repeated, asked),
            words=in_words(metric, shown, bound, shown_on, names, place, title),
            based_on=f"{counts} sweeps",
            notes=_between(found, names, runs),
            margin=asked.margin,
            spread=found.between_sd,
            compared=tuple(_compared(side) for group in groups for side in group),
            sweeps=found.sweeps,
            holds_again=found.holds_again,
        )

    def _at(self, size: int, *arms: str) -> str:
        """Return the training-set size in words where it is not the arms' own."""
        tuned = self._tuned(size, *arms)
        return f" with {size_text(self.data, size)} ({tuned})" if tuned else ""

    def _tuned(self, size: int | None, *arms: str) -> str:
        """Return at which sizes the arms were tuned, unless all were at ``size``."""
        own = dict.fromkeys(self.question.arms[arm].train_size for arm in arms)
        return "" if list(own) == [size] else f"tuned with {' and '.join(map(str, own))}"


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
