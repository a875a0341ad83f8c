"""What a test of a claim measures: the replicates that it compares, and its effect in words.

What each kind of test compares is said at ``ibsweep.questions.schema``: sides are best confirmed
configurations, scored on held-out test examples, and paired by replicate seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.costs_needed import cost_ratios
from ibsweep.analysis.estimands import Sample
from ibsweep.analysis.finding import Compared, Finding, Subject, over_replicates, over_sweeps
from ibsweep.analysis.finding_words import (
    cost_in_words,
    ends_of_the_curve,
    level_notes,
    ratio_in_words,
    side_notes,
    with_unit,
)
from ibsweep.analysis.looks import Asked
from ibsweep.analysis.sides import BASELINE_NAME, Sides, Untestable, align, side_name
from ibsweep.analysis.sizes_needed import needed_sizes
from ibsweep.analysis.statistics import DECIMALS
from ibsweep.analysis.sweep_unit import Repeated
from ibsweep.analysis.wording import column_title, difference_unit, size_text
from ibsweep.questions.schema import (
    Arm,
    ClaimTest,
    CostNeededTest,
    DifferenceTest,
    LevelTest,
    Question,
    TrainSizesNeededTest,
)

if TYPE_CHECKING:
    import pandas as pd

    from ibsweep.data.schema import DataSchema

__all__ = ["bound_and_unit", "margin_of", "measure"]


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
        case TrainSizesNeededTest() | CostNeededTest():
            return 0.0, "doublings"


def margin_of(question: Question, test: ClaimTest) -> float | None:
    """Return how far from its bound an effect still counts as the same, None where nothing does.

    That is what the test says, else one point of a metric in percent.
    """
    if test.equivalence_margin is not None or isinstance(
        test, TrainSizesNeededTest | CostNeededTest
    ):
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
            case CostNeededTest():
                return found.cost_needed(test)
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
        own = [_own_size(question.arms[arm]) for arm in arms]
        if test.train_size is None and own[0] != own[1]:
            first_size, second_size = (
                "sizes that were tuned" if size is None else size_text(self.data, size)
                for size in own
            )
            raise Untestable(
                f"{test.arm} was tuned with {first_size}, {test.than} with {second_size}: "
                "give the test its `train_size` in the question's file"
            )
        size = test.train_size or own[0]
        first = self.sides.every(test.arm, test.where, size, metric.test)
        second = self.sides.every(test.than, test.than_where, size, metric.test)
        names = (side_name(test.arm, test.where), side_name(test.than, test.than_where))
        bound, unit = bound_and_unit(question, test)
        asked = Asked(test.on, bound, margin=margin_of(question, test))
        subject = Subject(metric, unit, names, self._at(size, *arms))
        if len(first) > 1 and len(second) > 1:
            return over_sweeps(Repeated(first, second, metric.sign), asked, subject)
        one, other = align(first, second)
        sample = Sample(one.runs, other.runs, metric.sign, metric.low, metric.high)
        found = over_replicates(sample, (one, other), asked, subject)
        return found._replace(notes=found.notes + side_notes(metric, names, sample))

    def level(self, test: LevelTest) -> Finding:
        """Measure a figure of one configuration."""
        size = test.train_size or _own_size(self.question.arms[test.arm])
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
        subject = Subject(metric, unit, names, place, title)
        if len(found) > 1:
            return over_sweeps(Repeated(found, None, metric.sign), asked, subject)
        (side,) = found
        if len(side.seeds) < 2:
            raise Untestable(
                f"{test.arm} has a single replicate: `ibsweep tune "
                f"{self.question.word(test.arm)}` with more `--confirm-replicates`"
            )
        sample = Sample(side.runs, None, metric.sign, metric.low, metric.high)
        result = over_replicates(sample, found, asked, subject)
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
        subject = Subject(metric, "doublings", ("", ""))
        if repeated:
            found = over_sweeps(Repeated(sides[0], sides[1], 1), asked, subject)
        else:
            sample = Sample(more.runs, less.runs, 1, None, None)
            # no run of these fails: what failed is left out of the curves
            found = over_replicates(sample, (more, less), asked._replace(on=None), subject)
        early = {arm: sum(int(n.early.sum()) for n in each) for arm, each in needs.items()}
        left = {arm: sum(n.left_out for n in each) for arm, each in needs.items()}
        words = ratio_in_words(found.shown, test, short, early, self.data.noun, target)
        notes = [self._tuned(None, test.arm, test.than)]
        notes += ends_of_the_curve(test, metric, question.efficiency, counts, short, early)
        for arm, failed in left.items():
            if failed:
                notes.append(f"{failed} runs of {arm} failed and are left out of its curves")
        return found._replace(words=f"{words} ({'; '.join(notes)})", on="mean")

    def cost_needed(self, test: CostNeededTest) -> Finding:
        """Compare what two fronts cost at equal figures."""
        question, metric = self.question, self.question.objective
        found = cost_ratios(self.sides, test)
        asked = Asked(None, 0.0, margin=margin_of(question, test))
        subject = Subject(metric, "doublings", ("",))
        sides = [each.side for each in found]
        if len(found) > 1:
            result = over_sweeps(Repeated(sides, None, 1), asked, subject)
        else:
            runs = sides[0].runs
            # no run of these fails: a configuration that does is passed over for another
            result = over_replicates(Sample(runs, None, 1, None, None), sides, asked, subject)
            result = result._replace(
                based_on=f"{len(runs.figures)} paired replicates of one sweep each"
            )
        ends = tuple(
            float(np.mean([getattr(each, end) for each in found])) for end in ("worst", "best")
        )
        words = cost_in_words(
            result.shown, test, question.metric_of(f"test_{test.cost}"), metric, ends
        )
        configurations = dict.fromkeys(one for each in found for one in each.configurations)
        compared = tuple(Compared(*one) for one in configurations)
        counts = [
            f"{sum(one.arm == arm for one in compared)} configurations of {arm}"
            for arm in (test.arm, test.than)
        ]
        return result._replace(
            words=f"{words} ({' and '.join(counts)})", on="mean", compared=compared
        )

    def _at(self, size: int | None, *arms: str) -> str:
        """Return the training-set size in words where it is not the arms' own."""
        if size is None:
            return ""
        tuned = self._tuned(size, *arms)
        return f" with {size_text(self.data, size)} ({tuned})" if tuned else ""

    def _tuned(self, size: int | None, *arms: str) -> str:
        """Return at which sizes the arms were tuned, unless all were at ``size``."""
        own = dict.fromkeys(self.question.arms[arm].train_size for arm in arms)
        return "" if list(own) == [size] else f"tuned with {' and '.join(map(str, own))}"


def _own_size(arm: Arm) -> int | None:
    """Return the size that an arm was tuned with; None where each configuration has its own."""
    return None if "train_size" in arm.space else arm.train_size
