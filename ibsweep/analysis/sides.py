"""The sides of a test: whose replicates it compares, out of the confirmations of a question.

A side is the best configuration that a sweep of an arm chose, one that has given values, or the
arm's baseline; it is scored on replicates that had no part in the choice. Sweeps of formats 2 and
3 had one set of replicates for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ibsweep.analysis.estimands import Runs
from ibsweep.analysis.statistics import LEAST_REPLICATES
from ibsweep.analysis.wording import size_text
from ibsweep.questions.space import same_value

if TYPE_CHECKING:
    import pandas as pd

    from ibsweep.data.schema import DataSchema
    from ibsweep.questions.schema import Arm, Question

__all__ = [
    "BASELINE_NAME",
    "Side",
    "Sides",
    "Untestable",
    "align",
    "at_own_size",
    "choice_rows",
    "score_rows",
    "side_name",
]

BASELINE_NAME = "the baseline"


class Untestable(Exception):
    """A test cannot be carried out; the text says why and what to run."""


class Side(NamedTuple):
    """A configuration's replicates, in the order in which looks take them.

    Attributes:
        arm: The arm.
        sweep: The sweep that found the configuration.
        trial: Its trial.
        train_size: Size of the training sets.
        seeds: Replicate seeds.
        runs: The replicates.
        first: How many its sweep was scored on to begin with.
        chosen_on_them: Whether the same replicates chose it.
        word: The arm on a command line.
    """

    arm: str
    sweep: str
    trial: int
    train_size: int
    seeds: tuple[int, ...]
    runs: Runs
    first: int
    chosen_on_them: bool
    word: str


def at_own_size(confirmations: pd.DataFrame, arm: Arm) -> pd.Series[bool]:
    """Return which rows of an arm are at the training-set size that the trial had in its sweep.

    Args:
        confirmations: Rows of confirmations.
        arm: The arm; rows of others mean nothing.
    """
    own: Any = arm.train_size
    if "train_size" in arm.space and "config_train_size" in confirmations:
        own = confirmations["config_train_size"]
    found: pd.Series[bool] = confirmations["train_size"] == own
    return found


def score_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the confirmations that score: all but those that only chose."""
    return frame[frame["purpose"] != "choice"]


