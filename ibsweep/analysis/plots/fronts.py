"""Figures of fronts: what each arm reaches at which cost, and how the front of a sweep grew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.fronts import HypervolumeHistory, by_logarithm, hypervolume_history
from ibsweep.analysis.plots.style import Label, arm_colours, draw_no_data, label_ends, style_axes
from ibsweep.analysis.sides import at_own_size, score_rows
from ibsweep.analysis.statistics import describe_runs, nondominated
from ibsweep.analysis.wording import column_title, heading

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from ibsweep.questions.schema import Objective, Question

__all__ = [
    "ArmFront",
    "FrontInfo",
    "HypervolumeInfo",
    "front_info",
    "hypervolume_info",
    "plot_front",
    "plot_hypervolume",
]

_BLUE = "#2f7fd1"


class ArmFront(NamedTuple):
    """The configurations of an arm that were scored, by what they cost.

    Attributes:
        trials: Their trials, with shape ``(n,)``.
        cost: Mean cost over the replicates, rising.
        mean: Mean of the first objective on test examples.
        low: Lower end of its 95 % interval; not a number where there is one replicate.
        high: Upper end.
        front: Which of them no other one of the arm dominates in these two.
    """

    trials: NDArray[np.int64]
    cost: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    front: NDArray[np.bool_]


class FrontInfo(NamedTuple):
    """The fronts of a question's arms in two objectives.

    Attributes:
        arms: By arm, of those that are confirmed.
        families: Of all arms of the question by name, so that colours stay theirs.
        metric: The first objective.
        cost: The other one.
    """

    arms: Mapping[str, ArmFront]
    families: Mapping[str, str]
    metric: Objective
    cost: Objective


def front_info(question: Question, confirmations: pd.DataFrame, cost: str) -> FrontInfo:
    """Return what was scored of each arm, in the first objective and another one.

    Where there are more objectives, what leads in a third is here too, and behind the front.

    Args:
        question: The question.
        confirmations: The rows of ``Results.confirmations`` of its current sweeps.
        cost: Name of the other objective, or of a metric that was recorded.
    """
    metric, other = question.objective, question.metric_of(f"test_{cost}")
    families = {name: arm.family or "" for name, arm in question.arms.items()}
    arms = {}
    for name, arm in question.arms.items():
        rows = score_rows(confirmations)
        rows = rows[(rows["arm"] == name) & at_own_size(rows, arm)]
        if other.test not in rows:
            continue
        rows = rows.dropna(subset=[metric.test, other.test])
        if rows.empty:
            continue
        points = []
        for trial, own in rows.groupby("trial"):
            # the mean of all runs, as the table of the front has it
            runs = describe_runs(
                own[metric.test].to_list(), own["trained"].to_list(), metric.low, metric.high
            )
            points.append((trial, own[other.test].mean(), *runs.mean))
        table = np.array(sorted(points, key=lambda point: point[1]), float)
        losses = np.column_stack([-metric.sign * table[:, 2], -other.sign * table[:, 1]])
        trials, cost_mean, mean, low, high = table.T
        front = nondominated(losses)
        arms[name] = ArmFront(trials.astype(np.int64), cost_mean, mean, low, high, front)
    return FrontInfo(arms, families, metric, other)


def plot_front(ax: Axes, info: FrontInfo) -> Axes:
    """Draw what each configuration reaches at its cost, and each arm's front as a line of steps.

    A point is a configuration with the 95 % interval of its mean over fresh replicates; a hollow
    one is not on the arm's front in these two objectives.
    """
    if not info.arms:
        return draw_no_data(ax)
    colours = arm_colours(info.families)
    labels = []
    edge = max(float(arm.cost[-1]) for arm in info.arms.values())
    for name, arm in info.arms.items():
        colour, front = colours[name], arm.front
        for which, fill in ((front, colour), (~front, "none")):
            if not which.any():
                continue
            ends = np.abs(np.array([arm.low, arm.high])[:, which] - arm.mean[which])
            ax.errorbar(
                arm.cost[which],
                arm.mean[which],
                yerr=np.nan_to_num(ends),
                fmt="o",
                color=colour,
                mfc=fill,
                markersize=5,
                elinewidth=1,
                alpha=1.0 if fill == colour else 0.45,
            )
        ax.step(arm.cost[front], arm.mean[front], where="post", color=colour, linewidth=1.4)
        last = float(arm.mean[front][-1])
        ax.plot([arm.cost[front][-1], edge], [last, last], color=colour, linewidth=1.4, alpha=0.5)
        labels.append(Label(edge, last, name, colour))
    if by_logarithm(info.cost) and all((arm.cost > 0).all() for arm in info.arms.values()):
        ax.set_xscale("log")
    if info.metric.unit == "%" and info.metric.high is not None:
        ax.set_ylim(top=info.metric.high + 1)
    ax.set_xlabel(heading(info.cost, column_title(info.cost, info.cost.test)))
    ax.set_ylabel(heading(info.metric, column_title(info.metric, info.metric.test)))
    style_axes(ax)
    label_ends(ax, labels)
    return ax


class HypervolumeInfo(NamedTuple):
    """How the front of a sweep grew.

    Attributes:
        history: By trial.
        objectives: The question's.
    """

    history: HypervolumeHistory
    objectives: tuple[Objective, ...]


def hypervolume_info(question: Question, trials: pd.DataFrame, sweep: str) -> HypervolumeInfo:
    """Return how the front of a sweep grew, by the sweep's own figures.

    Args:
        question: The question.
        trials: The frame ``Results.trials``.
        sweep: Name of the sweep.
    """
    rows = trials[trials["sweep"] == sweep].sort_values("trial")
    figures = rows[[one.valid for one in question.objectives]].astype(float)
    figures = figures.where(rows["state"] == "COMPLETE")
    history = hypervolume_history(
        rows["trial"].to_numpy(np.int64), figures.to_numpy(float), question.objectives
    )
    return HypervolumeInfo(history, question.objectives)


def plot_hypervolume(ax: Axes, info: HypervolumeInfo) -> Axes:
    """Draw which share of the box from the worst to the best figures the front dominates."""
    from matplotlib.ticker import MaxNLocator

    history = info.history
    if not history.best:
        return draw_no_data(ax)
    ax.step(history.trials + 1, 100 * history.values, where="post", color=_BLUE, linewidth=1.8)
    ax.set_ylim(0, 100)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("trials")
    ax.set_ylabel("hypervolume, % of the box")
    return style_axes(ax)
