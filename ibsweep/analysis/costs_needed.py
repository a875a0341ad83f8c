"""What two fronts cost at equal figures, by the means of their configurations over replicates.

What a figure costs is what the cheapest confirmed configuration costs whose mean is as good or
better; the ratio of two arms' costs is averaged over the figures that both reach. The means are
those of all runs, failed ones too. A value a replicate comes from the jackknife: what the ratio
loses without it.

Whoever looks for the cheapest configuration in every replicate by itself finds the luckiest there,
and an arm whose runs scatter more seems to cost less: by simulation (eight configurations an arm,
the same ones, standard deviations of 15 and 3 points) by 0.8 doublings, at any number of
replicates, so that its intervals hold the truth in 19 % of cases with 12 replicates and in none
with 32. Those of the jackknife held it in 89 to 97 % (fronts that are the same, or one doubling
apart; equal and unequal scatter; 12, 16 and 32 replicates); where they scatter unequally the ratio
leans by 0.1 at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.estimands import Runs
from ibsweep.analysis.sides import Side, Untestable, at_own_size, score_rows
from ibsweep.analysis.statistics import jackknifed_ratio

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ibsweep.analysis.sides import Sides
    from ibsweep.questions.schema import CostNeededTest

__all__ = ["CostRatio", "cost_ratios"]


class CostRatio(NamedTuple):
    """What one front costs beside another, in a sweep of each.

    Attributes:
        side: The arm's; its figures are doublings by which the other arm is dearer, jackknifed.
        worst: The figure from which on it is taken.
        best: The figure up to which it is.
        configurations: Those of both arms: arm, sweep, trial, size, replicates.
    """

    side: Side
    worst: float
    best: float
    configurations: tuple[tuple[str, str, int, int, int], ...]


class _Front(NamedTuple):
    """The configurations of a sweep that are scored, with the replicates that all of them have.

    Attributes:
        arm: The arm.
        sweep: The sweep.
        seeds: The replicates, in the order of looks.
        values: Less is better: with shape ``(replicates, configurations, 2)``.
        trials: Trial, size and replicates of each configuration.
        first: How many replicates the sweep has of its own.
    """

    arm: str
    sweep: str
    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    trials: tuple[tuple[int, int, int], ...]
    first: int


def cost_ratios(sides: Sides, test: CostNeededTest) -> list[CostRatio]:
    """Return the ratio in each sweep of the arm, beside the sweep of the other arm that shares
    most replicates with it.

    Args:
        sides: Where the rows are.
        test: The test.

    Raises:
        Untestable: If an arm has no confirmed front, or no two sweeps share two replicates.
    """
    ones, others = (_fronts(sides, arm, test.cost) for arm in (test.arm, test.than))
    found = []
    for one in ones:
        if not others:
            break  # each sweep counts once
        other = max(others, key=lambda front: len({*front.seeds} & {*one.seeds}))
        common = [seed for seed in one.seeds if seed in other.seeds]
        if len(common) < 2:
            continue
        others = [front for front in others if front is not other]
        found.append(_ratio(sides, one, other, common))
    if not found:
        words = " ".join(map(sides.question.word, (test.arm, test.than)))
        raise Untestable(
            f"{test.arm} and {test.than} share fewer than two replicates: `ibsweep tune {words}` "
            "gives both the same seeds"
        )
    return found


def _ratio(sides: Sides, one: _Front, other: _Front, common: list[int]) -> CostRatio:
    at = [[front.seeds.index(seed) for seed in common] for front in (one, other)]
    values, worst, best = jackknifed_ratio(one.values[at[0]], other.values[at[1]])
    sign = -sides.question.objective.sign
    side = Side(
        arm=one.arm,
        sweep=one.sweep,
        trial=one.trials[0][0],
        train_size=one.trials[0][1],
        seeds=tuple(common),
        runs=Runs(values, np.ones(len(values), bool)),
        first=min(one.first, other.first),
        chosen_on_them=False,
        word=sides.question.word(one.arm),
    )
    configurations = tuple(
        (front.arm, front.sweep, *trial) for front in (one, other) for trial in front.trials
    )
    return CostRatio(side, sign * worst, sign * best, configurations)


def _fronts(sides: Sides, arm: str, cost: str) -> list[_Front]:
    """Return the front of each sweep of an arm; never none."""
    found, reasons = [], []
    for sweep in sides.sweeps(arm):
        try:
            found.append(_front(sides, sweep, arm, cost))
        except Untestable as reason:
            reasons.append(reason)
    if not found:
        raise reasons[-1]
    return found


def _front(sides: Sides, sweep: str, arm: str, cost: str) -> _Front:
    question, word = sides.question, sides.question.word(arm)
    metrics = (question.objective, question.metric_of(f"test_{cost}"))
    rows = score_rows(sides.frame)
    rows = rows[(rows["arm"] == arm) & (rows["sweep"] == sweep)]
    rows = rows[at_own_size(rows, question.arms[arm])].sort_values("replicate")
    columns = [metric.test for metric in metrics]
    if rows.empty:
        raise Untestable(f"{arm} has no confirmed front: `ibsweep tune {word}`")
    if columns[1] not in rows or rows[columns[1]].isna().any():
        raise Untestable(f"{sweep} did not record {cost}: `ibsweep tune {word}`")
    counts = rows.groupby("trial")["seed"].nunique()
    complete = rows.groupby("seed")["trial"].nunique() == len(counts)
    seeds = [seed for seed in dict.fromkeys(rows["seed"].tolist()) if complete[seed]]
    if len(seeds) < 2:
        raise Untestable(f"{arm} has a single replicate: `ibsweep tune {word}` with more")
    tables = [_table(rows, column, seeds) for column in columns]
    values = np.stack([table.to_numpy(float) for table in tables], axis=-1)
    figures = values[..., 0] * -metrics[0].sign
    worst = -metrics[0].sign * metrics[0].worst
    # a run that failed may have no figure: it is no better than the worst
    values[..., 0] = np.where(
        np.isnan(figures), worst if np.isfinite(worst) else np.nanmax(figures), figures
    )
    sizes = rows.groupby("trial")["train_size"].first()
    return _Front(
        arm,
        sweep,
        tuple(int(seed) for seed in seeds),
        values,
        tuple((int(t), int(sizes[t]), int(counts[t])) for t in tables[0].columns),
        int(rows["score_replicates"].iloc[0]),
    )


def _table(rows: pd.DataFrame, column: str, seeds: list[int]) -> pd.DataFrame:
    """Return a column by seed and trial."""
    once = rows.drop_duplicates(["seed", "trial"])
    return once.pivot(index="seed", columns="trial", values=column).loc[seeds]