def choice_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the confirmations that chose: all of a sweep where one set did both."""
    return frame[frame["purpose"] != "score"]


def side_name(arm: str, where: Mapping[str, Any]) -> str:
    """Return a side in words, such as ``a (batch_size 5)``."""
    values = ", ".join(f"{name} {value}" for name, value in where.items())
    return f"{arm} ({values})" if values else arm


class Sides(NamedTuple):
    """Finds sides among the rows of a question.

    Attributes:
        question: The question.
        frame: Its confirmations.
        data: What its data are.
    """

    question: Question
    frame: pd.DataFrame
    data: DataSchema

    def sweeps(self, arm: str) -> list[str]:
        """Return the arm's sweeps, in the order of the rows; never none."""
        names = list(dict.fromkeys(self.frame.loc[self.frame["arm"] == arm, "sweep"]))
        if not names:
            word = self.question.word(arm)
            raise Untestable(f"{arm} has no confirmed sweep: `ibsweep tune {word}`")
        return names

    def every(
        self,
        arm: str,
        where: Mapping[str, Any],
        size: int | None,
        column: str,
        *,
        baseline: bool = False,
    ) -> list[Side]:
        """Return an arm's side in each of its sweeps that has one, never none.

        Args:
            arm: The arm's name.
            where: Values that the configuration must have.
            size: Size of the training set; None for the configuration's own.
            column: Which figures.
            baseline: Whether it is the arm's baseline, and not the best.
        """
        found, reasons = [], []
        for sweep in self.sweeps(arm):
            try:
                found.append(self._of(sweep, arm, where, size, column, baseline=baseline))
            except Untestable as reason:
                reasons.append(reason)
        if not found:
            raise reasons[-1]
        return found

    def _of(
        self,
        sweep: str,
        arm: str,
        where: Mapping[str, Any],
        size: int | None,
        column: str,
        *,
        baseline: bool,
    ) -> Side:
        question = self.question
        rows = self.frame[(self.frame["arm"] == arm) & (self.frame["sweep"] == sweep)]
        name = side_name(arm, where)
        if baseline:
            rows, name = rows[rows["baseline"].astype(bool)], f"{BASELINE_NAME} of {name}"
        for key, value in where.items():
            config = f"config_{key}"
            if config not in rows:
                rows = rows.iloc[:0]
            else:
                rows = rows.dropna(subset=[config])
                rows = rows[[same_value(one, value) for one in rows[config].tolist()]]
        own = rows[at_own_size(rows, question.arms[arm])]
        if own.empty:
            raise Untestable(
                f"{name} was not confirmed: `ibsweep tune {question.word(arm)}` with more "
                "`--trials`"
            )
        if where and not baseline:
            chose = choice_rows(own)
            rows = rows[rows["trial"] == _best_trial(question, own if chose.empty else chose)]
        elif not baseline:
            rows = rows[rows["role"] == "best"]
        best = bool((rows["role"] == "best").any())
        rows = score_rows(rows)
        if size is None:
            size = int(own["train_size"][own["trial"].isin(rows["trial"])].max())
        rows = rows[rows["train_size"] == size]
        if rows.empty:
            raise Untestable(self._untrained(name, size, best=best))
        if column not in rows or rows[column].isna().all():
            raise Untestable(f"{name} has no figure {column}")
        # of a run that diverged a figure may be missing, and it counts among those that fail
        rows = rows[rows[column].notna() | ~rows["trained"].astype(bool)]
        rows = rows.drop_duplicates("seed").sort_values("replicate")
        metric = question.metric_of(column)
        worst = metric.low if metric.sign > 0 else metric.high
        figures = rows[column].to_numpy(float)
        if worst is None:  # a metric without bounds: no better than the worst that was seen
            worst = float(np.nanmin(figures) if metric.sign > 0 else np.nanmax(figures))
        figures = np.where(np.isnan(figures), worst, figures)
        return Side(
            arm,
            sweep,
            int(rows["trial"].iloc[0]),
            size,
            tuple(int(seed) for seed in rows["seed"]),
            Runs(figures, rows["trained"].to_numpy(bool)),
            int(rows["score_replicates"].iloc[0]),
            bool(rows["purpose"].isna().any()),
            question.word(arm),
        )

    def _untrained(self, name: str, size: int, *, best: bool) -> str:
        question = self.question
        reason = f"{name} was not trained with {size_text(self.data, size)}: "
        if not best:
            return reason + "only the arm's best configuration is trained at other numbers"
        if size in question.efficiency:
            return reason + f"`ibsweep efficiency {question.word()}`"
        return reason + f"add {size} to `efficiency` in the question's file"


def align(first: list[Side], second: list[Side]) -> tuple[Side, Side]:
    """Return two sides reduced to the replicate seeds that both have.

    Of several sweeps those that share most, the later ones where several share as many.

    Args:
        first: One arm's, a side a sweep.
        second: The other arm's.

    Raises:
        Untestable: If there are fewer than two; it names the command that makes them.
    """
    pairs = [(one, other) for one in first for other in second]
    one, other = max(reversed(pairs), key=lambda pair: len({*pair[0].seeds} & {*pair[1].seeds}))
    common = {*one.seeds} & {*other.seeds}
    if len(common) < 2:
        # new sweeps of one command have the same seeds, whatever those of before had
        command = f"`ibsweep tune {' '.join(dict.fromkeys((one.word, other.word)))}`"
        what = f"{one.arm} and {other.arm} share fewer than two replicates: {command}"
        if min(len(one.seeds), len(other.seeds)) < 2:
            what += f" with `--confirm-replicates` of {LEAST_REPLICATES} or more"
        else:
            what += " gives both the same seeds"
        raise Untestable(what)
    order = [seed for seed in one.seeds if seed in common]
    return _take(one, order), _take(other, order)


def _take(side: Side, seeds: list[int]) -> Side:
    at = np.array([side.seeds.index(seed) for seed in seeds])
    runs = Runs(side.runs.figures[at], side.runs.trained[at])
    return side._replace(seeds=tuple(seeds), runs=runs)


class _Scores(NamedTuple):
    columns: Mapping[Any, float]

    def figure(self, column: str) -> float | None:
        """Return a figure by the name of its column."""
        return self.columns.get(column)


def _best_trial(question: Question, rows: pd.DataFrame) -> int:
    """Return the trial that is best on the validation examples of the rows that chose."""
    means = rows.groupby("trial")[[question.objective.valid, "valid_loss"]].mean()
    trials, rows_of = means.index.to_list(), means.to_dict("records")
    scores = {trial: _Scores(row) for trial, row in zip(trials, rows_of, strict=True)}
    return int(min(trials, key=lambda trial: question.objective.rank(scores[trial])))
