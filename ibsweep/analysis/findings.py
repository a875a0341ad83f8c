"""What a test of a claim measures: the rows that it compares, and its effect in words and figures.

What each kind of test compares is said at ``ibsweep.questions.schema``: sides are best confirmed
configurations, scored on held-out test examples, and paired by replicate seed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ibsweep.analysis.efficiency import test_figures
from ibsweep.analysis.statistics import (
    DECIMALS,
    Comparison,
    compare_with_bound,
    paired_difference,
    sizes_to_reach,
)
from ibsweep.analysis.wording import (
    column_title,
    difference_unit,
    interval_text,
    number,
    size_text,
)
from ibsweep.questions.schema import (
    ClaimTest,
    DifferenceTest,
    LevelTest,
    Question,
    TrainSizesNeededTest,
)

if TYPE_CHECKING:
    import pandas as pd

    from ibsweep.data.schema import DataSchema

__all__ = ["Finding", "bound_and_unit", "measure"]


class Finding(NamedTuple):
    """What a test found.

    Attributes:
        comparison: The effect against the test's bound.
        describe: Puts the effect into words and figures, without replicates and p.
        note: What to add to them at the end, if anything.
    """

    comparison: Comparison
    describe: Callable[[Comparison], str]
    note: str = ""


class _Untestable(Exception):
    """A test cannot be carried out; the text says why and what to run."""


def bound_and_unit(question: Question, test: ClaimTest) -> tuple[float, str]:
    """Return the bound of a test and the unit of its effect; empty where it has none."""
    match test:
        case DifferenceTest():
            return 0.0 - round(test.margin, DECIMALS), difference_unit(question.objective)
        case LevelTest():
            unit = question.metric_of(test.metric or question.objective.test).unit
            return round(test.bound, DECIMALS), "percent" if unit == "%" else unit
        case TrainSizesNeededTest():
            return 0.0, "doublings"


def measure(
    question: Question, frame: pd.DataFrame, test: ClaimTest, data: DataSchema
) -> Finding | str:
    """Return what a test found, or why it cannot be carried out."""
    found = _Measurement(question, frame, data)
    try:
        match test:
            case DifferenceTest():
                return found.difference(test)
            case LevelTest():
                return found.level(test)
            case TrainSizesNeededTest():
                return found.train_sizes_needed(test)
    except _Untestable as reason:
        return str(reason)


class _Measurement(NamedTuple):
    """What the tests of a question are measured on.

    Attributes:
        question: The question.
        frame: Its confirmations.
        data: What its data are.
    """

    question: Question
    frame: pd.DataFrame
    data: DataSchema

    def difference(self, test: DifferenceTest) -> Finding:
        """Measure by how much one side is better than the other."""
        question, metric = self.question, self.question.objective
        arms = (test.arm, test.than)
        own = [question.arms[arm].train_size for arm in arms]
        if test.train_size is None and own[0] != own[1]:
            raise _Untestable(
                f"{test.arm} was tuned with {size_text(self.data, own[0])}, {test.than} with "
                f"{own[1]}: give the test its `train_size` in the question's file"
            )
        size = test.train_size or own[0]
        first = self._configuration(test.arm, test.where, size, metric.test)
        second = self._configuration(test.than, test.than_where, size, metric.test)
        common = _common(first, second, test)
        sides = f"{_side(test.arm, test.where)} - {_side(test.than, test.than_where)}"
        what = "" if metric.sign > 0 else f" (how much lower the {metric.title} is)"

        def describe(found: Comparison) -> str:
            effect = metric.format(found.effect + 0.0, signed=True)
            ends = interval_text(metric, found.low, found.high, beside=found.effect)
            text = f"{sides}{self._at(size, *arms)}: {effect}{what} {ends}"
            return text + (f" against {-test.margin:g}" if test.margin else "")

        bound, _ = bound_and_unit(question, test)
        sides_of = (metric.sign * side.loc[common] for side in (first, second))
        return Finding(paired_difference(*sides_of, bound=bound), describe)

    def level(self, test: LevelTest) -> Finding:
        """Measure a figure of one configuration."""
        size = test.train_size or self.question.arms[test.arm].train_size
        baseline = test.config == "baseline"
        column = test.metric or self.question.objective.test
        metric = self.question.metric_of(column)
        values = self._configuration(test.arm, test.where, size, column, baseline=baseline)
        if len(values) < 2:
            raise _Untestable(
                f"{test.arm} has a single replicate: `ibsweep tune "
                f"{self.question.word(test.arm)}` with more `--confirm-replicates`"
            )
        subject = _side(test.arm, test.where) + (f", {BASELINE_NAME}" if baseline else "")
        title = column_title(metric, column)

        def describe(found: Comparison) -> str:
            ends = interval_text(metric, found.low, found.high, beside=found.effect)
            text = f"{subject}{self._at(size, test.arm)}: {title} {metric.format(found.effect)} "
            return text + f"{ends} against {_with_unit(test.bound, metric.unit)}"

        # what a mean over few replicates hides
        worst = values.min() if metric.sign > 0 else values.max()
        note = f", worst replicate {number(metric, float(worst))}"
        bound, _ = bound_and_unit(self.question, test)
        return Finding(compare_with_bound(values, bound), describe, note)

    def train_sizes_needed(self, test: TrainSizesNeededTest) -> Finding:
        """Compare, replicate by replicate, the training-set sizes that two arms need.

        A replicate that never gets there counts as needing the largest size, one that is there
        from the start as needing the smallest: that moves no ratio beyond one, and a ratio of a
        replicate only nearer to it. The words say in which direction the truth may lie.
        """
        question, metric = self.question, self.question.objective
        sizes, target = list(question.efficiency), _with_unit(test.value, metric.unit)
        tables = {arm: self._curves(arm, test.value) for arm in (test.arm, test.than)}
        common = _common(tables[test.arm], tables[test.than], test)
        count = len(common)
        needed = {
            arm: sizes_to_reach(
                list(table.columns),
                table.loc[common].to_numpy(float),
                test.value,
                sign=metric.sign,
            )
            for arm, table in tables.items()
        }
        short = {arm: int(np.isinf(n).sum()) for arm, n in needed.items()}
        # a curve that is beyond it already at the smallest size got there with fewer examples
        early = {
            arm: int(
                (
                    np.round(metric.sign * (table.loc[common, sizes[0]] - test.value), DECIMALS)
                    > 0
                ).sum()
            )
            for arm, table in tables.items()
        }
        if set(short.values()) == {count}:
            raise _Untestable(
                f"neither {test.arm} nor {test.than} reaches {target} with "
                f"{size_text(self.data, sizes[-1])}: give larger numbers in `efficiency` in the "
                "question's file"
            )
        log_sizes = {arm: np.log2(np.minimum(n, sizes[-1])) for arm, n in needed.items()}
        beyond = "above" if metric.sign > 0 else "below"

        def describe(found: Comparison) -> str:
            more, fewer, factors = test.than, test.arm, found[:3]
            if found.effect < 0:
                more, fewer, factors = test.arm, test.than, (-found[0], -found[2], -found[1])
            effect, low, high = (2.0**factor for factor in factors)
            # whether the ratio may be larger than it looks, and smaller
            open_ends = (bool(short[more] or early[fewer]), bool(short[fewer] or early[more]))
            about = _ABOUT[open_ends]
            text = f"{more} needs {about}{effect:.1f} times as many {self.data.noun} as {fewer} "
            text += f"[{low:.1f}, {high:.1f}] to reach {target}"
            notes = [self._tuned(None, test.arm, test.than)]
            for arm in (test.arm, test.than):
                if short[arm]:
                    notes.append(f"{arm} falls short with {sizes[-1]} in {short[arm]} of {count}")
                if early[arm]:
                    notes.append(
                        f"{arm} is {beyond} it with {sizes[0]} in {early[arm]} of {count}"
                    )
            return f"{text} ({'; '.join(notes)})"

        return Finding(paired_difference(log_sizes[test.than], log_sizes[test.arm]), describe)

    def _curves(self, arm: str, target: float) -> pd.DataFrame:
        """Return figures of an arm's replicates at the question's training-set sizes.

        Larger sizes may be lacking where every replicate is there before: the first crossing is
        known without them.
        """
        question, metric = self.question, self.question.objective
        table = test_figures(self.frame, arm, metric.test)
        if table.empty:
            raise _Untestable(f"{arm} has no confirmed sweep: `ibsweep tune {question.word(arm)}`")
        lacking = [n for n in question.efficiency if n not in table.columns]
        known = list(itertools.takewhile(lambda n: n not in lacking, question.efficiency))
        if lacking and known:
            start = table[known].dropna()
            curves = start.to_numpy(float)
            if (
                len(start)
                and np.isfinite(sizes_to_reach(known, curves, target, sign=metric.sign)).all()
            ):
                return start
        if lacking:
            raise _Untestable(
                f"{arm} was not trained with "
                f"{size_text(self.data, ', '.join(map(str, lacking)))}: "
                f"`ibsweep efficiency {question.word()}`"
            )
        return table[list(question.efficiency)].dropna()

    def _configuration(
        self,
        arm: str,
        where: Mapping[str, Any],
        size: int,
        column: str,
        *,
        baseline: bool = False,
    ) -> pd.Series[float]:
        """Return the figures of one configuration of an arm by replicate seed, never none.

        Args:
            arm: The arm's name.
            where: Values that the configuration must have.
            size: Size of the training set.
            column: Which figures.
            baseline: Whether it is the arm's baseline, and not the best.
        """
        question = self.question
        rows = self.frame[self.frame["arm"] == arm]
        if rows.empty:
            raise _Untestable(f"{arm} has no confirmed sweep: `ibsweep tune {question.word(arm)}`")
        name = _side(arm, where)
        if baseline:
            rows, name = rows[rows["baseline"].astype(bool)], f"{BASELINE_NAME} of {name}"
        for key, value in where.items():
            config = f"config_{key}"
            rows = rows[rows[config] == value] if config in rows else rows.iloc[:0]
        own = rows[rows["train_size"] == question.arms[arm].train_size]
        if own.empty:
            raise _Untestable(
                f"{name} was not confirmed: `ibsweep tune {question.word(arm)}` with more "
                "`--trials`"
            )
        if where and not baseline:
            rows = rows[rows["trial"] == _best_trial(question, own)]
        elif not baseline:
            rows = rows[rows["role"] == "best"]
        best = bool((rows["role"] == "best").any())
        rows = rows[rows["train_size"] == size]
        if rows.empty:
            reason = f"{name} was not trained with {size_text(self.data, size)}: "
            if not best:
                reason += "only the arm's best configuration is trained at other numbers"
            elif size in question.efficiency:
                reason += f"`ibsweep efficiency {question.word()}`"
            else:
                reason += f"add {size} to `efficiency` in the question's file"
            raise _Untestable(reason)
        values: pd.Series[float] = (
            rows.groupby("seed")[column].mean().dropna() if column in rows else rows["seed"][:0]
        )
        if values.empty:
            raise _Untestable(f"{name} has no figure {column}")
        return values

    def _at(self, size: int, *arms: str) -> str:
        """Return the training-set size in words where it is not the arms' own."""
        tuned = self._tuned(size, *arms)
        return f" with {size_text(self.data, size)} ({tuned})" if tuned else ""

    def _tuned(self, size: int | None, *arms: str) -> str:
        """Return at which sizes the arms were tuned, unless all were at ``size``."""
        own = dict.fromkeys(self.question.arms[arm].train_size for arm in arms)
        return "" if list(own) == [size] else f"tuned with {' and '.join(map(str, own))}"


