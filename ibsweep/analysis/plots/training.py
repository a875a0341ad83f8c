"""Figures of training: curves of a trial, confusion of classes, the history of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ibsweep.analysis.plots.style import (
    GRID,
    INK,
    SIZE,
    Label,
    draw_no_data,
    label_ends,
    style_axes,
)
from ibsweep.analysis.wording import column_title, heading
from ibsweep.questions.schema import Objective

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType
    from numpy.typing import NDArray

__all__ = [
    "Band",
    "ConfusionInfo",
    "CurvesInfo",
    "HistoryInfo",
    "confusion_info",
    "curves_info",
    "history_info",
    "plot_confusion",
    "plot_curves",
    "plot_history",
]

_VALID, _TRAIN = "#2f7fd1", INK  # grey and blue bands stay apart where they overlap
_SHADES = ("#dbe7f5", "#174f93")
"""Shades of a confusion matrix: of no image, of all of a class."""
_FIGURES = ("#010101", "#ffffff")
"""What figures on them are written in. Not quite black: pages take black for their own ink, which
is light on a dark page."""
_FEW = 20
"""Up to so many points on a line are marked."""


class Band(NamedTuple):
    """Figures of the replicates, each with shape ``(epochs,)``; not a number where none is finite.

    Attributes:
        mean: Mean over the replicates whose figure is finite.
        low: The least of them.
        high: The greatest of them.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class CurvesInfo(NamedTuple):
    """Curves of one trial.

    Attributes:
        metric: What they show; None for the loss.
        epochs: Validated epochs, rising, with shape ``(epochs,)``.
        valid: After each epoch, on validation examples.
        train: Over each epoch, on training examples, before each update.
    """

    metric: Objective | None
    epochs: NDArray[np.int64]
    valid: Band
    train: Band


def curves_info(
    curves: pd.DataFrame, sweep: str, trial: int, metric: Objective | str = "accuracy"
) -> CurvesInfo:
    """Return the curves of a trial; empty where the frame has no row of it.

    Args:
        curves: The frame ``Results.curves``.
        sweep: Name of the sweep.
        trial: Number of the trial.
        metric: What to show: a metric or its name, or ``"loss"``.
    """
    shown = None if metric == "loss" else Objective.model_validate(metric)
    name = shown.metric if shown else "loss"
    rows = curves[(curves["sweep"] == sweep) & (curves["trial"] == trial)]
    epochs = np.unique(rows["epoch"].to_numpy(dtype=np.int64))
    return CurvesInfo(
        shown,
        epochs,
        _band(rows, epochs, f"valid_{name}"),
        _band(rows, epochs, f"train_{name}"),
    )


def _band(rows: pd.DataFrame, epochs: NDArray[np.int64], column: str) -> Band:
    if column not in rows:
        return Band(*(np.full(epochs.size, np.nan) for _ in range(3)))
    values = rows[column].to_numpy(dtype=np.float64)
    finite = np.isfinite(values)
    by_epoch = [values[finite & (rows["epoch"].to_numpy() == epoch)] for epoch in epochs]
    stats = [(v.mean(), v.min(), v.max()) if v.size else (np.nan,) * 3 for v in by_epoch]
    mean, low, high = np.array(stats, dtype=np.float64).reshape(-1, 3).T
    return Band(mean, low, high)


