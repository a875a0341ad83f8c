"""What training examples are worth: the objective of each arm's best configuration by size of
the training set, and the size that it takes to reach a figure.

An arm's configuration was chosen at its own training-set size and is only trained anew at the
others, with the same replicate seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.statistics import mean_interval, sizes_to_reach
from ibsweep.errors import InputError, suggestion

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ibsweep.questions.schema import Question

__all__ = [
    "Efficiency",
    "SizeEstimate",
    "check_one_sweep",
    "efficiency_curves",
    "size_needed",
    "size_to_match",
    "test_figures",
    "trained_figures",
]


class Efficiency(NamedTuple):
    """The objective of an arm's best configuration on test examples, by training-set size.

    Attributes:
        arm: The arm's name.
        sizes: Training-set sizes, rising, with shape ``(k,)``.
        mean: Mean over the runs that train, with shape ``(k,)``; not a number where none does.
        low: Lower end of its 95 % interval; not a number where there is one such run.
        high: Upper end.
        trained: How many runs train, with shape ``(k,)``.
        runs: How many there are.
    """

    arm: str
    sizes: NDArray[np.int64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    trained: NDArray[np.int64]
    runs: NDArray[np.int64]


class SizeEstimate(NamedTuple):
    """How large a training set an arm needs to reach a figure.

    Attributes:
        arm: The arm's name.
        target: The figure, of the question's objective.
        size: Training-set size at which the mean over the runs that train reaches it; infinity
            where it falls short at all sizes that were tried.
        low: Lower end of the 95 % interval. The smallest size tried stands for anything below.
        high: Upper end; infinity where it is not known to be reached.
        matches: The arm whose figure at its own training-set size is the target, if one's is.
    """

    arm: str
    target: float
    size: float
    low: float
    high: float
    matches: str | None = None


def check_one_sweep(confirmations: pd.DataFrame, arm: str) -> None:
    """Refuse rows of several sweeps of an arm, which would be pooled as if they were one.

    Args:
        confirmations: Rows of the confirmations.
        arm: The arm's name.

    Raises:
        InputError: If there are some.
    """
    sweeps = sorted(confirmations.loc[confirmations["arm"] == arm, "sweep"].unique())
    if len(sweeps) > 1:
        raise InputError(
            f"{arm} has rows of {len(sweeps)} sweeps, {', '.join(sweeps)}; choose those of the "
            "current one: `results.current(QUESTION)`"
        )


def test_figures(confirmations: pd.DataFrame, arm: str, column: str) -> pd.DataFrame:
    """Return the figures of an arm's best configuration on test examples.

    Args:
        confirmations: Rows of the confirmations as ``ibsweep.load`` gives them, of current sweeps.
        arm: The arm's name.
        column: Which figures, such as ``test_accuracy``.

    Returns:
        A row a replicate seed, a column a training-set size, both rising; not a number where a
        replicate was not trained.

    Raises:
        InputError: If the arm has rows of several sweeps.
    """
    check_one_sweep(confirmations, arm)
    chosen = (confirmations["arm"] == arm) & (confirmations["role"] == "best")
    chosen &= confirmations["purpose"] != "choice"
    rows = confirmations.loc[chosen, ["seed", "train_size", column]].astype(
        {"seed": int, "train_size": int, column: float}
    )
    return rows.groupby(["seed", "train_size"])[column].mean().unstack("train_size")


def trained_figures(confirmations: pd.DataFrame, arm: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return ``test_figures`` without those of runs that fail: not a number in their place."""
    chosen = (confirmations["arm"] == arm) & (confirmations["role"] == "best")
    failed = confirmations.loc[chosen & ~confirmations["trained"].astype(bool)]
    kept = table.copy()
    for seed, size in zip(failed["seed"], failed["train_size"], strict=True):
        if seed in kept.index and size in kept.columns:
            kept.loc[seed, size] = np.nan
    return kept


def efficiency_curves(question: Question, confirmations: pd.DataFrame) -> list[Efficiency]:
    """Return the curve of each arm that has rows, in the question's order.

    Args:
        question: The question.
        confirmations: Rows of its current sweeps.

    Raises:
        InputError: If an arm has rows of several sweeps.
    """
    objective, curves = question.objective, []
    for arm in question.arms:
        table = test_figures(confirmations, arm, objective.test).dropna(how="all", axis="columns")
        if table.empty:
            continue
        runs = table.notna().sum().to_numpy()
        table = trained_figures(confirmations, arm, table)
        points = [
            mean_interval(known, objective.low, objective.high)
            if (known := table[n].dropna().to_list())
            else (np.nan,) * 3
            for n in table.columns
        ]
        mean, low, high = np.array(points, float).T  # None becomes not a number
        trained = table.notna().sum().to_numpy()
        sizes = table.columns.to_numpy()
        curves.append(Efficiency(arm, sizes, mean, low, high, trained, runs))
    return curves