BASELINE_NAME = "the baseline"

_ABOUT = {
    (False, False): "",
    (True, False): "at least ",
    (False, True): "at most ",
    (True, True): "about ",
}


def _with_unit(value: float, unit: str) -> str:
    return f"{value:g} {unit}".rstrip()


class _Scores(NamedTuple):
    columns: Mapping[Any, float]

    def figure(self, column: str) -> float | None:
        """Return a figure by the name of its column."""
        return self.columns.get(column)


def _best_trial(question: Question, rows: pd.DataFrame) -> int:
    """Return the trial that is best on the confirmation's validation examples."""
    means = rows.groupby("trial")[[question.objective.valid, "valid_loss"]].mean()
    trials, rows_of = means.index.to_list(), means.to_dict("records")
    scores = {trial: _Scores(row) for trial, row in zip(trials, rows_of, strict=True)}
    return int(min(trials, key=lambda trial: question.objective.rank(scores[trial])))


def _common(
    first: pd.DataFrame | pd.Series[float],
    second: pd.DataFrame | pd.Series[float],
    test: DifferenceTest | TrainSizesNeededTest,
) -> pd.Index[Any]:
    """Return the replicate seeds of both sides, two or more."""
    common = first.index.intersection(second.index)
    if len(common) < 2:
        raise _Untestable(
            f"{test.arm} and {test.than} share fewer than two replicates: tune both with the same "
            "`--seed` and `--confirm-replicates`"
        )
    return common


def _side(arm: str, where: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name} {value}" for name, value in where.items())
    return f"{arm} ({values})" if values else arm