def plot_curves(ax: Axes, info: CurvesInfo) -> Axes:
    """Draw the mean over the replicates as a line, from the least to the greatest as a band."""
    if not info.epochs.size:
        return draw_no_data(ax)
    marker = "o" if info.epochs.size <= _FEW else None
    labels = []
    for name, colour, band in (
        ("training", _TRAIN, info.train),
        ("validation", _VALID, info.valid),
    ):
        ax.fill_between(info.epochs, band.low, band.high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(info.epochs, band.mean, color=colour, linewidth=1.6, marker=marker, markersize=3)
        known = np.flatnonzero(np.isfinite(band.mean))
        if known.size:
            last = known[-1]
            labels.append(Label(float(info.epochs[last]), float(band.mean[last]), name, colour))
    ax.set_xlabel("epoch")
    ax.set_ylabel(heading(info.metric, info.metric.title) if info.metric else "loss")
    if info.metric is None:
        ax.set_ylim(bottom=0)
    else:
        _limit(ax, info.metric, info.valid.low, info.train.low)
    style_axes(ax)
    label_ends(ax, labels)
    return ax


def _limit(ax: Axes, metric: Objective, *figures: NDArray[np.float64]) -> None:
    """Let an axis of percents end a little above 100 and start a little below the least figure.

    Axes of other metrics end where their figures do.
    """
    if metric.unit == "%":
        finite = [values[np.isfinite(values)] for values in figures]
        least = min((float(values.min()) for values in finite if values.size), default=0.0)
        ax.set_ylim(max(0.0, least - 6), 102)


class ConfusionInfo(NamedTuple):
    """A confusion matrix.

    Attributes:
        values: Shape ``(classes, classes)``, by true (rows) and predicted class: mean counts, or
            percent of the true class's examples; not a number for a class without examples.
        percent: Whether they are percent.
        names: Names of the classes.
    """

    values: NDArray[np.float64]
    percent: bool
    names: tuple[str, ...]


def confusion_info(
    confirmations: pd.DataFrame, names: Sequence[str], *, percent: bool = True
) -> ConfusionInfo:
    """Return the mean confusion matrix of replicates.

    Args:
        confirmations: The rows of ``Results.confirmations`` to average, such as the best trial's
            at the arm's number of images.
        names: Names of the classes, in the order of the labels.
        percent: Divide by each true class's examples.

    Raises:
        ValueError: If the matrices have another number of classes.
    """
    matrices = [np.asarray(m, dtype=np.float64) for m in confirmations["test_confusion"].dropna()]
    size = (len(names), len(names))
    for matrix in matrices:
        if matrix.shape != size:
            raise ValueError(f"`names` must name all classes, but got {size=}, {matrix.shape=}")
    if not matrices:
        return ConfusionInfo(np.full(size, np.nan), percent, tuple(names))
    counts = np.mean(matrices, axis=0)
    if percent:
        images = counts.sum(axis=1, keepdims=True)
        counts = np.divide(100 * counts, images, out=np.full(size, np.nan), where=images > 0)
    return ConfusionInfo(counts, percent, tuple(names))


def plot_confusion(ax: Axes, info: ConfusionInfo) -> Axes:
    """Draw the matrix as shades with its figures; a shade is a share of the true class.

    The shades hide the paper, and each figure is dark or white, whichever stands out more: above
    4.5:1 on any shade.
    """
    from matplotlib.patches import Rectangle

    if not np.isfinite(info.values).any():
        return draw_no_data(ax)
    totals = np.nansum(info.values, axis=1, keepdims=True)
    shares = np.nan_to_num(info.values / np.where(totals > 0, totals, 1))
    for (row, column), value in np.ndenumerate(info.values):
        if np.isfinite(value):
            shade = _shade(float(shares[row, column]))
            corner = (column - 0.5, row - 0.5)
            ax.add_patch(Rectangle(corner, 1, 1, color=shade, linewidth=0, zorder=0))
            text = f"{value:.1f}" if info.percent else f"{value:.0f}"
            colour = max(_FIGURES, key=lambda figure: _contrast(figure, shade))
            ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=SIZE)
    size = len(info.names)
    ax.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
    ticks = range(len(info.names))
    ax.set_xticks(ticks, info.names, rotation=30, ha="right", rotation_mode="anchor")
    ax.set_yticks(ticks, info.names)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true class, % of it" if info.percent else "true class")
    style_axes(ax, grid=None)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xticks(np.arange(len(info.names) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(info.names) + 1) - 0.5, minor=True)
    ax.grid(which="minor", color=GRID, linewidth=0.8)
    ax.tick_params(which="minor", length=0)
    return ax


