"""Training-set sizes that an arm needs to reach a figure, replicate by replicate.

A run that fails says nothing of how much its arm has learned from so many examples: it is left out
of its replicate's curve, which goes on to the next size. By simulation (curves of seven sizes, one
run in ten failing in one arm or both; 8, 16 and 32 replicates) the interval then holds what the
arms need where they train in 92 to 97 % of cases, and no replicate is lost; with failed runs left
in, an arm seems to need more examples for its failures, and leaving whole replicates out biases
the ratio by a tenth of a doubling.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ibsweep.analysis.estimands import Runs
from ibsweep.analysis.sides import Side, Sides, Untestable, score_rows
from ibsweep.analysis.statistics import DECIMALS, sizes_to_reach
from ibsweep.analysis.wording import size_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NeededSizes", "needed_sizes"]


class NeededSizes(NamedTuple):
    """What an arm's replicates need, in one sweep.

    Attributes:
        side: The side, whose figures are logarithms of sizes to base 2.
        short: Whether each falls short of the figure with the largest size.
        early: Whether each is beyond it already with the smallest size.
        left_out: Runs that failed, which the curves pass over.
    """

    side: Side
    short: NDArray[np.bool_]
    early: NDArray[np.bool_]
    left_out: int

    def only(self, seeds: tuple[int, ...]) -> NeededSizes:
        """Return the same of some replicates."""
        at = np.array([self.side.seeds.index(seed) for seed in seeds])
        runs = Runs(self.side.runs.figures[at], self.side.runs.trained[at])
        side = self.side._replace(seeds=seeds, runs=runs)
        return self._replace(side=side, short=self.short[at], early=self.early[at])


def needed_sizes(sides: Sides, arm: str, target: float) -> list[NeededSizes]:
    """Return what the replicates of an arm's best configuration need, in each of its sweeps.

    Args:
        sides: Where the rows are.
        arm: The arm's name.
        target: The figure to reach.

    Raises:
        Untestable: If the arm has no sweep that was trained with the sizes that it takes.
    """
    found, reasons = [], []
    for sweep in sides.sweeps(arm):
        try:
            found.append(_of(sides, sweep, arm, target))
        except Untestable as reason:
            reasons.append(reason)
    if not found:
        raise reasons[-1]
    return found


def _of(sides: Sides, sweep: str, arm: str, target: float) -> NeededSizes:
    question, metric = sides.question, sides.question.objective
    rows = score_rows(sides.frame)
    rows = rows[(rows["arm"] == arm) & (rows["sweep"] == sweep) & (rows["role"] == "best")]
    rows = rows.drop_duplicates(["seed", "train_size"]).sort_values("replicate")
    if rows.empty:
        word = question.word(arm)
        raise Untestable(f"{arm} has no confirmed sweep: `ibsweep tune {word}`")
    trained = rows["trained"].astype(bool)
    figures = pd.DataFrame(
        # a failed run's figure is replaced: one that is missing altogether was not trained
        {"seed": rows["seed"], "n": rows["train_size"], "figure": rows[metric.test].astype(float)}
    ).assign(trained=trained)
    figures.loc[~figures["trained"], "figure"] = np.inf
    order = list(dict.fromkeys(figures["seed"]))
    table = figures.pivot(index="seed", columns="n", values="figure").loc[order]
    table = _complete(sides, arm, table, target)
    sizes, curves = table.columns.to_numpy(float), table.to_numpy(float)
    failed = np.isinf(curves)
    some = ~failed.all(axis=1)
    table, curves, failed = table[some], curves[some], failed[some]
    needed = np.array(
        [_reach(sizes, *each, target, metric.sign) for each in zip(curves, failed, strict=True)]
    )
    lead = np.round(metric.sign * (curves[:, 0] - target), DECIMALS)
    own = rows[rows["train_size"] == question.arms[arm].train_size]
    side = Side(
        arm,
        sweep,
        int(rows["trial"].iloc[0]),
        question.arms[arm].train_size,
        tuple(int(seed) for seed in table.index),
        Runs(np.log2(np.minimum(needed, question.efficiency[-1])), np.ones(len(table), bool)),
        int((own if len(own) else rows)["score_replicates"].iloc[0]),
        bool(rows["purpose"].isna().any()),
        question.word(arm),
    )
    return NeededSizes(side, np.isinf(needed), ~failed[:, 0] & (lead > 0), int(failed.sum()))


def _reach(
    sizes: NDArray[np.float64],
    curve: NDArray[np.float64],
    failed: NDArray[np.bool_],
    target: float,
    sign: int,
) -> float:
    return float(sizes_to_reach(sizes[~failed], curve[~failed][None], target, sign=sign)[0])


def _complete(sides: Sides, arm: str, table: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return the replicates that were trained with the question's sizes.

    Larger sizes may be lacking where every replicate is there before: the first crossing is known
    without them.
    """
    question, metric = sides.question, sides.question.objective
    lacking = [n for n in question.efficiency if n not in table.columns]
    known = list(itertools.takewhile(lambda n: n not in lacking, question.efficiency))
    if lacking and known:
        start = table[known].dropna()
        curves = start.to_numpy(float)
        failed = np.isinf(curves)
        if len(start) and all(
            not gone.all()
            and np.isfinite(_reach(np.array(known, float), each, gone, target, metric.sign))
            for each, gone in zip(curves, failed, strict=True)
        ):
            return start
    if lacking:
        raise Untestable(
            f"{arm} was not trained with {size_text(sides.data, ', '.join(map(str, lacking)))}: "
            f"`ibsweep efficiency {question.word()}`"
        )
    return table[list(question.efficiency)].dropna()
