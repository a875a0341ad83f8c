"""The front of a sweep for several objectives: which trials lead, and which stay undominated.

A trial leads by its figures in the sweep; the leaders are compared anew on fresh replicates, and
what none of them dominates there is the front. It is scored on other replicates, and by these it
is told with what probability each configuration stays on it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ibsweep.analysis.statistics import (
    hypervolume,
    nondominated,
    spread_over,
    undominated_probabilities,
)
from ibsweep.results.records import Confirmation, Trial, TrialState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from ibsweep.analysis.summary import Confirmed
    from ibsweep.questions.schema import Objective, Scored

__all__ = [
    "HypervolumeHistory",
    "by_logarithm",
    "front_document",
    "front_frame",
    "front_left_out",
    "front_values",
    "hypervolume_history",
    "leading_front",
    "left_out_text",
    "losses",
    "on_front",
    "undominated",
]

_Row = TypeVar("_Row", bound="Scored")


def losses(row: Scored, objectives: Sequence[Objective]) -> list[float]:
    """Return a result's figures on validation examples so that less is better in each; infinite
    where there is none.
    """
    return [one.rank(row)[0] for one in objectives]


def on_front(rows: Sequence[_Row], objectives: Sequence[Objective]) -> list[_Row]:
    """Return the results that no other one dominates, in their order.

    Args:
        rows: Trials, or confirmed ones.
        objectives: The question's.
    """
    if not rows:
        return []
    kept = nondominated(np.array([losses(row, objectives) for row in rows]))
    return [row for row, keep in zip(rows, kept, strict=True) if keep]


def leading_front(
    complete: Sequence[Trial], count: int, objectives: Sequence[Objective]
) -> list[Trial]:
    """Return leaders of several objectives, front by front, by the first objective in each."""
    left = sorted(complete, key=lambda trial: (losses(trial, objectives), trial.trial))
    leaders: list[Trial] = []
    while left and len(leaders) < count:
        front = on_front(left, objectives)
        points = np.array([losses(trial, objectives) for trial in front])
        kept = spread_over(points, count - len(leaders))
        leaders += [front[i] for i in sorted(kept)]
        taken = {trial.trial for trial in front}
        left = [trial for trial in left if trial.trial not in taken]
    return leaders


def front_left_out(
    trials: Sequence[Trial], confirmed: Sequence[Trial], objectives: Sequence[Objective]
) -> int:
    """Return how many trials of a sweep's own front are not confirmed; of one objective none.

    Args:
        trials: Its finished trials.
        confirmed: Those that are confirmed, or are to be.
        objectives: The question's.
    """
    if len(objectives) < 2:
        return 0
    numbers = {trial.trial for trial in confirmed}
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return sum(trial.trial not in numbers for trial in on_front(complete, objectives))


def left_out_text(left: int) -> str:
    """Say how many trials of a sweep's own front are not confirmed."""
    many = f"{left} trials of its front are" if left > 1 else "a trial of its front is"
    return f"{many} not confirmed, as `--confirm` bounds their number; the others spread over it"


def front_document(
    front: Sequence[Confirmed], objectives: Sequence[Objective]
) -> list[dict[str, Any]]:
    """Return a front as plain JSON values: trials with their figures, and with what probability
    each stays undominated.

    Args:
        front: Configurations that are scored.
        objectives: The question's.
    """
    chances = undominated(front, objectives)
    return [
        {
            "trial": one.trial.trial,
            "config": dict(one.trial.config),
            **{metric.test: one.interval(metric)._asdict() for metric in objectives},
            "undominated": chance,
        }
        for one, chance in zip(front, chances, strict=True)
    ]


def front_frame(front: Sequence[Confirmed], objectives: Sequence[Objective]) -> pd.DataFrame:
    """Return a front as a frame, as ``Results.front`` describes it."""
    import pandas as pd

    parts = ("", "_low", "_high")
    rows = []
    for one, chance in zip(front, undominated(front, objectives), strict=True):
        row: dict[str, Any] = {"trial": one.trial.trial}
        for metric in objectives:
            ends = one.interval(metric)
            row |= {f"{metric.test}{part}": end for part, end in zip(parts, ends, strict=True)}
        rows.append({**row, "undominated": chance, "config": dict(one.trial.config)})
    names = [f"{metric.test}{part}" for metric in objectives for part in parts]
    frame = pd.DataFrame(rows, columns=["trial", *names, "undominated", "config"])
    return frame.astype({"trial": "int64", **dict.fromkeys([*names, "undominated"], "float64")})