def _shade(share: float) -> tuple[float, float, float]:
    """Return the colour of a share from 0 to 1."""
    from matplotlib.colors import to_rgb

    none, all_ = (np.array(to_rgb(colour)) for colour in _SHADES)
    red, green, blue = none + share * (all_ - none)
    return float(red), float(green), float(blue)


def _contrast(one: ColorType, other: ColorType) -> float:
    """Return the contrast of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: ColorType) -> float:
    from matplotlib.colors import to_rgb

    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


class HistoryInfo(NamedTuple):
    """The trials of a sweep in the order of their numbers, each with shape ``(trials,)``.

    Attributes:
        trials: Numbers of the trials that have a figure.
        values: The objective on validation examples at the last epoch.
        complete: Whether a trial was completed; the others were pruned.
        best: The best completed one so far; not a number before the first.
        baseline: The baseline's figure, or None.
        failed: Numbers of the trials that failed.
        metric: The objective.
    """

    trials: NDArray[np.int64]
    values: NDArray[np.float64]
    complete: NDArray[np.bool_]
    best: NDArray[np.float64]
    baseline: float | None
    failed: NDArray[np.int64]
    metric: Objective


def history_info(
    trials: pd.DataFrame, sweep: str, metric: Objective | str = "accuracy"
) -> HistoryInfo:
    """Return the history of a sweep; empty where the frame has no row of it.

    Args:
        trials: The frame ``Results.trials``.
        sweep: Name of the sweep.
        metric: The question's objective, or its name.
    """
    objective = Objective.model_validate(metric)
    rows = trials[trials["sweep"] == sweep].sort_values("trial")
    scored = rows[np.isfinite(rows[objective.valid]) & (rows["state"] != "FAIL")]
    values = scored[objective.valid].to_numpy(dtype=np.float64)
    complete = (scored["state"] == "COMPLETE").to_numpy(dtype=np.bool_)
    best = values
    if values.size:
        leading = np.where(complete, objective.sign * values, -np.inf)
        best = objective.sign * np.maximum.accumulate(leading)
    baseline = scored.loc[scored["origin"] == "baseline", objective.valid]
    return HistoryInfo(
        scored["trial"].to_numpy(dtype=np.int64),
        values,
        complete,
        np.where(np.isfinite(best), best, np.nan),
        float(baseline.iloc[0]) if len(baseline) else None,
        rows.loc[rows["state"] == "FAIL", "trial"].to_numpy(dtype=np.int64),
        objective,
    )


def plot_history(ax: Axes, info: HistoryInfo) -> Axes:
    """Draw dots, pruned ones faint, failed ones as crosses; the best so far as a line."""
    if not info.trials.size and not info.failed.size:
        return draw_no_data(ax)
    pruned = ~info.complete
    ax.scatter(info.trials[pruned], info.values[pruned], s=14, color=INK, alpha=0.45, linewidths=0)
    ax.scatter(info.trials[info.complete], info.values[info.complete], s=20, color=_VALID)
    ax.step(info.trials, info.best, where="post", color=_VALID, linewidth=1.4, alpha=0.8)
    _limit(ax, info.metric, info.values)
    ax.set_xlabel("trial")
    ax.set_ylabel(heading(info.metric, column_title(info.metric, info.metric.valid)))
    if info.failed.size:
        bottom, top = ax.get_ylim()
        low = np.full(info.failed.size, bottom + 0.02 * (top - bottom))
        ax.scatter(info.failed, low, s=18, marker="x", color=INK, linewidths=1)
    style_axes(ax)
    labels = []
    if np.isfinite(info.best).any():
        end = float(max([*info.trials, *info.failed]))
        labels.append(Label(end, float(info.best[-1]), "best so far", _VALID))
        if info.baseline is not None:
            ends = [info.trials[0], info.trials[-1]]
            ax.plot(ends, [info.baseline] * 2, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            labels.append(Label(end, info.baseline, "baseline", INK))
    label_ends(ax, labels)
    return ax
