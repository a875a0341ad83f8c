"""Figures of what was found: arms compared, what images are worth, the spread behind a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.efficiency import check_one_sweep
from ibsweep.analysis.plots.style import (
    INK,
    SIZE,
    Label,
    arm_colours,
    draw_no_data,
    label_ends,
    style_axes,
)
from ibsweep.analysis.replications import ReplicationSummary, summarise_replications
from ibsweep.analysis.statistics import Interval, mean_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from ibsweep.analysis.efficiency import Efficiency
    from ibsweep.models.catalogue import Family
    from ibsweep.questions.schema import Arm, Question

__all__ = [
    "ArmsInfo",
    "EfficiencyInfo",
    "ReplicationInfo",
    "arms_info",
    "efficiency_info",
    "plot_arms",
    "plot_efficiency",
    "plot_replication",
    "replication_info",
]


def _families(question: Question) -> dict[str, Family]:
    return {name: arm.family for name, arm in question.arms.items()}


class ArmsInfo(NamedTuple):
    """The arms of a question side by side, each field with an entry an arm, in its order.

    Attributes:
        families: The family of each one's model, by name.
        images: Training images per class.
        best: Test accuracy of the best configuration in percent, with its 95 % interval; None
            where nothing is confirmed.
        baseline: The same of the notebook's setting.
        published: The notebook's figure of validation images in percent, or None.
    """

    families: Mapping[str, Family]
    images: tuple[int, ...]
    best: tuple[Interval | None, ...]
    baseline: tuple[Interval | None, ...]
    published: tuple[float | None, ...]


def arms_info(question: Question, confirmations: pd.DataFrame) -> ArmsInfo:
    """Return the arms compared, each at its own number of images.

    Args:
        question: The question.
        confirmations: The rows of ``Results.confirmations`` of its current sweeps.

    Raises:
        InputError: If there are rows of several sweeps of an arm.
    """
    arms = list(question.arms.values())
    for arm in arms:
        check_one_sweep(confirmations, arm.name)

    def score(arm: Arm, which: pd.Series[bool]) -> Interval | None:
        own = (confirmations["arm"] == arm.name) & (confirmations["images"] == arm.images)
        values = confirmations.loc[own & which, "test_accuracy"].to_list()
        return mean_interval(values) if values else None

    return ArmsInfo(
        _families(question),
        tuple(arm.images for arm in arms),
        tuple(score(arm, confirmations["role"] == "best") for arm in arms),
        tuple(score(arm, confirmations["baseline"]) for arm in arms),
        tuple(
            next((f.valid_accuracy for f in arm.notebook if f.images == arm.images), None)
            for arm in arms
        ),
    )


def plot_arms(ax: Axes, info: ArmsInfo) -> Axes:
    """Draw a row an arm: the best with its interval, the notebook's setting, its own figure."""
    if not any(info.best) and not any(info.baseline):
        return draw_no_data(ax)
    colours = arm_colours(info.families)
    for row, name in enumerate(info.families):
        best, baseline, published = info.best[row], info.baseline[row], info.published[row]
        if baseline is not None:
            _interval(ax, baseline, row + 0.22, INK, filled=False)
        if published is not None:
            ax.plot(published, row + 0.22, marker="x", color=INK, markersize=6, linestyle="")
        if best is not None:
            _interval(ax, best, row - 0.1, colours[name], filled=True)
            ax.text(
                best.mean,
                row - 0.24,
                f"{best.mean:.1f}",
                color=colours[name],
                fontsize=SIZE,
                ha="center",
                va="bottom",
            )
    ax.set_yticks(range(len(info.families)), list(info.families))
    ax.set_ylim(len(info.families) - 0.4, -0.75)
    ax.set_xlim(right=101)
    ax.set_xlabel("test accuracy, %")
    style_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    for text, name in zip(ax.get_yticklabels(), info.families, strict=True):
        text.set_color(colours[name])
    _arms_legend(ax, published=any(value is not None for value in info.published))
    return ax