def size_needed(
    question: Question, confirmations: pd.DataFrame, arm: str, target: float
) -> SizeEstimate:
    """Return the training-set size that brings an arm's mean figure on test examples to a target.

    Args:
        question: The question.
        confirmations: Rows of its current sweeps.
        arm: The arm's name.
        target: The figure of the objective to reach, taken as known.

    Raises:
        InputError: If the arm is unknown, was not trained at two sizes, or has rows of several
            sweeps.
    """
    table = _complete_figures(question, confirmations, arm)
    return _estimate(question, arm, table, np.full(len(table), target))


def size_to_match(
    question: Question, confirmations: pd.DataFrame, arm: str, than: str
) -> SizeEstimate:
    """Return the training-set size that brings an arm to what another reaches at its own size.

    Unlike a fixed target, the other's figure is uncertain as well: the two are compared replicate
    by replicate.

    Args:
        question: The question.
        confirmations: Rows of its current sweeps.
        arm: The arm that needs the examples, such as the MLP.
        than: The arm to match, at its own training-set size, such as the CNN.

    Raises:
        InputError: If an arm is unknown or has no confirmed sweep, ``arm`` was not trained at two
            sizes, one has rows of several sweeps, or the two have fewer than two replicates in
            common.
    """
    table = _complete_figures(question, confirmations, arm)
    other = _known_figures(question, confirmations, than).get(question.arms[than].train_size)
    if other is None:
        raise InputError(
            f"{than} has no confirmed sweep; run `ibsweep tune {question.word(than)}`"
        )
    common = table.index.intersection(other.dropna().index)
    if len(common) < 2:
        raise InputError(
            f"{arm} and {than} share fewer than two replicates; `ibsweep tune "
            f"{question.word(arm)} {question.word(than)}` gives both the same seeds"
        )
    other = trained_figures(confirmations, than, other.to_frame())[other.name]
    found = _estimate(question, arm, table.loc[common], other.loc[common].to_numpy(float))
    return found._replace(matches=than)


def _known_figures(question: Question, confirmations: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return the figures of an arm that is one and has some."""
    if arm not in question.arms:
        raise InputError(f"{arm!r} is no arm; {suggestion(arm, question.arms)}")
    table = test_figures(confirmations, arm, question.objective.test)
    if table.empty:
        raise InputError(f"{arm} has no confirmed sweep; run `ibsweep tune {question.word(arm)}`")
    return table


def _complete_figures(question: Question, confirmations: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Return the figures of the replicates that were trained at every training-set size, without
    those of runs that fail.

    There are two replicates or more, and two runs that train at each size.
    """
    table = _known_figures(question, confirmations, arm)
    if len(table.columns) < 2:
        raise InputError(
            f"{arm} was trained at one training-set size alone, {table.columns[0]}; "
            f"run `ibsweep efficiency {question.word()}`"
        )
    complete = table.dropna()
    if len(complete) < 2:
        raise InputError(
            f"fewer than two replicates of {arm} were trained at every training-set size; "
            f"run `ibsweep efficiency {question.word()}`"
        )
    trained = trained_figures(confirmations, arm, complete)
    if (trained.notna().sum() < 2).any():
        raise InputError(f"fewer than two runs of {arm} train at some training-set size")
    return trained


def _estimate(
    question: Question, arm: str, table: pd.DataFrame, targets: NDArray[np.float64]
) -> SizeEstimate:
    """Return where the mean curve reaches its target, with a 95 % interval.

    The interval holds the sizes at which the replicates' mean lead over the target cannot be told
    from none: from where the upper end of the lead's interval reaches 0 to where the lower end
    does.

    Args:
        question: The question, whose objective says what is better.
        arm: The arm's name.
        table: Figures, with shape ``(n, k)``.
        targets: The figure to reach in each replicate, with shape ``(n,)``.
    """
    sizes = table.columns.to_numpy(float)
    leads = question.objective.sign * (table.to_numpy(float) - targets[:, None])
    # the lead and the ends of its interval at every size   (k, 3)
    if (np.isfinite(leads).sum(axis=0) < 2).any():
        raise InputError(f"fewer than two runs of {arm} train at some training-set size")
    band = np.array([mean_interval(lead[np.isfinite(lead)]) for lead in leads.T], float)
    found, high, low = sizes_to_reach(sizes, band.T, 0.0)
    return SizeEstimate(arm, float(np.nanmean(targets)), float(found), float(low), float(high))