def undominated(front: Sequence[Confirmed], objectives: Sequence[Objective]) -> list[float]:
    """Return the probability that each configuration is undominated by the others, were its
    replicates drawn again.

    Figures are those on held-out test examples, over the replicates that all of them have.

    Args:
        front: Configurations that are scored.
        objectives: The question's.
    """
    values = front_values(front, objectives)
    return undominated_probabilities(values).tolist() if values.size else [math.nan] * len(front)


def front_values(
    front: Sequence[Confirmed], objectives: Sequence[Objective]
) -> NDArray[np.float64]:
    """Return the figures on test examples so that less is better in each: configurations,
    replicates that all have, objectives.

    What is not defined of a run counts as the worst that the metric can be, else that was seen.
    """
    by_seed = [{row.seed: row for row in one.rows} for one in front]
    seeds = [seed for seed in by_seed[0] if all(seed in rows for rows in by_seed)] if front else []
    values = np.array(
        [
            [[_loss_of(rows[seed], metric) for metric in objectives] for seed in seeds]
            for rows in by_seed
        ],
        float,
    ).reshape(len(front), len(seeds), len(objectives))
    for i, metric in enumerate(objectives):
        known = values[..., i][np.isfinite(values[..., i])]
        worst = -metric.sign * metric.worst
        if not math.isfinite(worst):
            worst = float(known.max(initial=0.0))
        values[..., i] = np.where(np.isnan(values[..., i]), worst, values[..., i])
    return values


def _loss_of(row: Confirmation, metric: Objective) -> float:
    value = row.figure(metric.test)
    return math.nan if value is None else -metric.sign * value


class HypervolumeHistory(NamedTuple):
    """How the front of a sweep grew.

    Attributes:
        trials: Numbers of the trials, in their order, with shape ``(n,)``.
        values: The share of the box that the front of the trials so far dominates, 0 to 1.
        best: The best value of each objective in any complete trial, a corner of the box.
        worst: The worst one, the reference point: the other corner.
    """

    trials: NDArray[np.int64]
    values: NDArray[np.float64]
    best: tuple[float, ...]
    worst: tuple[float, ...]


def hypervolume_history(
    trials: NDArray[np.int64], figures: NDArray[np.float64], objectives: Sequence[Objective]
) -> HypervolumeHistory:
    """Return what share the front dominates of the box between the best and the worst figures.

    An objective without an upper bound of which less is better, such as a cost, counts by its
    logarithm: ten parameters more weigh otherwise beside a hundred than beside ten thousand. The
    box is that of all complete trials, so that shares of two sweeps are not to be compared.

    Args:
        trials: Numbers of the finished trials, in their order, with shape ``(n,)``.
        figures: What they have of each objective, with shape ``(n, m)``. One that is not complete
            has none, and leaves the front as it is.
        objectives: The question's.
    """
    signs = np.array([one.sign for one in objectives])
    points = -signs * figures
    known: NDArray[np.bool_] = np.all(np.isfinite(points), axis=1)
    values = np.zeros(len(trials))
    if not known.any():
        return HypervolumeHistory(trials, values, (), ())
    worst = signs * -points[known].max(axis=0)
    best = signs * -points[known].min(axis=0)
    for i, metric in enumerate(objectives):
        if by_logarithm(metric) and (points[known, i] > 0).all():
            points[:, i] = np.log2(points[:, i])
    low, high = points[known].min(axis=0), points[known].max(axis=0)
    # an objective in which all are the same is no side of the box
    sides = high > low
    scaled = (points[:, sides] - low[sides]) / (high - low)[sides]
    front = np.empty((0, scaled.shape[1]))
    share = 0.0
    for i, point in enumerate(scaled):
        if known[i] and not (front <= point).all(axis=1).any():
            kept = np.flatnonzero((front < point).any(axis=1))
            front = np.vstack([front[kept], point])
            share = hypervolume(front, np.ones(len(point)).tolist()) if len(point) else 1.0
        values[i] = share
    return HypervolumeHistory(trials, values, tuple(best.tolist()), tuple(worst.tolist()))


def by_logarithm(metric: Objective) -> bool:
    """Tell whether an objective is a matter of proportions: a cost, or an error without end."""
    return metric.sign < 0 and metric.low == 0 and metric.high is None
