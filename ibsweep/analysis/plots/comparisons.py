"""Figures of what was found: arms compared, what examples are worth, the spread of a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ibsweep.analysis.efficiency import check_one_sweep
from ibsweep.analysis.plots.style import (
    INK,
    SIZE,
    Label,
    arm_colours,
    draw_key,
    draw_no_data,
    label_ends,
    style_axes,
)
from ibsweep.analysis.replications import ReplicationSummary, summarise_replications
from ibsweep.analysis.sides import at_own_size
from ibsweep.analysis.statistics import Interval, RunFigures, describe_runs
from ibsweep.analysis.wording import column_title, heading, number, schema_of, sizes_heading
from ibsweep.models.catalogue import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from ibsweep.analysis.efficiency import Efficiency
    from ibsweep.data.schema import DataSchema
    from ibsweep.questions.schema import Arm, Objective, Question

__all__ = [
    "ArmsInfo",
    "EfficiencyInfo",
    "ReplicationInfo",
    "ScoredRuns",
    "arms_info",
    "efficiency_info",
    "plot_arms",
    "plot_efficiency",
    "plot_replication",
    "replication_info",
]


def _families(question: Question) -> dict[str, str]:
    """Return what kind of network each arm's model is; one of the user's own is no known kind."""
    return {
        name: MODELS[arm.model].family if arm.model in MODELS else "other"
        for name, arm in question.arms.items()
    }


class ScoredRuns(NamedTuple):
    """The fresh runs that score a configuration, by the objective on test examples.

    Attributes:
        values: A figure a run.
        trained: Whether each run trains.
        figures: How many train, and the mean of those with its interval.
    """

    values: tuple[float, ...]
    trained: tuple[bool, ...]
    figures: RunFigures


class ArmsInfo(NamedTuple):
    """The arms of a question side by side, each field with an entry an arm, in its order.

    Attributes:
        families: The family of each one's model, by name.
        metric: The question's objective.
        sizes: Training-set sizes.
        best: The runs of the best configuration; None where nothing is confirmed.
        baseline: Those of the arm's baseline.
        published: The published figure on validation examples, or None.
    """

    families: Mapping[str, str]
    metric: Objective
    sizes: tuple[int, ...]
    best: tuple[ScoredRuns | None, ...]
    baseline: tuple[ScoredRuns | None, ...]
    published: tuple[float | None, ...]


def arms_info(question: Question, confirmations: pd.DataFrame) -> ArmsInfo:
    """Return the arms compared, each at its own training-set size.

    Args:
        question: The question.
        confirmations: The rows of ``Results.confirmations`` of its current sweeps.

    Raises:
        InputError: If there are rows of several sweeps of an arm.
    """
    arms, metric = list(question.arms.values()), question.objective
    for arm in arms:
        check_one_sweep(confirmations, arm.name)

    def score(arm: Arm, which: pd.Series[bool]) -> ScoredRuns | None:
        own = (confirmations["arm"] == arm.name) & at_own_size(confirmations, arm)
        # those that only choose have no figure on test examples
        rows = confirmations[own & which].dropna(subset=[metric.test])
        if rows.empty:
            return None
        values = rows[metric.test].to_list()
        trained = rows["trained"].to_list() if "trained" in rows else [True] * len(rows)
        figures = describe_runs(values, trained, metric.low, metric.high)
        return ScoredRuns(tuple(values), tuple(trained), figures)

    return ArmsInfo(
        _families(question),
        metric,
        tuple(arm.train_size for arm in arms),
        tuple(score(arm, confirmations["role"] == "best") for arm in arms),
        tuple(score(arm, confirmations["baseline"]) for arm in arms),
        tuple(arm.published_value(metric.valid) for arm in arms),
    )


def plot_arms(ax: Axes, info: ArmsInfo) -> Axes:
    """Draw a row an arm: runs and mean of the best, those of the baseline, the published figure.

    A dot is a run, a cross one that fails; mean and interval are of the runs that train.
    """
    if not any(info.best) and not any(info.baseline):
        return draw_no_data(ax)
    colours = arm_colours(info.families)
    for row, name in enumerate(info.families):
        best, baseline, published = info.best[row], info.baseline[row], info.published[row]
        if baseline is not None:
            _runs(ax, baseline, row + 0.24, INK, filled=False)
        if published is not None:
            ax.plot(published, row + 0.24, marker="D", color=INK, markersize=5, mfc="none", ls="")
        if best is not None:
            _runs(ax, best, row - 0.12, colours[name], filled=True)
            ax.text(
                *(_place(best.figures), row - 0.28),
                _label(info.metric, best.figures),
                color=colours[name],
                fontsize=SIZE,
                ha="center",
                va="bottom",
            )
    ax.set_yticks(range(len(info.families)), list(info.families))
    ax.set_ylim(len(info.families) - 0.4, -0.75)
    _limit(ax, info.metric, axis="x")
    ax.set_xlabel(heading(info.metric, column_title(info.metric, info.metric.test)))
    style_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    for text, name in zip(ax.get_yticklabels(), info.families, strict=True):
        text.set_color(colours[name])
    _arms_legend(
        ax,
        baseline=any(value is not None for value in info.baseline),
        published=any(value is not None for value in info.published),
        failing=any(runs and not all(runs.trained) for runs in (*info.best, *info.baseline)),
    )
    return ax


def _runs(ax: Axes, runs: ScoredRuns, y: float, colour: str, *, filled: bool) -> None:
    """Draw single runs, and above them the mean of those that train."""
    values, trained = np.array(runs.values), np.array(runs.trained)
    below = y + 0.13
    ax.plot(values[trained], np.full(trained.sum(), below), "o", color=colour, ms=3.5, alpha=0.5)
    failed = values[~trained]
    ax.plot(failed, np.full(failed.size, below), "x", color=colour, ms=4.5, mew=1.3)
    if trained.any():
        _interval(ax, runs.figures.trained, y, colour, filled=filled)


def _place(figures: RunFigures) -> float:
    """Return where the label of a mean stands."""
    return figures.trained.mean if figures.rate.count else figures.mean.mean


def _label(metric: Objective, figures: RunFigures) -> str:
    """Return a mean to stand beside its mark, and how many runs train where some fail."""
    rate = figures.rate
    if rate.count == rate.runs:
        return _short(metric, figures.trained.mean)
    trains = f"{rate.count} of {rate.runs} train"
    return f"{_short(metric, figures.trained.mean)}, {trains}" if rate.count else trains


def _interval(ax: Axes, value: Interval, y: float, colour: str, *, filled: bool) -> None:
    if value.low is not None and value.high is not None:
        width = 2.2 if filled else 1.2
        ax.plot([value.low, value.high], [y, y], color=colour, linewidth=width, alpha=0.7)
    face = colour if filled else "none"
    ax.plot(
        value.mean, y, marker="o", color=colour, markerfacecolor=face, markersize=6, linestyle=""
    )


def _arms_legend(ax: Axes, *, baseline: bool, published: bool, failing: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [Line2D([], [], color=INK, marker="o", ls="", label="best found")]
    if baseline:
        marks.append(Line2D([], [], color=INK, marker="o", ls="", label="baseline", mfc="none"))
    if published:
        marks.append(Line2D([], [], color=INK, marker="D", ls="", label="published", mfc="none"))
    if failing:
        marks.append(Line2D([], [], color=INK, marker="x", ls="", label="fails", ms=4.5))
    draw_key(ax, marks)


def _short(metric: Objective, value: float) -> str:
    """Return a figure to stand beside its mark."""
    return f"{value:.1f}" if metric.unit == "%" else number(metric, value)


def _limit(ax: Axes, metric: Objective, *, axis: Literal["x", "y"]) -> None:
    """End an axis of percents a little above 100; other metrics end where their figures do."""
    if metric.unit == "%" and metric.high is not None:
        end = metric.high + 1
        ax.set_xlim(right=end) if axis == "x" else ax.set_ylim(top=end)


class EfficiencyInfo(NamedTuple):
    """Data-efficiency curves.

    Attributes:
        curves: One an arm that has been measured: the objective on test examples by
            training-set size.
        families: Of all arms of the question by name, so that colours stay theirs.
        metric: The question's objective.
        target: A figure to mark, or None.
        unit: What a training-set size counts, such as ``images per class``.
    """

    curves: tuple[Efficiency, ...]
    families: Mapping[str, str]
    metric: Objective
    target: float | None
    unit: str


def efficiency_info(
    question: Question,
    curves: Sequence[Efficiency],
    target: float | None = None,
    data: DataSchema | None = None,
) -> EfficiencyInfo:
    """Return the curves to draw, without points that are not finite.

    Args:
        question: The question.
        curves: What `ibsweep.analysis.efficiency.efficiency_curves` returns.
        target: A figure of the objective to mark.
        data: What the question's data are, where it does not say so itself.
    """
    kept = []
    for curve in curves:
        finite = np.isfinite(curve.mean)
        if finite.any():
            kept.append(
                curve._replace(
                    sizes=curve.sizes[finite],
                    mean=curve.mean[finite],
                    low=curve.low[finite],
                    high=curve.high[finite],
                    trained=curve.trained[finite],
                    runs=curve.runs[finite],
                )
            )
    unit = sizes_heading(data or schema_of(question))
    return EfficiencyInfo(tuple(kept), _families(question), question.objective, target, unit)


def plot_efficiency(ax: Axes, info: EfficiencyInfo) -> Axes:
    """Draw mean figures against training-set sizes, the 95 % interval as a band."""
    if not info.curves:
        return draw_no_data(ax)
    colours = arm_colours(info.families)
    labels = []
    # at the edge also where a curve ends before: inside it would lie on the others
    edge = max(float(curve.sizes[-1]) for curve in info.curves)
    for curve in info.curves:
        colour = colours[curve.arm]
        ax.fill_between(curve.sizes, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(curve.sizes, curve.mean, color=colour, linewidth=1.8, marker="o", markersize=4)
        labels.append(Label(edge, float(curve.mean[-1]), curve.arm, colour))
    if info.target is not None:
        ax.axhline(info.target, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    ticks = sorted({int(n) for curve in info.curves for n in curve.sizes})
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(n) for n in ticks])
    ax.set_xticks([], minor=True)
    _limit(ax, info.metric, axis="y")
    ax.set_xlabel(f"training {info.unit}")
    ax.set_ylabel(heading(info.metric, column_title(info.metric, info.metric.test)))
    style_axes(ax)
    label_ends(ax, labels)
    return ax


class ReplicationInfo(NamedTuple):
    """The published figures of a question, each in the spread of seeds.

    Attributes:
        cells: Those that have been replicated, by arm, setting and training-set size.
        families: Of all arms of the question by name, so that colours stay theirs.
    """

    cells: tuple[ReplicationSummary, ...]
    families: Mapping[str, str]


def replication_info(question: Question, replications: pd.DataFrame) -> ReplicationInfo:
    """Return the replicated figures of a question.

    Args:
        question: The question, which knows what was published.
        replications: The frame ``Results.replications``.
    """
    cells = summarise_replications({question.question: question}, replications)
    return ReplicationInfo(tuple(cells), _families(question))


def plot_replication(ax: Axes, info: ReplicationInfo) -> Axes:
    """Draw a row a published figure: a dot a seed, the mean, and the figure itself.

    The ring is seed 10, the notebook's own, trained again; the mean is over all seeds.

    A figure of about ``0.8 + 0.28 * len(info.cells)`` inches in height gives each row its room.
    """
    if not info.cells:
        return draw_no_data(ax)
    colours: Mapping[str, str] = arm_colours(info.families)
    for row, cell in enumerate(info.cells):
        colour = colours[cell.arm]
        others = np.array(cell.others)
        ax.plot(others, np.full(others.size, row), "o", color=colour, ms=4, alpha=0.5, mew=0)
        if others.size:
            ax.plot(cell.mean, row, marker="|", color=colour, markersize=12, mew=2)
        if cell.seed10 is not None:
            ax.plot(cell.seed10, row, "o", color=INK, mfc="none", ms=7, mew=1.2)
        ax.plot(cell.published, row, marker="D", color=INK, markersize=6, mfc="none", mew=1.4)
    ax.set_yticks(range(len(info.cells)), [f"{cell.name}, {cell.images}" for cell in info.cells])
    ax.set_ylim(len(info.cells) - 0.4, -0.6)
    ax.set_xlim(right=101)
    only = {cell.metric for cell in info.cells}
    kind = {"valid_accuracy": "validation ", "train_accuracy": "training "}
    ax.set_xlabel(f"{kind[only.pop()] if len(only) == 1 else ''}accuracy, %")
    style_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    for text, cell in zip(ax.get_yticklabels(), info.cells, strict=True):
        text.set_color(colours[cell.arm])
    _replication_legend(ax)
    return ax


def _replication_legend(ax: Axes) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=INK, marker="o", linestyle="", alpha=0.5, ms=4, label="other seeds"),
        Line2D([], [], color=INK, marker="|", linestyle="", ms=10, mew=2, label="mean"),
        Line2D([], [], color=INK, marker="D", linestyle="", mfc="none", label="published"),
        Line2D([], [], color=INK, marker="o", linestyle="", mfc="none", ms=7, label="seed 10"),
    ]
    draw_key(ax, marks)