def _interval(ax: Axes, value: Interval, y: float, colour: str, *, filled: bool) -> None:
    if value.low is not None and value.high is not None:
        width = 2.2 if filled else 1.2
        ax.plot([value.low, value.high], [y, y], color=colour, linewidth=width, alpha=0.7)
    face = colour if filled else "none"
    ax.plot(
        value.mean, y, marker="o", color=colour, markerfacecolor=face, markersize=6, linestyle=""
    )


def _arms_legend(ax: Axes, *, published: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=INK, marker="o", linestyle="", label="best found"),
        Line2D(
            [],
            [],
            color=INK,
            marker="o",
            markerfacecolor="none",
            ls="",
            label="notebook's setting",
        ),
    ]
    if published:
        marks.append(Line2D([], [], color=INK, marker="x", ls="", label="published"))
    _legend(ax, marks)


class EfficiencyInfo(NamedTuple):
    """Data-efficiency curves.

    Attributes:
        curves: One an arm that has been measured: test accuracy in percent by images per class.
        families: Of all arms of the question by name, so that colours stay theirs.
        target: An accuracy to mark, percent, or None.
    """

    curves: tuple[Efficiency, ...]
    families: Mapping[str, Family]
    target: float | None


def efficiency_info(
    question: Question, curves: Sequence[Efficiency], target: float | None = None
) -> EfficiencyInfo:
    """Return the curves to draw, without points that are not finite.

    Args:
        question: The question.
        curves: What `ibsweep.analysis.efficiency.efficiency_curves` returns.
        target: An accuracy to mark, percent.
    """
    kept = []
    for curve in curves:
        finite = np.isfinite(curve.mean)
        if finite.any():
            kept.append(
                curve._replace(
                    images=curve.images[finite],
                    mean=curve.mean[finite],
                    low=curve.low[finite],
                    high=curve.high[finite],
                )
            )
    return EfficiencyInfo(tuple(kept), _families(question), target)


def plot_efficiency(ax: Axes, info: EfficiencyInfo) -> Axes:
    """Draw mean test accuracy against images per class, the 95 % interval as a band."""
    if not info.curves:
        return draw_no_data(ax)
    colours = arm_colours(info.families)
    labels = []
    # at the edge also where a curve ends before: inside it would lie on the others
    edge = max(float(curve.images[-1]) for curve in info.curves)
    for curve in info.curves:
        colour = colours[curve.arm]
        ax.fill_between(curve.images, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(curve.images, curve.mean, color=colour, linewidth=1.8, marker="o", markersize=4)
        labels.append(Label(edge, float(curve.mean[-1]), curve.arm, colour))
    if info.target is not None:
        ax.axhline(info.target, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    ticks = sorted({int(n) for curve in info.curves for n in curve.images})
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(n) for n in ticks])
    ax.set_xticks([], minor=True)
    ax.set_ylim(top=101)
    ax.set_xlabel("training images per class")
    ax.set_ylabel("test accuracy, %")
    style_axes(ax)
    label_ends(ax, labels)
    return ax


class ReplicationInfo(NamedTuple):
    """The published figures of a question, each in the spread of seeds.

    Attributes:
        cells: Those that have been replicated, by arm, setting and number of images.
        families: Of all arms of the question by name, so that colours stay theirs.
    """

    cells: tuple[ReplicationSummary, ...]
    families: Mapping[str, Family]


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
        ax.plot(cell.published, row, marker="x", color=INK, markersize=7, mew=1.8)
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
        Line2D([], [], color=INK, marker="x", linestyle="", mew=1.8, label="published"),
        Line2D([], [], color=INK, marker="o", linestyle="", mfc="none", ms=7, label="seed 10"),
    ]
    _legend(ax, marks)


def _legend(ax: Axes, marks: list[Line2D]) -> None:
    """Put the key of the marks in one line above the axes."""
    ax.legend(
        handles=marks,
        loc="lower right",
        bbox_to_anchor=(1, 1.0),
        ncols=4,
        frameon=False,
        fontsize=SIZE,
        labelcolor=INK,
        handletextpad=0.2,
        columnspacing=1.2,
        borderaxespad=0.2,
    )
